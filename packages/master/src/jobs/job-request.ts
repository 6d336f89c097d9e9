import { EdgeError, type InstantMs } from '@edge-run/shared/kernel';
import type { JobRequest } from '@edge-run/shared/modules/contract';
import { JOB_ID, type JobMessage, jobMessage, type RunOfJob } from '@edge-run/shared/protocol';
import type { CallArguments } from '@edge-run/shared/schema';
import { decodeValue, encodeValue, type Value } from '@edge-run/shared/values';
import { DELIVERY_MS } from './batch-drive.ts';
import { type BatchGate, decodeGate, encodeGate } from './batch-gate.ts';
import type { BatchSettings } from './batch-plan.ts';
import { batchSizes, limitAmong } from './batches.ts';
import type { JobRecord } from './records.ts';

/** A job to publish. */
export interface JobRunRequest extends JobRequest {
  /** Who asks; `master` unless told. */
  readonly by?: string;
  /** The run it belongs to. */
  readonly run?: RunOfJob;
  /** The step of that run. */
  readonly step?: string;
  /** The words as typed on a command line. */
  readonly typed?: JobMessage['typed'];
  /** Running it again does no harm: a host that was interrupted in it does so by itself. */
  readonly resumable?: boolean;
  /** Id of the event that led here. */
  readonly causedBy?: string;
  /** Separates the levels of a grain or pillar key; `:` when absent. */
  readonly delimiter?: string;
  /**
   * At most so many hosts at a time: a number, or a share such as `25%`; several with commas between, `1,25%,100%`, are
   * batches one after the other, the last repeated. All at once when absent.
   */
  readonly batch?: string;
  /** How long a place in the batch stays taken after its host has ended. Default 0. */
  readonly batchWaitMs?: number;
  /** In batches of `size` when more than `limit` hosts are meant and `batch` is absent (Salt's `--batch-safe-limit`). */
  readonly batchSafe?: { readonly limit: number; readonly size: string };
  /** With a batch: start no further host after one that did not succeed. */
  readonly failhard?: boolean;
  /** How many hosts may fail before nobody else is started: a number, or a share of all. Without limit when absent. */
  readonly maxFailures?: string;
  /** How many may be unreachable, which do not count as failed. As `maxFailures` when absent. */
  readonly maxUnreachable?: string;
  /** Hosts that may fail without being counted. */
  readonly excused?: readonly string[];
  /** What has to succeed behind each batch before the next begins; without `batch`, behind all hosts. */
  readonly gates?: readonly BatchGate[];
  /** Only so many hosts, chosen at random. */
  readonly subset?: number;
  /** `ssh`: only hosts of the roster are meant, of those the target selects. */
  readonly transport?: 'ssh';
  /** Path of the roster whose hosts are meant, instead of the master's own. */
  readonly roster?: string;
  /** The job this one repeats. */
  readonly rerunOf?: string;
}

/** What of a job is not in its record when that holds secrets. */
export interface JobParts {
  readonly message: JobMessage;
  readonly gates: readonly BatchGate[];
}

/** A job ready to be recorded and sent. */
export interface PreparedJob extends JobParts {
  readonly record: JobRecord;
}

/** True for what can be a job id: one token of a subject. */
export function isJobId(jid: string): boolean {
  return JOB_ID.test(jid);
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function requireJobId(jid: string): void {
  if (isJobId(jid)) return;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `'${jid}' cannot be a job id`,
    { jid },
    { hint: 'Use at most 100 letters, digits, - and _.' },
  );
}

/** The record of a job, with its secrets sealed, and the message that reveals them to its targets. */
export function prepareJob(
  request: JobRunRequest & { readonly jid: string; readonly targets: readonly string[] },
  now: InstantMs,
): PreparedJob {
  const encode = (secrets: 'sealed' | 'revealed'): Pick<JobMessage, 'args' | 'kwargs'> => ({
    args: (request.args ?? []).map((value: Value) => encodeValue(value, { secrets })),
    kwargs: [...(request.kwargs ?? [])].map(([name, value]) => [name, encodeValue(value, { secrets })]),
  });
  const sealed = encode('sealed');
  const revealed = encode('revealed');
  const common = {
    jid: request.jid,
    fun: request.fun,
    by: request.by ?? 'master',
    targets: [...request.targets],
    issuedAt: now,
    expiresAt: now + DELIVERY_MS,
    ...defined({ timeoutMs: request.timeoutMs, run: request.run, roster: request.roster }),
  };
  // Parsed, so that the same message read from a record later is the same text.
  const message = jobMessage.parse({
    ...{ ...common, ...revealed },
    ...defined({ typed: request.typed, resumable: request.resumable }),
  });
  const { gates = [] } = request;
  const sealedGates = gates.map((gate) => encodeGate(gate, 'sealed'));
  const revealedGates = gates.map((gate) => encodeGate(gate, 'revealed'));
  const secretFree = JSON.stringify([sealed, sealedGates]) === JSON.stringify([revealed, revealedGates]);
  const batch = batchSettings(request, request.targets.length);
  const record: JobRecord = {
    ...{ ...common, ...sealed, target: request.target, targetType: request.targetType ?? 'glob' },
    ...defined({ delimiter: request.delimiter, step: request.step, rerunOf: request.rerunOf }),
    ...defined({ causedBy: request.causedBy, batch, resumable: request.resumable }),
    ...(gates.length === 0 ? {} : { gates: sealedGates }),
    ...(secretFree ? defined({ typed: request.typed }) : { sealed: true as const }),
  };
  return { record, message, gates };
}

/** The words of a message, as arguments are parsed with. */
export function typedWords(typed: JobMessage['typed']): NonNullable<CallArguments['typed']> {
  return {
    args: (typed?.args ?? []).map((word) => word ?? undefined),
    kwargs: new Map(Object.entries(typed?.kwargs ?? {})),
  };
}

/** What a recorded job sends and asks; undefined when it held secrets, which are not kept. */
export function partsOf(record: JobRecord): JobParts | undefined {
  if (record.sealed === true) return undefined;
  return { message: jobMessage.parse(record), gates: (record.gates ?? []).map(decodeGate) };
}

/**
 * How a job goes through `total` targets; undefined when it asks all of them at once, whatever becomes of them.
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for a batch or a limit that is no number and no share
 */
export function batchSettings(request: JobRunRequest, total: number): BatchSettings | undefined {
  const { batchSafe, batchWaitMs = 0, failhard = false, maxFailures, excused, gates = [] } = request;
  const { maxUnreachable = maxFailures } = request;
  const isGated = gates.length > 0;
  const safe = batchSafe !== undefined && total > batchSafe.limit ? batchSafe.size : undefined;
  const asked = request.batch ?? safe ?? (isGated ? '100%' : undefined);
  if (asked === undefined) return undefined;
  const sizes = batchSizes(asked, total);
  return {
    ...{ size: sizes[0]!, waitMs: batchWaitMs, failhard },
    ...(sizes.length > 1 || isGated ? { sizes: [...sizes] } : {}),
    ...(maxFailures === undefined ? {} : { maxFailures: limitAmong(maxFailures, total) }),
    ...(maxUnreachable === undefined ? {} : { maxUnreachable: limitAmong(maxUnreachable, total) }),
    ...(excused === undefined || excused.length === 0 ? {} : { excused: [...excused] }),
    ...(isGated ? { gated: true } : {}),
  };
}

function defined<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

/**
 * The request that does the same as an ended job, on the same targets.
 * @throws EdgeError `EDGE_BAD_ARGUMENT` while it runs; `EDGE_NOT_SUPPORTED` when it held secrets
 */
export function requestToRepeat(record: JobRecord): JobRunRequest {
  const { jid, fun, args, kwargs, targets, batch, gates } = record;
  if (record.ended === undefined) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `job ${jid} has not ended`,
      { jid },
      { hint: `Wait for it with 'edge-run jobs watch ${jid}', or end it with 'edge-run jobs kill ${jid}'.` },
    );
  }
  if (record.sealed === true) {
    throw new EdgeError(
      'EDGE_NOT_SUPPORTED',
      `the arguments of job ${jid} hold secrets, which are not kept`,
      { jid, fun },
      { hint: `Ask for it as you did: edge-run TARGET ${fun} …` },
    );
  }
  return {
    ...{ fun, target: targets.join(','), targetType: 'list', rerunOf: jid },
    ...{ args: args.map(decodeValue), kwargs: new Map(kwargs.map(([name, value]) => [name, decodeValue(value)])) },
    ...defined({
      timeoutMs: record.timeoutMs,
      typed: record.typed,
      resumable: record.resumable,
      roster: record.roster,
    }),
    ...(batch === undefined ? {} : batchAgain(batch)),
    ...(gates === undefined ? {} : { gates: gates.map(decodeGate) }),
  };
}

/** The numbers are those of the first time, however many hosts are repeated. */
function batchAgain(batch: BatchSettings): Partial<JobRunRequest> {
  const { size, sizes = [size], waitMs, failhard, maxFailures, maxUnreachable, excused } = batch;
  return {
    ...{ batch: sizes.join(','), batchWaitMs: waitMs, failhard },
    ...(maxFailures === undefined ? {} : { maxFailures: String(maxFailures) }),
    ...(maxUnreachable === undefined ? {} : { maxUnreachable: String(maxUnreachable) }),
    ...(excused === undefined ? {} : { excused }),
  };
}

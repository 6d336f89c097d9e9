import type { HostJob, HostJobResult } from '@edge-run/shared/execute';
import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { encodedValue, type JobMessage } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import type { JobRunRequest } from './job-request.ts';

/** A function that has to succeed behind each batch before the next may begin. */
export interface BatchGate {
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  /** On the targets of the batch that succeeded, or once on the master. */
  readonly on: 'targets' | 'master';
  readonly timeoutMs: number;
}

/** A gate as kept with its job: encoded, secrets sealed. */
export const gateRecord = z.object({
  fun: z.string(),
  args: z.array(encodedValue),
  kwargs: z.array(z.tuple([z.string(), encodedValue])),
  on: z.enum(['targets', 'master']),
  timeoutMs: z.number(),
});
type GateRecord = z.infer<typeof gateRecord>;

/** What gates are asked through. */
export interface GatePorts {
  run(request: JobRunRequest, signal: AbortSignal): Promise<JobAnswer>;
  /** Absent where there is no master's own host: gates that ask there fail. */
  readonly callMaster?: ((job: HostJob, signal: AbortSignal) => Promise<HostJobResult>) | undefined;
}

/** Asks the gates behind a batch; answers why the next may not begin, undefined when it may. */
export type AskGates = (
  gates: readonly BatchGate[],
  batch: {
    readonly batch: number;
    readonly ids: readonly string[];
    readonly message: Pick<JobMessage, 'by' | 'run'>;
  },
  signal: AbortSignal,
) => Promise<string | undefined>;

/** The batch a gate stands behind. */
interface GatedBatch {
  readonly jid: string;
  /** Counted from 0. */
  readonly batch: number;
  /** Its targets that succeeded. */
  readonly ids: readonly string[];
  readonly request: Pick<JobRunRequest, 'by' | 'run' | 'step'>;
}

const SHOWN_CHARACTERS = 300;
const NAMED_AT_MOST = 3;

/**
 * Asks the gates one after the other. Why the next batch may not begin, with the last answer; undefined when all passed.
 * A gate on targets is a job under an id of its own, so that asking again attaches to it.
 */
async function askGates(
  gates: readonly BatchGate[],
  gated: GatedBatch,
  ports: GatePorts,
  signal: AbortSignal,
): Promise<string | undefined> {
  for (const [index, gate] of gates.entries()) {
    const jid = `${gated.jid}-gate-${gated.batch}-${index}`;
    const problem =
      gate.on === 'master'
        ? await askMaster(gate, jid, ports, signal)
        : await askTargets(gate, jid, gated, ports, signal);
    if (problem !== undefined) return `the gate behind batch ${gated.batch + 1} failed: ${problem}`;
  }
  return undefined;
}

/** What asks the gates of a job, in the name of who asked for the job. */
export function gatekeeper({ jid, step }: { jid: string; step?: string | undefined }, ports: GatePorts): AskGates {
  return (gates, { message: { by, run }, ...batch }, signal) => {
    const request = { by, ...(run === undefined ? {} : { run }), ...(step === undefined ? {} : { step }) };
    return askGates(gates, { ...batch, jid, request }, ports, signal);
  };
}

/** True for an end that is no success of the function: an outcome, a return of False, or a mapping that says so. */
export function hasFunctionFailed({ outcome, retcode, ret }: JobTargetAnswer): boolean {
  if (outcome !== 'succeeded' || retcode !== 0 || ret === false) return true;
  return ret instanceof PyMap && ['result', 'success'].some((key) => ret.get(key) === false);
}

/** The gate as it is kept. */
export function encodeGate({ args, kwargs, ...gate }: BatchGate, secrets: 'sealed' | 'revealed'): GateRecord {
  return {
    ...gate,
    args: args.map((value) => encodeValue(value, { secrets })),
    kwargs: [...kwargs].map(([name, value]): [string, GateRecord['args'][number]] => [
      name,
      encodeValue(value, { secrets }),
    ]),
  };
}

/** The gate of a record that holds no secrets. */
export function decodeGate({ args, kwargs, ...gate }: GateRecord): BatchGate {
  return {
    ...gate,
    args: args.map(decodeValue),
    kwargs: new Map(kwargs.map(([name, value]) => [name, decodeValue(value)])),
  };
}

async function askMaster(
  { fun, args, kwargs, timeoutMs }: BatchGate,
  jid: string,
  { callMaster }: GatePorts,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (callMaster === undefined) return `there is no host of the master to run ${fun} on`;
  const { outcome, ret, retcode, error } = await callMaster({ jid, fun, args, kwargs, timeoutMs }, signal);
  const answer = { outcome, ret, retcode, ...(error === undefined ? {} : { evidence: error.message }) };
  return hasFunctionFailed(answer) ? `${fun} on the master: ${saidBy(answer)}` : undefined;
}

async function askTargets(
  { fun, args, kwargs, timeoutMs }: BatchGate,
  jid: string,
  { ids, request }: GatedBatch,
  { run }: GatePorts,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (ids.length === 0) return `none of its hosts succeeded, so there is nobody to run ${fun} on`;
  const target = ids.join(',');
  const answer = await run({ ...request, jid, target, targetType: 'list', fun, args, kwargs, timeoutMs }, signal);
  const failed = [...answer.targets].filter(([, end]) => hasFunctionFailed(end));
  if (failed.length === 0) return undefined;
  const more = failed.length > NAMED_AT_MOST ? `; ${failed.length - NAMED_AT_MOST} more hosts failed it` : '';
  const said = failed.slice(0, NAMED_AT_MOST).map(([id, end]) => `${id}: ${saidBy(end)}`);
  return `${fun} on ${said.join('; ')}${more}`;
}

/** The last answer in one line. */
function saidBy({ outcome, ret, evidence, retcode }: JobTargetAnswer): string {
  const text = ret === undefined ? '' : typeof ret === 'string' ? ret : JSON.stringify(encodeValue(ret));
  const said = text.trim().slice(0, SHOWN_CHARACTERS);
  if (evidence === undefined || evidence === text) return said === '' ? `${outcome}, code ${retcode}` : said;
  return said === '' ? evidence : `${evidence}; it answered ${said}`;
}

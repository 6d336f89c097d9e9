import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { TargetOutcome } from '@edge-run/shared/modules/contract';
import {
  type JobDetails,
  type JobSummary,
  OPERATIONS,
  type OperationAnswer,
  readGates,
  type TargetExpression,
} from '@edge-run/shared/protocol';
import type { CallArguments } from '@edge-run/shared/schema';
import { decodeValue, encodeValue, type Value } from '@edge-run/shared/values';
import type { z } from 'zod';
import { type Operation, operation } from '../gateway/index.ts';
import { type JobReport, type JobService, type JobSummary as KeptJob, typedWords } from '../jobs/index.ts';
import { pageOf } from './job-pages.ts';

const GATE_HINT = 'Write for instance: --gate \'{fun: http.query, arg: ["http://localhost:8080/health"]}\'';
const DEFAULT_LIMIT = 50;
/** How many jobs a prefix, `@last` or `@last-failed` is looked for among. */
const LOOKED_AMONG = 1_000;

/** What the operations on jobs are answered with. */
export interface JobOperationsOptions {
  readonly jobs: JobService;
  /** Refuses a call that no host could do anything with. @throws EdgeError, DiagnosticsError */
  readonly checkCall: (fun: string, call: CallArguments) => void;
  /** Milliseconds until a job that says nothing else is given up. */
  readonly deadlineMs: number;
  /** How much of a job's returns is answered at once. */
  readonly pageBytes: () => number;
}

/** What people ask about jobs. */
export function jobOperations(options: JobOperationsOptions): Readonly<Record<string, Operation>> {
  const { jobs } = options;
  return {
    'jobs.publish': operation(OPERATIONS['jobs.publish'].args, (args, caller) => publish(args, caller.id, options)),
    'jobs.rerun': operation(OPERATIONS['jobs.rerun'].args, (args, caller) => rerun(args, caller.id, options)),
    'jobs.ls': operation(OPERATIONS['jobs.ls'].args, async ({ limit = DEFAULT_LIMIT, since, failed }) => {
      const query = { limit, ...(since === undefined ? {} : { since }), ...(failed === undefined ? {} : { failed }) };
      return { jobs: (await jobs.ls(query)).map(summaryOf) };
    }),
    'jobs.show': operation(OPERATIONS['jobs.show'].args, async ({ jid, after }) => {
      const { returns, ...details } = detailsOf(await jobs.show(await resolve(jobs, jid)));
      return { ...details, ...pageOf(returns, { after, mostBytes: options.pageBytes() }) };
    }),
    'jobs.kill': operation(OPERATIONS['jobs.kill'].args, async (args, caller) => {
      const jid = await resolve(jobs, args.jid);
      const { expected, targets } = await jobs.show(jid);
      const asked = expected.filter((id) => !targets.has(id));
      const killed = jobs.kill(jid, caller.id);
      if (args.wait === false) {
        killed.catch(() => undefined); // this master stops: the next one knows that it was killed
        return { jid, asked, outcomes: outcomesOf(targets) };
      }
      return { jid, asked, outcomes: outcomesOf((await killed).targets) };
    }),
  };
}

type Published = OperationAnswer<'jobs.publish'>;

async function publish(
  args: z.output<(typeof OPERATIONS)['jobs.publish']['args']>,
  by: string,
  { jobs, checkCall, deadlineMs }: JobOperationsOptions,
): Promise<Published> {
  const { fun, typed, timeoutMs = deadlineMs, batch, batchWaitMs, batchSafe, subset, failhard } = args;
  const { maxFailures, maxUnreachable, transport, roster } = args;
  const { expr, type, delimiter } = args.target;
  const call = { args: args.args.map(decodeValue), kwargs: decodeKwargs(args.kwargs) };
  checkCall(fun, { ...call, typed: typedWords(typed) });
  const gates = gatesOf(args.gate);
  for (const gate of gates) checkCall(gate.fun, gate);
  const { jid, targets } = await jobs.start({
    ...{ ...call, fun, by, timeoutMs, targetType: type, target: typeof expr === 'string' ? expr : expr.join(',') },
    ...(typed === undefined ? {} : { typed }),
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(transport === 'ssh' ? { transport } : {}),
    ...(batch === undefined ? {} : { batch }),
    ...(batchWaitMs === undefined ? {} : { batchWaitMs }),
    ...(maxFailures === undefined ? {} : { maxFailures }),
    ...(maxUnreachable === undefined ? {} : { maxUnreachable }),
    ...(gates.length === 0 ? {} : { gates }),
    ...(batchSafe === undefined ? {} : { batchSafe }),
    ...(subset === undefined ? {} : { subset }),
    ...(failhard === undefined ? {} : { failhard }),
    ...(roster === undefined ? {} : { roster }),
  });
  if (targets.length === 0) throw selectsNobody(args.target, transport, roster);
  return { jid, targets: [...targets] };
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for what is no gate */
function gatesOf(given: JsonValue | undefined): ReturnType<typeof readGates>['gates'] {
  const { gates, problems } = readGates(given === undefined ? undefined : decodeValue(given));
  const [problem] = problems;
  if (problem === undefined) return gates;
  throw new EdgeError('EDGE_BAD_ARGUMENT', problems.join('; '), {}, { hint: GATE_HINT });
}

async function rerun(
  { jid, only }: z.output<(typeof OPERATIONS)['jobs.rerun']['args']>,
  by: string,
  { jobs }: JobOperationsOptions,
): Promise<OperationAnswer<'jobs.rerun'>> {
  const rerunOf = await resolve(jobs, jid);
  const request = await jobs.repetitionOf(rerunOf);
  const { expected, targets } = await jobs.show(rerunOf);
  const chosen = expected.filter((id) => only === undefined || isOneOf(targets.get(id)?.outcome, only));
  if (chosen.length === 0) {
    throw new EdgeError(
      'EDGE_TARGET_MATCHES_NOTHING',
      `no target of job ${rerunOf} ended ${(only ?? []).join(' or ')}`,
      { jid: rerunOf, only: only ?? [] },
      { hint: `See how they ended with: edge-run jobs show ${rerunOf}` },
    );
  }
  const started = await jobs.start({ ...request, target: chosen.join(','), by });
  return { jid: started.jid, targets: [...started.targets], rerunOf };
}

function isOneOf(outcome: TargetOutcome | undefined, only: readonly TargetOutcome[]): boolean {
  return outcome !== undefined && only.includes(outcome);
}

function decodeKwargs(kwargs: readonly (readonly [string, JsonValue])[]): ReadonlyMap<string, Value> {
  return new Map(kwargs.map(([name, value]) => [name, decodeValue(value)]));
}

/** Nothing was published, and nothing is in the history. */
function selectsNobody(
  { expr, type }: TargetExpression,
  transport: 'bus' | 'ssh' | undefined,
  roster: string | undefined,
): EdgeError {
  const text = typeof expr === 'string' ? expr : expr.join(',');
  const flag = type === 'glob' ? '' : `--${type.replaceAll('_', '-')} `;
  const among = roster === undefined ? (transport === 'ssh' ? ' of the roster' : '') : ` of ${roster}`;
  const hint =
    roster !== undefined
      ? 'Hosts are chosen by id, by the grains that the roster says, and by those a host told when it was worked on.'
      : transport === 'ssh'
        ? 'See who is in the roster: edge-run roster ls'
        : `See why, host by host: edge-run match ${flag}'${text}' --all`;
  const what = `${text} selects nobody${among}`;
  return new EdgeError('EDGE_TARGET_MATCHES_NOTHING', what, { target: text, type }, { hint });
}

/** The id that a prefix, `@last` or `@last-failed` means. @throws EdgeError `EDGE_JOB_UNKNOWN`, `EDGE_BAD_ARGUMENT` */
async function resolve(jobs: JobService, text: string): Promise<string> {
  if (text === '@last' || text === '@last-failed') {
    const [found] = await jobs.ls({ limit: 1, failed: text === '@last-failed' });
    if (found !== undefined) return found.jid;
    throw new EdgeError(
      'EDGE_JOB_UNKNOWN',
      `there is no ${text === '@last' ? '' : 'failed '}job`,
      {},
      { hint: "List jobs with 'edge-run jobs ls'." },
    );
  }
  if (text.length >= 26) return text;
  const matches = (await jobs.ls({ limit: LOOKED_AMONG })).filter(
    ({ jid }) => jid.startsWith(text.toUpperCase()) || jid.endsWith(text.toUpperCase()),
  );
  if (matches.length === 1) return matches[0]!.jid;
  if (matches.length === 0)
    throw new EdgeError(
      'EDGE_JOB_UNKNOWN',
      `no job ${text} is known`,
      { jid: text },
      { hint: "List jobs with 'edge-run jobs ls'." },
    );
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `\`${text}\` is short for several jobs`,
    {},
    {
      hint: `One of: ${matches
        .slice(0, 5)
        .map(({ jid }) => jid)
        .join(', ')}`,
    },
  );
}

function outcomesOf(targets: JobReport['targets']): Record<string, TargetOutcome> {
  return Object.fromEntries([...targets].map(([id, { outcome }]) => [id, outcome]));
}

function summaryOf(job: KeptJob): JobSummary {
  const { jid, fun, target, by, issuedAt, endedAt, targetCount, outcomes, rerunOf } = job;
  return {
    jid,
    fun,
    target,
    by,
    startedAt: issuedAt,
    targets: targetCount,
    counts: { ...outcomes },
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(rerunOf === undefined ? {} : { rerunOf }),
  };
}

function detailsOf({ summary, args, kwargs, expected, targets, gated, stopped }: JobReport): JobDetails {
  const { jid, fun, target, by, issuedAt, endedAt, rerunOf } = summary;
  return {
    jid,
    fun,
    args: [...args],
    kwargs: kwargs.map(([name, value]) => [name, value]),
    target,
    targets: [...expected],
    by,
    startedAt: issuedAt,
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(rerunOf === undefined ? {} : { rerunOf }),
    ...(gated === undefined ? {} : { gated }),
    ...(stopped === undefined ? {} : { stopped }),
    returns: [...targets].map(([id, { outcome, ret, retcode, evidence, error }]) => ({
      id,
      outcome,
      retcode,
      ...(ret === undefined ? {} : { ret: encodeValue(ret) }),
      ...(evidence === undefined ? {} : { evidence }),
      ...(error === undefined ? {} : { error }),
    })),
    outcomes: outcomesOf(targets),
  };
}

import { EdgeError } from '@edge-run/shared/kernel';
import {
  type JobDetails,
  type JobMessage,
  type JobSummary,
  OPERATIONS,
  type TargetExpression,
} from '@edge-run/shared/protocol';
import type { CallArguments } from '@edge-run/shared/schema';
import { decodeValue, encodeValue } from '@edge-run/shared/values';
import { type Operation, operation } from '../gateway/index.ts';
import {
  chooseSubset,
  type Dispatcher,
  type JobReport,
  type JobService,
  type JobSummary as KeptJob,
} from '../jobs/index.ts';

const DEFAULT_LIMIT = 50;

/** What the operations on jobs are answered with. */
export interface JobOperationsOptions {
  readonly jobs: JobService;
  readonly dispatcher: Dispatcher;
  /** Refuses a call that no host could do anything with. @throws EdgeError, DiagnosticsError */
  readonly checkCall: (fun: string, call: CallArguments) => void;
  /** Milliseconds until a job that says nothing else is given up. */
  readonly deadlineMs: number;
}

/** What people ask about jobs. */
export function jobOperations({
  jobs,
  dispatcher,
  checkCall,
  deadlineMs,
}: JobOperationsOptions): Readonly<Record<string, Operation>> {
  return {
    'jobs.publish': operation(OPERATIONS['jobs.publish'].args, async (args, caller) => {
      const { target, type } = expressionOf(args.target);
      const request = {
        target,
        targetType: type,
        fun: args.fun,
        args: args.args.map(decodeValue),
        kwargs: new Map(args.kwargs.map(([name, value]) => [name, decodeValue(value)])),
        by: caller.id,
        timeoutMs: args.timeoutMs ?? deadlineMs,
        ...(args.typed === undefined ? {} : { typed: args.typed }),
      };
      checkCall(args.fun, { ...request, typed: typedWords(args.typed) });
      if (args.batch !== undefined) throw batchesAreSteps();
      if (args.subset === undefined) return jobs.start(request);
      const chosen = chooseSubset(await dispatcher.select(target, type), args.subset, Math.random);
      return jobs.start({ ...request, target: chosen.join(','), targetType: 'list' });
    }),
    'jobs.ls': operation(OPERATIONS['jobs.ls'].args, async ({ limit, since, failed }) => {
      const listed = (await jobs.ls({ limit: limit ?? DEFAULT_LIMIT })).map(summaryOf);
      return {
        jobs: listed.filter(
          (job) => (since === undefined || job.startedAt >= since) && (failed !== true || hasFailed(job)),
        ),
      };
    }),
    'jobs.show': operation(OPERATIONS['jobs.show'].args, async ({ jid }) =>
      detailsOf(await jobs.show(await resolve(jobs, jid))),
    ),
    'jobs.kill': operation(OPERATIONS['jobs.kill'].args, async (args, caller) => {
      const jid = await resolve(jobs, args.jid);
      const { expected, targets } = await jobs.show(jid);
      await jobs.kill(jid, caller.id);
      return { jid, asked: expected.filter((id) => !targets.has(id)) };
    }),
  };
}

/** The words of a message, as arguments are parsed with. */
function typedWords(typed: JobMessage['typed']): NonNullable<CallArguments['typed']> {
  return {
    args: (typed?.args ?? []).map((word) => word ?? undefined),
    kwargs: new Map(Object.entries(typed?.kwargs ?? {})),
  };
}

/** A job is one thing with one id; what goes batch by batch is a run. */
function batchesAreSteps(): EdgeError {
  return new EdgeError(
    'EDGE_NOT_SUPPORTED',
    'a job on the command line goes to all its targets at once',
    {},
    { hint: 'Write an orchestration with a `salt.function` step that says `batch:`.' },
  );
}

/** The expression as the job service takes it: a list becomes ids with commas between. */
export function expressionOf({ expr, type, delimiter }: TargetExpression): { target: string; type: string } {
  if (delimiter !== undefined && delimiter !== ':') {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      'another delimiter than `:` is not available yet',
      { delimiter },
      { hint: 'Write the key with `:` between its levels.' },
    );
  }
  return { target: typeof expr === 'string' ? expr : expr.join(','), type };
}

/** The id that a prefix, `@last` or `@last-failed` means. @throws EdgeError `EDGE_JOB_UNKNOWN`, `EDGE_BAD_ARGUMENT` */
async function resolve(jobs: JobService, text: string): Promise<string> {
  if (text === '@last' || text === '@last-failed') {
    const found = (await jobs.ls({ limit: 1_000 })).map(summaryOf).find((job) => text === '@last' || hasFailed(job));
    if (found !== undefined) return found.jid;
    throw new EdgeError(
      'EDGE_JOB_UNKNOWN',
      `there is no ${text === '@last' ? '' : 'failed '}job`,
      {},
      { hint: "List jobs with 'edge-run jobs ls'." },
    );
  }
  if (text.length >= 26) return text;
  const matches = (await jobs.ls({ limit: 1_000 })).filter(
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

function hasFailed({ counts }: JobSummary): boolean {
  return Object.entries(counts).some(([outcome, count]) => outcome !== 'succeeded' && (count ?? 0) > 0);
}

function summaryOf(job: KeptJob): JobSummary {
  const { jid, fun, target, by, issuedAt, endedAt, targetCount, outcomes } = job;
  return {
    jid,
    fun,
    target,
    by,
    startedAt: issuedAt,
    targets: targetCount,
    counts: { ...outcomes },
    ...(endedAt === undefined ? {} : { endedAt }),
  };
}

function detailsOf({ summary, args, kwargs, expected, targets }: JobReport): JobDetails {
  const { jid, fun, target, by, issuedAt, endedAt } = summary;
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
    returns: [...targets].map(([id, { outcome, ret, retcode, evidence, error }]) => ({
      id,
      outcome,
      retcode,
      ...(ret === undefined ? {} : { ret: encodeValue(ret) }),
      ...(evidence === undefined ? {} : { evidence }),
      ...(error === undefined ? {} : { error }),
    })),
    outcomes: Object.fromEntries([...targets].map(([id, { outcome }]) => [id, outcome])),
  };
}

import { EdgeError } from '@edge-run/shared/kernel';
import type { JobAnswer, JobRequest, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { batchSize, chooseSubset } from './batches.ts';
import type { JobRunRequest, JobService } from './service.ts';

/** A job for a set of hosts, however each of them is reached. */
export interface DispatchRequest extends JobRequest {
  /** Who asked: `user`, `schedule:name`, `reactor:name`, `run:id`. */
  readonly by: string;
  /** The run a job belongs to: hosts refuse a lower epoch of the same run than they have seen. */
  readonly run?: { readonly id: string; readonly epoch: number };
  /** Running it again does no harm: a host that was interrupted in it does so by itself. */
  readonly resumable?: boolean;
  /** At most so many hosts at a time: a number, or a share such as `25%`. All at once when absent. */
  readonly batch?: string;
  /** Only so many hosts, chosen at random. */
  readonly subset?: number;
  /** Called once the job is on record and goes on by itself, whatever becomes of the caller; for each of its batches. */
  readonly onStarted?: (jid: string) => void;
  /** Called as each host ends. */
  readonly onAnswer?: (id: string, answer: JobTargetAnswer) => void;
}

/** Runs jobs on minions and SSH hosts alike. */
export interface Dispatcher {
  /** Ids that a target expression selects, sorted. @throws DiagnosticsError on bad syntax */
  select(target: string, targetType: string): Promise<readonly string[]>;
  /** Runs the job and waits until every selected host has ended; an answer without targets when nothing matched. */
  run(request: DispatchRequest, signal: AbortSignal): Promise<JobAnswer>;
}

/** What jobs are dispatched through. */
export interface DispatcherOptions {
  readonly jobs: JobService;
  select(target: string, targetType: string): Promise<readonly string[]>;
  readonly random: () => number;
  /** True for an abort that only lets go: the jobs go on and somebody else waits for them. */
  isRelease(reason: unknown): boolean;
}

/** Dispatches over the job service, batch by batch where that is asked for. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return {
    select: (target, targetType) => options.select(target, targetType),
    run: (request, signal) => dispatch(request, signal, options),
  };
}

async function dispatch(request: DispatchRequest, signal: AbortSignal, options: DispatcherOptions): Promise<JobAnswer> {
  const { target, targetType = 'glob', batch, subset } = request;
  if (batch === undefined && subset === undefined) return runOne(request, signal, options);
  const matched = await options.select(target, targetType);
  const ids = subset === undefined ? matched : chooseSubset(matched, subset, options.random);
  const size = batch === undefined ? Math.max(1, ids.length) : batchSize(batch, ids.length);
  const targets = new Map<string, JobTargetAnswer>();
  for (let from = 0; from < ids.length; from += size) {
    const group = ids.slice(from, from + size);
    const jid = request.jid === undefined ? {} : { jid: `${request.jid}-${from / size}` };
    const answer = await runOne({ ...request, ...jid, target: group.join(','), targetType: 'list' }, signal, options);
    for (const [id, end] of answer.targets) targets.set(id, end);
  }
  return { jid: request.jid ?? '', targets };
}

async function runOne(
  request: DispatchRequest,
  signal: AbortSignal,
  { jobs, isRelease }: DispatcherOptions,
): Promise<JobAnswer> {
  const { onAnswer, onStarted, batch: _, subset: __, ...rest } = request;
  const job: JobRunRequest = rest;
  const cancel = new AbortController();
  const started = await jobs.start(job);
  onStarted?.(started.jid);
  let stop: () => void = () => {};
  const released = new Promise<never>((_, reject) => {
    stop = () => (isRelease(signal.reason) ? reject(signal.reason) : cancel.abort(signal.reason));
  });
  // A run has one signal for all its jobs: each takes its listener away again.
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const watching = new AbortController();
  const following = follow(jobs, started.jid, onAnswer, watching.signal);
  try {
    const answer = await Promise.race([jobs.run({ ...job, jid: started.jid }, cancel.signal), released]);
    await following;
    return answer;
  } finally {
    signal.removeEventListener('abort', stop);
    watching.abort();
    await following.catch((error: unknown) => {
      if (!(error instanceof EdgeError)) throw error;
    });
  }
}

/** Hands each host's end on as it comes. */
async function follow(
  jobs: JobService,
  jid: string,
  onAnswer: DispatchRequest['onAnswer'],
  signal: AbortSignal,
): Promise<void> {
  if (onAnswer === undefined) return;
  for await (const progress of jobs.watch(jid, signal)) {
    if (progress.kind === 'answer') onAnswer(progress.id, progress.answer);
  }
}

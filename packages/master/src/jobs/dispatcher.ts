import { EdgeError } from '@edge-run/shared/kernel';
import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import type { JobRunRequest } from './job-request.ts';
import type { JobService } from './service.ts';

/** A job for a set of hosts, however each of them is reached. */
export interface DispatchRequest extends JobRunRequest {
  /** Who asked: `user`, `schedule:name`, `reactor:name`, `run:id`. */
  readonly by: string;
  /** Called once the job is on record and goes on by itself, whatever becomes of the caller. */
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
  /** True for an abort that only lets go: the jobs go on and somebody else waits for them. */
  isRelease(reason: unknown): boolean;
}

/** Dispatches over the job service. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  return {
    select: (target, targetType) => options.select(target, targetType),
    run: (request, signal) => dispatch(request, signal, options),
  };
}

async function dispatch(
  { onAnswer, onStarted, ...job }: DispatchRequest,
  signal: AbortSignal,
  { jobs, isRelease }: DispatcherOptions,
): Promise<JobAnswer> {
  const cancel = new AbortController();
  const started = await jobs.start(job);
  if (started.targets.length === 0) return { jid: started.jid, targets: new Map() };
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

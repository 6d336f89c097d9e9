import type { JobAnswer } from '@edge-run/shared/modules/contract';
import type { Dispatcher, DispatchRequest } from './dispatcher.ts';

/** A job that is on record. */
export interface StartedJob {
  readonly jid: string;
  readonly ended: Promise<JobAnswer>;
}

/** Starts a job and resolves once it goes on whatever becomes of this process. @throws why it could not be started */
export async function startJob(
  jobs: Pick<Dispatcher, 'run'>,
  request: Omit<DispatchRequest, 'onStarted'>,
  signal: AbortSignal,
): Promise<StartedJob> {
  let onStarted: (jid: string) => void = () => {};
  const started = new Promise<string>((resolve) => {
    onStarted = resolve;
  });
  const ended = jobs.run({ ...request, onStarted }, signal);
  const jid = await Promise.race([started, ended.then((answer) => answer.jid)]);
  return { jid, ended };
}

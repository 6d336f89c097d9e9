import type { JobAnswer, JobRequest, JobTargetAnswer } from '@edge-run/shared/modules/contract';

/** A job for a set of hosts, however each of them is reached. */
export interface DispatchRequest extends JobRequest {
  /** Who asked: `user`, `schedule:name`, `reactor:name`, `run:id`. */
  readonly by: string;
  /** The run a job belongs to: hosts refuse a lower epoch of the same run than they have seen. */
  readonly run?: { readonly id: string; readonly epoch: number };
  /** At most so many hosts at a time: a number, or a share such as `25%`. All at once when absent. */
  readonly batch?: string;
  /** Only so many hosts, chosen at random. */
  readonly subset?: number;
  /** Called as each host ends. */
  readonly onAnswer?: (id: string, answer: JobTargetAnswer) => void;
}

/** Runs jobs on minions and SSH hosts alike. */
export interface Dispatcher {
  /** Ids that a target expression selects, sorted; none is not an error here. @throws on bad syntax */
  select(target: string, targetType: string): Promise<readonly string[]>;
  /** Runs the job and waits until every selected host has ended. */
  run(request: DispatchRequest, signal: AbortSignal): Promise<JobAnswer>;
}

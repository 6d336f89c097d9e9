import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import type { ReturnMessage } from '@edge-run/shared/protocol';

/** Brings one job to its end: all targets at once (`Gather`) or a few at a time (`BatchDrive`). */
export interface JobDrive {
  /** Id → end, of those that have one. */
  readonly answers: ReadonlyMap<string, JobTargetAnswer>;
  /** Why nobody else was started, of a job that goes through its targets a few at a time. */
  readonly stopped?: string | undefined;
  /** A return from the bus or the stream; anything unexpected or repeated is ignored. */
  take(answer: ReturnMessage): void;
  /** Asks all that still run to end, and starts nobody else. */
  cancel(by: string): Promise<void>;
  /** Tells it that this master's own connection went or came back. */
  connectionChanged(up: boolean): void;
  /** Until every target has its end; on `signal` it just stops watching, and the job goes on. */
  run(signal: AbortSignal): Promise<void>;
}

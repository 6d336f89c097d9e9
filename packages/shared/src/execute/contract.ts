import type { ErrorRecord, Logger } from '../kernel/index.ts';
import type { PyMap, Value } from '../values/index.ts';

/** One function to run on one host. */
export interface HostJob {
  readonly jid: string;
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  /** The words as typed on a command line; used where the declaration says text. */
  readonly typed?: { readonly args: readonly (string | undefined)[]; readonly kwargs: ReadonlyMap<string, string> };
  /** Digest of the bundle whose files it sees; those of today when absent. */
  readonly bundle?: string;
  /** Path of the roster that says how the host is reached; the master's own when absent. */
  readonly roster?: string;
  /** Limit of the function's own run time. */
  readonly timeoutMs?: number;
}

/** How it ended; never thrown, so that every job has an end. */
export interface HostJobResult {
  /** `unreachable`: of a host that is worked from elsewhere, and on which nothing has run. */
  readonly outcome: 'succeeded' | 'failed' | 'unreachable' | 'timed-out' | 'cancelled';
  readonly ret: Value;
  /** 0 for success; that of the command or function otherwise. */
  readonly retcode: number;
  readonly error?: ErrorRecord;
}

/** Runs jobs on one host: minion, SSH and masterless all call this. */
export interface JobExecutor {
  execute(job: HostJob, options: { readonly signal: AbortSignal; readonly log: Logger }): Promise<HostJobResult>;
  /** True for a function that only looks: running it twice does no harm. Absent: every function may change something. */
  onlyLooks?(fun: string): boolean;
  /** The host's facts, as they were last gathered. */
  facts(): Promise<PyMap>;
  /** Gathers the facts anew; absent where they are fixed. */
  refreshFacts?(): Promise<PyMap>;
}

import type { InstantMs, JsonObject } from '@edge-run/shared/kernel';

/** What a record tells of. */
export type RecordKind =
  | 'job-published'
  | 'job-return'
  | 'job-ended'
  | 'run-started'
  | 'run-ended'
  | 'step-started'
  | 'step-ended';

/** Something that happened to a job, a run or a step, for somebody who keeps it elsewhere. Secrets are sealed. */
export interface HistoryRecord {
  /** The same for the same thing however often it is told: a key that makes repetitions harmless. */
  readonly id: string;
  readonly kind: RecordKind;
  /** When the broker stored it. */
  readonly at: InstantMs;
  /** What it belongs to: `jid`, `run`, `step`, `target`, and `cause`, the event that led here. */
  readonly correlation: Correlation;
  /** The fields of its kind; free values (arguments, returns, changes) are under `values`. */
  readonly data: JsonObject;
}

/** By what records of one piece of work find each other. */
export interface Correlation {
  readonly jid?: string;
  readonly run?: string;
  /** Key of the step in its run. */
  readonly step?: string;
  readonly target?: string;
  readonly cause?: string;
}

/** A record a destination will never take, and why. */
export interface RefusedRecord {
  readonly record: HistoryRecord;
  readonly reason: string;
}

/**
 * A place that records are kept in. Records arrive at least once, mostly in order; a driver passes their ids on, so
 * that the place can drop what it has. Drivers: a file, Elasticsearch or OpenSearch, a webhook.
 */
export interface Returner {
  readonly kind: string;
  /**
   * Hands records over in one attempt; resolves once they are kept there, with those that never will be.
   * @throws EdgeError `EDGE_RETURNER_FAILED` when it is worth trying again, with `retryAfterMs` where the place says so
   */
  deliver(records: readonly HistoryRecord[], signal: AbortSignal): Promise<readonly RefusedRecord[]>;
  close(): Promise<void>;
}

import type { JsonValue } from '@edge-run/shared/kernel';

/** Number of the last entry of a run; 0 before the first. Grows, but not by one. */
export type Revision = number;

/** One append: the events that became true together. */
export interface JournalEntry<E> {
  readonly run: string;
  readonly revision: Revision;
  readonly events: readonly E[];
}

/**
 * The truth about runs: an append-only list of events for each run. Appending names the revision it builds on, so of
 * several masters only one can go on with a run. Drivers: JetStream and, for tests, in memory.
 */
export interface Journal<E extends JsonValue> {
  /**
   * Stores `events` durably as one entry and answers its revision. Repeating an append whose answer was lost is safe.
   *
   * @throws EdgeError `EDGE_JOURNAL_CONFLICT` when the run's last revision is not `expected`: another master has it.
   */
  append(run: string, expected: Revision, events: readonly E[]): Promise<Revision>;
  /**
   * The entries of a run, oldest first; none for an unknown run.
   * @throws EdgeError `EDGE_JOURNAL_DAMAGED` when one of them cannot be read
   */
  read(run: string): Promise<readonly JournalEntry<E>[]>;
  /** The last entry of every run, in no order; without events where it cannot be read. */
  latest(): Promise<readonly JournalEntry<E>[]>;
  /**
   * Every entry of every run in order of appending, then new ones as they come, until `signal` aborts; without events
   * where one cannot be read. A plan with secrets stays closed here: who follows runs has no use for it.
   */
  tail(signal: AbortSignal): AsyncIterable<JournalEntry<E>>;
}

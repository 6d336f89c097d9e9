import { type Clock, cancelled } from '@edge-run/shared/kernel';
import type { LockStore } from './lock-store.ts';
import { enqueue, type LockEntry, type LockPlace, type LockTable, placeOf, withoutRuns } from './lock-table.ts';
import { changeTable } from './table-store.ts';

/** Who has to have ended for a place in the queue to be void. */
export interface LocksOptions {
  readonly store: LockStore;
  /** Of these runs, those that have ended: their locks are free though nobody gave them back. */
  ended(runs: readonly string[]): Promise<ReadonlySet<string>>;
  readonly clock: Clock;
}

/** Named locks of runs, first come first served. A run that has ended holds none, whoever forgot to give them back. */
export class Locks {
  readonly #options: LocksOptions;

  constructor(options: LocksOptions) {
    this.#options = options;
  }

  /**
   * Resolves once the run holds all its locks. Asked for again, after a crash, it keeps its place.
   * `onQueued` hears where it stands while others are before it, and again when that changes.
   *
   * @throws EdgeError `EDGE_CANCELLED` when `signal` aborts; the place in the queue stays until `release`
   */
  async acquire(
    entry: LockEntry,
    signal: AbortSignal,
    onQueued: (place: Extract<LockPlace, { kind: 'queued' }>) => void = () => {},
  ): Promise<void> {
    let place = placeOf(await this.#change((table) => enqueue(table, entry)), entry.run);
    if (place.kind === 'held') return;
    await this.#dropEnded(entry.run);
    const watching = new AbortController();
    const stop = AbortSignal.any([signal, watching.signal]);
    let told = '';
    try {
      for await (const { table } of this.#options.store.changes(stop)) {
        place = placeOf(table, entry.run);
        if (place.kind === 'held') return;
        // Somebody took the place away, as if the run had ended: stand in line again.
        if (place.kind === 'absent') await this.#change((current) => enqueue(current, entry));
        else if (told !== JSON.stringify(place)) {
          told = JSON.stringify(place);
          onQueued(place);
        }
      }
    } finally {
      watching.abort();
    }
    throw cancelled(signal);
  }

  /** Gives the run's locks back, or its place in the queue; harmless when it has neither. */
  async release(run: string): Promise<void> {
    await this.#change((table) => withoutRuns(table, new Set([run])));
  }

  /** Everybody who holds or waits, in order of arrival. */
  async list(): Promise<readonly { readonly entry: LockEntry; readonly place: LockPlace }[]> {
    const { table } = await this.#options.store.read();
    return table.map((entry) => ({ entry, place: placeOf(table, entry.run) }));
  }

  /** Frees what runs hold that have ended: a master may die between the end of a run and giving its locks back. */
  async dropEnded(): Promise<void> {
    await this.#dropEnded(undefined);
  }

  async #dropEnded(except: string | undefined): Promise<void> {
    const { table } = await this.#options.store.read();
    const others = table.map(({ run }) => run).filter((run) => run !== except);
    if (others.length === 0) return;
    const ended = await this.#options.ended(others);
    if (ended.size > 0) await this.#change((current) => withoutRuns(current, ended));
  }

  #change(change: (table: LockTable) => LockTable): Promise<LockTable> {
    return changeTable(this.#options.store, this.#options.clock, change);
  }
}

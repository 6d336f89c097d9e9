import type { InstantMs } from '@edge-run/shared/kernel';

/** Somebody's place in the queue for a set of locks. */
export interface LockEntry {
  readonly run: string;
  /** The run on whose behalf it is; runs of one root never wait for each other. */
  readonly root: string;
  readonly name: string;
  readonly by: string;
  readonly locks: readonly string[];
  /** Since when it has stood here. */
  readonly at: InstantMs;
}

/** Everybody who holds or waits for locks, in order of arrival: who has nobody of another root before it holds. */
export type LockTable = readonly LockEntry[];

/** One lock that a run has to wait for, and who has it. */
export interface LockHolder {
  readonly lock: string;
  readonly run: string;
  readonly name: string;
  readonly by: string;
}

/** Where a run stands. */
export type LockPlace =
  | { readonly kind: 'held' }
  /** `position` counts from 1: as many runs have to end before it is its turn. */
  | { readonly kind: 'queued'; readonly position: number; readonly holders: readonly LockHolder[] }
  | { readonly kind: 'absent' };

/** The table with the entry at its end; the same table when the run stands in it already. */
export function enqueue(table: LockTable, entry: LockEntry): LockTable {
  return table.some(({ run }) => run === entry.run) ? table : [...table, entry];
}

/** The table without the runs; the same table when none of them stands in it. */
export function withoutRuns(table: LockTable, runs: ReadonlySet<string>): LockTable {
  return table.some(({ run }) => runs.has(run)) ? table.filter(({ run }) => !runs.has(run)) : table;
}

/** Where `run` stands: it holds all its locks or none, so that no two runs can wait for each other. */
export function placeOf(table: LockTable, run: string): LockPlace {
  const index = table.findIndex((entry) => entry.run === run);
  const own = table[index];
  if (own === undefined) return { kind: 'absent' };
  const before = table.slice(0, index).filter((entry) => entry.root !== own.root && sharesLock(entry, own));
  if (before.length === 0) return { kind: 'held' };
  const holders = own.locks.flatMap((lock) => {
    const holder = before.find(({ locks }) => locks.includes(lock));
    return holder === undefined ? [] : [{ lock, run: holder.run, name: holder.name, by: holder.by }];
  });
  return { kind: 'queued', position: before.length, holders };
}

function sharesLock(one: LockEntry, other: LockEntry): boolean {
  return one.locks.some((lock) => other.locks.includes(lock));
}

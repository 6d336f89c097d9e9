import type { KV } from '@nats-io/kv';
import { z } from 'zod';
import { isWrittenByAnother } from '../journal/index.ts';
import type { LockTable } from './lock-table.ts';

const lockTable = z.array(
  z.object({
    run: z.string(),
    root: z.string(),
    name: z.string(),
    by: z.string(),
    locks: z.array(z.string()),
    at: z.number(),
  }),
);

/** The table as it was at a revision. */
export interface StoredTable {
  readonly table: LockTable;
  readonly revision: number;
}

/** Where the table of locks is kept: one value, so that a run gets all its locks at once. */
export interface LockStore {
  read(): Promise<StoredTable>;
  /** False when the table has changed since `revision`. */
  write(table: LockTable, revision: number): Promise<boolean>;
  /** Says when the table has changed, until `signal` aborts; the first time at once. */
  changes(signal: AbortSignal): AsyncIterable<StoredTable>;
}

const KEY = 'table';

/** The table in a key-value bucket, shared by all masters. */
export function kvLockStore(bucket: KV): LockStore {
  return {
    async read() {
      const entry = await bucket.get(KEY);
      return entry === null
        ? { table: [], revision: 0 }
        : { table: lockTable.parse(entry.json()), revision: entry.revision };
    },
    async write(table, revision) {
      try {
        await bucket.put(KEY, JSON.stringify(table), { previousSeq: revision });
        return true;
      } catch (error) {
        if (isWrittenByAnother(error)) return false;
        throw error;
      }
    },
    async *changes(signal) {
      const watch = await bucket.watch({ key: KEY });
      const stop = (): void => watch.stop();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      try {
        for await (const entry of watch)
          yield { table: entry.operation === 'PUT' ? lockTable.parse(entry.json()) : [], revision: entry.revision };
      } finally {
        signal.removeEventListener('abort', stop);
        watch.stop();
      }
    },
  };
}

/** The table in memory: simulations and tests. */
export function memoryLockStore(): LockStore {
  let stored: StoredTable = { table: [], revision: 0 };
  const waiting = new Set<() => void>();
  return {
    read: async () => stored,
    async write(table, revision) {
      if (revision !== stored.revision) return false;
      stored = { table, revision: revision + 1 };
      for (const wake of waiting) wake();
      return true;
    },
    async *changes(signal) {
      let seen = -1;
      while (!signal.aborted) {
        if (stored.revision !== seen) {
          seen = stored.revision;
          yield stored;
          continue;
        }
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            waiting.delete(wake);
            signal.removeEventListener('abort', wake);
            resolve();
          };
          waiting.add(wake);
          signal.addEventListener('abort', wake, { once: true });
        });
      }
    },
  };
}

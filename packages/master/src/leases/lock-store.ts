import type { KV } from '@nats-io/kv';
import { z } from 'zod';
import type { LockEntry } from './lock-table.ts';
import { kvTable, memoryTable, type Stored, type TableStore } from './table-store.ts';

const lockEntry = z.object({
  run: z.string(),
  root: z.string(),
  name: z.string(),
  by: z.string(),
  locks: z.array(z.string()),
  at: z.number(),
});

/** Where the table of locks is kept: a run gets all its locks at once. */
export interface LockStore extends TableStore<LockEntry> {
  /** Says when the table has changed, until `signal` aborts; the first time at once. */
  changes(signal: AbortSignal): AsyncIterable<Stored<LockEntry>>;
}

const KEY = 'table';

/** The table in a key-value bucket, shared by all masters. */
export function kvLockStore(bucket: KV): LockStore {
  return {
    ...kvTable<LockEntry>(bucket, KEY, lockEntry),
    async *changes(signal) {
      const watch = await bucket.watch({ key: KEY });
      const stop = (): void => watch.stop();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      try {
        for await (const entry of watch)
          yield {
            table: entry.operation === 'PUT' ? z.array(lockEntry).parse(entry.json()) : [],
            revision: entry.revision,
          };
      } finally {
        signal.removeEventListener('abort', stop);
        watch.stop();
      }
    },
  };
}

/** The table in memory: simulations and tests. */
export function memoryLockStore(): LockStore {
  const stored = memoryTable<LockEntry>();
  const waiting = new Set<() => void>();
  return {
    read: () => stored.read(),
    async write(table, revision) {
      const isWritten = await stored.write(table, revision);
      if (isWritten) for (const wake of waiting) wake();
      return isWritten;
    },
    async *changes(signal) {
      let seen = -1;
      while (!signal.aborted) {
        // Listens before it looks: what is written meanwhile wakes it at once.
        const woken = changed(waiting, signal);
        const now = await stored.read();
        if (now.revision !== seen) {
          seen = now.revision;
          yield now;
        } else await woken;
      }
    },
  };
}

function changed(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      waiting.delete(wake);
      signal.removeEventListener('abort', wake);
      resolve();
    };
    waiting.add(wake);
    signal.addEventListener('abort', wake, { once: true });
  });
}

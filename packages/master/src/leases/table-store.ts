import { type Clock, EdgeError } from '@edge-run/shared/kernel';
import type { KV } from '@nats-io/kv';
import { z } from 'zod';
import { isWrittenByAnother } from '../jetstream/index.ts';

/** How often a change of a table is tried against others who change it. */
const WRITE_ATTEMPTS = 200;
const RETRY_PAUSE_MS = 5;

/** A table as it was at a revision. */
export interface Stored<T> {
  readonly table: readonly T[];
  readonly revision: number;
}

/** Where masters keep a table that all of them change: one value, so that who changes it decides on all of it at once. */
export interface TableStore<T> {
  read(): Promise<Stored<T>>;
  /** False when the table has changed since `revision`. */
  write(table: readonly T[], revision: number): Promise<boolean>;
}

/** A table below one key of a bucket, shared by all masters. */
export function kvTable<T>(bucket: Pick<KV, 'get' | 'put'>, key: string, entry: z.ZodType<T>): TableStore<T> {
  const schema = z.array(entry);
  return {
    async read() {
      const stored = await bucket.get(key);
      return stored === null || stored.operation !== 'PUT'
        ? { table: [], revision: stored?.revision ?? 0 }
        : { table: schema.parse(stored.json()), revision: stored.revision };
    },
    async write(table, revision) {
      try {
        await bucket.put(key, JSON.stringify(table), { previousSeq: revision });
        return true;
      } catch (error) {
        if (isWrittenByAnother(error)) return false;
        throw error;
      }
    },
  };
}

/** A table in memory: simulations and tests. */
export function memoryTable<T>(): TableStore<T> {
  let stored: Stored<T> = { table: [], revision: 0 };
  return {
    read: async () => stored,
    async write(table, revision) {
      if (revision !== stored.revision) return false;
      stored = { table, revision: revision + 1 };
      return true;
    },
  };
}

/**
 * Changes a table so that nobody else has changed it between what `change` saw and what it made of that: it is called
 * again when somebody has. The same table changes nothing. Answers what the table is then.
 *
 * @throws EdgeError `EDGE_LOCKS_BUSY`
 */
export async function changeTable<T>(
  store: TableStore<T>,
  clock: Clock,
  change: (table: readonly T[]) => readonly T[] | Promise<readonly T[]>,
): Promise<readonly T[]> {
  for (let attempt = 0; attempt < WRITE_ATTEMPTS; attempt += 1) {
    const { table, revision } = await store.read();
    const next = await change(table);
    if (next === table || (await store.write(next, revision))) return next;
    await clock.sleep(RETRY_PAUSE_MS * Math.min(attempt, 20));
  }
  throw new EdgeError(
    'EDGE_LOCKS_BUSY',
    `the table of locks changed ${WRITE_ATTEMPTS} times while it was to be written`,
    {},
    { hint: 'Many runs want locks at once; try again in a moment.' },
  );
}

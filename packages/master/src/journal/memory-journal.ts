import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { Journal, JournalEntry, Revision } from './journal.ts';

/** A journal that lives as long as the process: for tests. */
export function createMemoryJournal<E extends JsonValue>(): Journal<E> {
  const entries: JournalEntry<E>[] = [];
  const waiting = new Set<() => void>();
  const lastOf = (run: string): Revision => entries.findLast((entry) => entry.run === run)?.revision ?? 0;
  return {
    async append(run, expected, events) {
      const last = lastOf(run);
      if (last !== expected) throw journalConflict(run, expected);
      // A copy through JSON, as the wire would make it.
      entries.push({ run, revision: entries.length + 1, events: JSON.parse(JSON.stringify(events)) as E[] });
      for (const wake of waiting) wake();
      return entries.length;
    },
    read: async (run) => entries.filter((entry) => entry.run === run),
    latest: async () => [...new Map(entries.map((entry) => [entry.run, entry])).values()],
    async *tail(signal) {
      for (let next = 0; !signal.aborted; ) {
        const entry = entries[next];
        if (entry !== undefined) {
          next += 1;
          yield entry;
        } else await nextChange(waiting, signal);
      }
    },
  };
}

/** The error of an append that came too late. */
export function journalConflict(run: string, expected: Revision): EdgeError {
  return new EdgeError(
    'EDGE_JOURNAL_CONFLICT',
    `run ${run} has moved on from revision ${expected}: another master owns it now`,
    {
      run,
      expected,
    },
  );
}

function nextChange(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
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

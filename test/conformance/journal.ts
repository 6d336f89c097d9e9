import type { Journal } from '@edge-run/master/journal';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** What the journals of a test hold. */
export interface Note {
  readonly [key: string]: number | string;
}

/** A journal to be tested, and a way to open the same one anew, as another master would. */
export interface JournalUnderTest {
  open(): Promise<Journal<Note>>;
  /** Undefined where a journal lives in one process only. */
  readonly reopen?: () => Promise<Journal<Note>>;
  close(): Promise<void>;
}

/** What every Journal promises. */
export function describeJournal(name: string, create: () => Promise<JournalUnderTest>): void {
  describe(name, () => {
    let subject: JournalUnderTest;
    let journal: Journal<Note>;
    beforeAll(async () => {
      subject = await create();
      journal = await subject.open();
    });
    afterAll(() => subject?.close());

    it('append: gives growing revisions, and read gives the entries back in order', async () => {
      const first = await journal.append('a1', 0, [{ n: 1 }, { n: 2 }]);
      const second = await journal.append('a1', first, [{ n: 3 }]);
      expect(second).toBeGreaterThan(first);
      expect(await journal.read('a1')).toEqual([
        { run: 'a1', revision: first, events: [{ n: 1 }, { n: 2 }] },
        { run: 'a1', revision: second, events: [{ n: 3 }] },
      ]);
    });

    it('append: a revision that is not the last is a conflict, and nothing is stored', async () => {
      const first = await journal.append('b1', 0, [{ n: 1 }]);
      await journal.append('b1', first, [{ n: 2 }]);
      await expect(journal.append('b1', first, [{ n: 9 }])).rejects.toMatchObject({ code: 'EDGE_JOURNAL_CONFLICT' });
      await expect(journal.append('b1', 0, [{ n: 9 }])).rejects.toMatchObject({ code: 'EDGE_JOURNAL_CONFLICT' });
      expect((await journal.read('b1')).flatMap(({ events }) => events)).toEqual([{ n: 1 }, { n: 2 }]);
    });

    it('append: of many writers at the same revision exactly one wins', async () => {
      const journals =
        subject.reopen === undefined ? [journal] : [journal, await subject.reopen(), await subject.reopen()];
      for (let round = 0; round < 20; round += 1) {
        const run = `race-${round}`;
        const results = await Promise.allSettled(
          Array.from({ length: 8 }, (_, writer) => journals[writer % journals.length]!.append(run, 0, [{ writer }])),
        );
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect(await journal.read(run)).toHaveLength(1);
      }
    });

    it('read: an unknown run has no entries', async () => {
      expect(await journal.read('nobody')).toEqual([]);
    });

    it('keeps entries larger than a message', async () => {
      const text = 'x'.repeat(2_000_000);
      await journal.append('large', 0, [{ text }]);
      expect((await journal.read('large'))[0]!.events).toEqual([{ text }]);
    });

    it('latest: gives the last entry of every run', async () => {
      const revision = await journal.append('l1', 0, [{ n: 1 }]);
      await journal.append('l1', revision, [{ n: 2 }]);
      const latest = new Map((await journal.latest()).map(({ run, events }) => [run, events]));
      expect(latest.get('l1')).toEqual([{ n: 2 }]);
      expect(latest.get('a1')).toEqual([{ n: 3 }]);
    });

    it('tail: gives what is there, then what comes, and ends when it is told', async () => {
      const stop = new AbortController();
      const seen: (number | string)[] = [];
      const following = (async () => {
        for await (const { run, events } of journal.tail(stop.signal)) {
          if (run !== 't1') continue;
          seen.push(...events.map(({ n }) => n!));
          if (seen.length === 2) stop.abort();
        }
      })();
      const revision = await journal.append('t1', 0, [{ n: 1 }]);
      await journal.append('t1', revision, [{ n: 2 }]);
      await following;
      expect(seen).toEqual([1, 2]);
    });

    it('survives whoever wrote it', async (context) => {
      if (subject.reopen === undefined) return context.skip('this journal lives in one process');
      const revision = await journal.append('r1', 0, [{ n: 1 }]);
      const other = await subject.reopen();
      expect((await other.read('r1')).map(({ events }) => events)).toEqual([[{ n: 1 }]]);
      await other.append('r1', revision, [{ n: 2 }]);
      await expect(journal.append('r1', revision, [{ n: 3 }])).rejects.toMatchObject({ code: 'EDGE_JOURNAL_CONFLICT' });
    });
  });
}

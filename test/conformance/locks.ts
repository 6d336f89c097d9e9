import { type LockEntry, type LockStore, Locks } from '@edge-run/master/leases';
import { EdgeError, systemClock } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** A way to keep the table of locks, and how to end it. */
export interface LockBed {
  /** Another master's view of the same table. */
  open(): Promise<LockStore>;
  close(): Promise<void>;
}

/** What every store of the table of locks does. */
export function describeLocks(name: string, start: () => Promise<LockBed>): void {
  let bed: LockBed;
  const ended = new Set<string>();
  const master = async (): Promise<Locks> =>
    new Locks({
      store: await bed.open(),
      ended: async (runs) => new Set(runs.filter((run) => ended.has(run))),
      clock: systemClock,
    });
  const entry = (run: string, locks: readonly string[], root = run): LockEntry => {
    return { run, root, name: 'deploy', by: 'ann', locks, at: 1 };
  };
  const forever = new AbortController().signal;

  describe(name, () => {
    beforeAll(async () => {
      bed = await start();
    });
    afterAll(() => bed.close());

    it('gives a lock to one after the other, in order of asking, whichever master they ask', async () => {
      const [one, other] = [await master(), await master()];
      await one.acquire(entry('a', ['x']), forever);
      const order: string[] = [];
      const positions: number[] = [];
      const b = other.acquire(entry('b', ['x', 'y']), forever, ({ position }) => positions.push(position));
      await until(async () => (await one.list()).length === 2);
      const c = one.acquire(entry('c', ['y']), forever).then(() => order.push('c'));
      await until(async () => (await one.list()).length === 3);
      await one.release('a');
      await b.then(() => order.push('b'));
      await other.release('b');
      await c;
      await one.release('c');
      expect(order).toEqual(['b', 'c']);
      expect(positions).toEqual([1]);
      expect(await other.list()).toEqual([]);
    });

    it('lets runs of one root have it together, and keeps a place that is asked for twice', async () => {
      const locks = await master();
      await locks.acquire(entry('parent', ['x']), forever);
      await locks.acquire(entry('child', ['x'], 'parent'), forever);
      await locks.acquire(entry('parent', ['x']), forever);
      expect((await locks.list()).map(({ entry: { run }, place }) => [run, place.kind])).toEqual([
        ['parent', 'held'],
        ['child', 'held'],
      ]);
      await locks.release('parent');
      await locks.release('child');
    });

    it('frees what runs hold that have ended, for those who wait and when it is told to look', async () => {
      const locks = await master();
      await locks.acquire(entry('gone', ['x']), forever);
      ended.add('gone');
      await locks.acquire(entry('next', ['x']), forever);
      ended.add('next');
      await locks.dropEnded();
      expect(await locks.list()).toEqual([]);
    });

    it('stops waiting when it is told to, and keeps the place', async () => {
      const locks = await master();
      await locks.acquire(entry('holder', ['x']), forever);
      const stop = new AbortController();
      const waiting = locks.acquire(entry('waits', ['x']), stop.signal, () =>
        stop.abort(new EdgeError('EDGE_CANCELLED', 'enough')),
      );
      await expect(waiting).rejects.toMatchObject({ code: 'EDGE_CANCELLED' });
      expect(await locks.list()).toHaveLength(2);
      await locks.release('holder');
      await locks.release('waits');
    });

    it('survives many who ask at once: all get it, never two at a time', async () => {
      const masters = [await master(), await master(), await master()];
      let holding = 0;
      let most = 0;
      await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          const locks = masters[index % 3]!;
          await locks.acquire(entry(`r${index}`, ['z']), forever);
          holding += 1;
          most = Math.max(most, holding);
          await new Promise((resolve) => setImmediate(resolve));
          holding -= 1;
          await locks.release(`r${index}`);
        }),
      );
      expect(most).toBe(1);
      expect(await masters[0]!.list()).toEqual([]);
    });
  });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    if (await holds()) return;
    await systemClock.sleep(5);
  }
  throw new Error('it never came');
}

import { Reservations } from '@edge-run/master/leases';
import { systemClock } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

type Options = ConstructorParameters<typeof Reservations>[0];

/** Where reservations are kept: `open` is a master's own way to them. */
export interface ReservationSite {
  open(): Promise<Options['storeOf']>;
  close(): Promise<void>;
}

/** What every keeper of reservations promises. */
export function describeReservations(name: string, start: () => Promise<ReservationSite>): void {
  describe(name, () => {
    let site: ReservationSite;
    /** Starts of masters that are alive; runs that have ended. */
    const alive = new Set<string>();
    const over = new Set<string>();
    let pools = 0;
    const newPool = (): string => `web of lb${++pools} at /run/haproxy.sock`;

    const master = async (boot: string): Promise<Reservations> => {
      alive.add(boot);
      return new Reservations({
        storeOf: await site.open(),
        lease: { boot, boots: async () => alive },
        ended: async (runs) => new Set(runs.filter((run) => over.has(run))),
        clock: systemClock,
      });
    };
    const claimOf = (pool: string, member: string, run = `run-${member}`) => ({ pool, member, run, step: 'drain' });
    const oneAtATime = async (leaving: ReadonlySet<string>): Promise<string | undefined> =>
      leaving.size > 0 ? `leaving: ${[...leaving].sort().join(', ')}` : undefined;

    beforeAll(async () => {
      site = await start();
    });
    afterAll(() => site.close());

    test('two masters and many steps never take out more than may go', async () => {
      const pool = newPool();
      const ids = Array.from({ length: 12 }, (_, index) => `app${index}`);
      const inService = new Set(ids);
      let lowest = ids.length;
      const masters = [await master('one'), await master('two')];
      const drain = async (id: string, reservations: Reservations): Promise<boolean> => {
        const claim = claimOf(pool, id);
        const refusal = await reservations.take(claim, async (leaving) => {
          const left = [...inService].filter((member) => !leaving.has(member));
          await new Promise((resolve) => setImmediate(resolve)); // as a load balancer takes its time to answer
          return left.length - 1 < 8 ? `${left.length} are left` : undefined;
        });
        if (refusal !== undefined) return false;
        await new Promise((resolve) => setImmediate(resolve));
        inService.delete(id);
        lowest = Math.min(lowest, inService.size);
        await reservations.giveBack(claim);
        return true;
      };
      const drained = await Promise.all(ids.map((id, index) => drain(id, masters[index % 2]!)));
      expect(drained.filter(Boolean)).toHaveLength(4);
      expect(lowest).toBe(8);
    });

    test('who reserved refuses others until it gives back', async () => {
      const pool = newPool();
      const [one, two] = [await master('one'), await master('two')];
      expect(await one.take(claimOf(pool, 'app1'), oneAtATime)).toBeUndefined();
      expect(await two.take(claimOf(pool, 'app2'), oneAtATime)).toBe('leaving: app1');
      expect(await two.take(claimOf(newPool(), 'app2'), oneAtATime)).toBeUndefined();
      await one.giveBack(claimOf(pool, 'app1'));
      await one.giveBack(claimOf(pool, 'app1'));
      expect(await two.take(claimOf(pool, 'app2'), oneAtATime)).toBeUndefined();
    });

    test('a step that is done again by the next master is not in its own way', async () => {
      const pool = newPool();
      const [one, two] = [await master('one'), await master('two')];
      expect(await one.take(claimOf(pool, 'app1'), oneAtATime)).toBeUndefined();
      expect(await two.take(claimOf(pool, 'app1'), oneAtATime)).toBeUndefined();
      await two.giveBack(claimOf(pool, 'app1'));
      expect(await one.take(claimOf(pool, 'app2'), oneAtATime)).toBeUndefined();
    });

    test('a master that was killed holds nobody up, also when a namesake was started', async () => {
      const pool = newPool();
      const killed = await master('killed');
      expect(await killed.take(claimOf(pool, 'app1'), oneAtATime)).toBeUndefined();
      const next = await master('next');
      expect(await next.take(claimOf(pool, 'app2'), oneAtATime)).toBe('leaving: app1');
      alive.delete('killed');
      expect(await next.take(claimOf(pool, 'app2'), oneAtATime)).toBeUndefined();
      expect(await next.take(claimOf(pool, 'app3'), oneAtATime)).toBe('leaving: app2');
    });

    test('a run that has ended holds nobody up, though it forgot to give back', async () => {
      const pool = newPool();
      const one = await master('one');
      expect(await one.take(claimOf(pool, 'app1', 'forgetful'), oneAtATime)).toBeUndefined();
      over.add('forgetful');
      expect(await one.take(claimOf(pool, 'app2'), oneAtATime)).toBeUndefined();
    });

    test('a look that fails leaves nothing behind, and the next has its turn', async () => {
      const pool = newPool();
      const one = await master('one');
      const broken = one.take(claimOf(pool, 'app1'), async () => {
        throw new Error('the load balancer does not answer');
      });
      const next = one.take(claimOf(pool, 'app2'), oneAtATime);
      await expect(broken).rejects.toThrow('does not answer');
      expect(await next).toBeUndefined();
    });
  });
}

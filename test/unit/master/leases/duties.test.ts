import { Duties, memoryDutyTable } from '@edge-run/master/leases';
import { systemClock } from '@edge-run/shared/kernel';
import { beforeEach, describe, expect, it } from 'vitest';

describe('which master works on which host', () => {
  let alive: Set<string>;
  let store: ReturnType<typeof memoryDutyTable>;

  const master = (id: string, boot = id): Duties => {
    alive.add(boot);
    return new Duties({ store, master: id, lease: { boot, boots: async () => new Set(alive) }, clock: systemClock });
  };
  const claimed = async (duties: Duties, ...hosts: string[]): Promise<object> => {
    const { taken, own } = await duties.claim(hosts);
    return { taken: taken.map(({ host, isInherited }) => `${host}${isInherited ? ' of another' : ''}`), own: [...own] };
  };

  beforeEach(() => {
    alive = new Set();
    store = memoryDutyTable();
  });

  it('is the one that claims it first, for as long as it lives', async () => {
    const [one, two] = [master('one'), master('two')];
    expect(await claimed(one, 'web1', 'web2')).toEqual({ taken: ['web1', 'web2'], own: ['web1', 'web2'] });
    expect(await claimed(two, 'web1', 'web2', 'web3')).toEqual({ taken: ['web3'], own: ['web3'] });
    expect(await claimed(one, 'web1', 'web2')).toEqual({ taken: [], own: ['web1', 'web2'] });
  });

  it('is another when that one is gone, and it knows that things may have run there', async () => {
    const [one, two] = [master('one'), master('two')];
    await claimed(one, 'web1');
    alive.delete('one');
    expect(await claimed(two, 'web1')).toEqual({ taken: ['web1 of another'], own: ['web1'] });
    expect(await claimed(one, 'web1')).toEqual({ taken: [], own: [] });
  });

  it('is the same one after a restart, which has its own records', async () => {
    await claimed(master('one', 'first'), 'web1');
    alive.delete('first');
    expect(await claimed(master('one', 'second'), 'web1')).toEqual({ taken: ['web1'], own: ['web1'] });
  });

  it('is exactly one of many that claim at once', async () => {
    const masters = Array.from({ length: 5 }, (_, index) => master(`m${index}`));
    const hosts = Array.from({ length: 20 }, (_, index) => `h${index}`);
    const rounds = await Promise.all(masters.map((duties) => duties.claim(hosts)));
    expect(rounds.flatMap(({ taken }) => taken.map(({ host }) => host)).sort()).toEqual([...hosts].sort());
  });
});

import { MemoryMineStore, type MineStore, openMineStore } from '@edge-run/master/nodes';
import { systemClock } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startNats, type TestNats } from '../support/nats.ts';
import { eventually, killHard } from '../support/processes.ts';

const entry = (value: number): { value: number; at: number } => ({ value, at: 1 });
const valuesOf = async (store: MineStore, name: string): Promise<Record<string, unknown>> =>
  Object.fromEntries([...(await store.read(name))].map(([id, { value }]) => [id, value]));

/** What every store of the mine does. */
function describeMineStore(name: string, open: () => Promise<MineStore>): void {
  describe(name, () => {
    let store: MineStore;
    beforeAll(async () => {
      store = await open();
    });

    test('a value is read as it was last put, beside those of other hosts and names', async () => {
      await store.put(
        'web1',
        new Map([
          ['a.b', entry(1)],
          ['x y', entry(2)],
        ]),
      );
      expect(await valuesOf(store, 'a.b')).toEqual({ web1: 1 });
      await store.put('web1', new Map([['a.b', entry(3)]]));
      await store.put('web.example.org', new Map([['a.b', entry(4)]]));
      expect(await valuesOf(store, 'a.b')).toEqual({ web1: 3, 'web.example.org': 4 });
      expect(await valuesOf(store, 'x y')).toEqual({ web1: 2 });
      expect([...(await store.names('web1'))].sort()).toEqual(['a.b', 'x y']);
    });

    test('rules travel with the value', async () => {
      const allow = { target: ['db1'], targetType: 'list' };
      await store.put('web1', new Map([['ruled', { ...entry(1), allow }]]));
      expect((await store.read('ruled')).get('web1')?.allow).toEqual(allow);
    });

    test('what is removed is gone, and removing it again is fine', async () => {
      await store.put(
        'db1',
        new Map([
          ['n', entry(1)],
          ['m', entry(2)],
        ]),
      );
      await store.remove('db1', ['n', 'never']);
      expect(await valuesOf(store, 'n')).toEqual({});
      expect(await store.names('db1')).toEqual(['m']);
      await store.remove('db1');
      await store.remove('db1');
      expect(await store.names('db1')).toEqual([]);
      await store.put('db1', new Map([['n', entry(5)]]));
      expect(await valuesOf(store, 'n')).toEqual({ db1: 5 });
    });
  });
}

describeMineStore('MemoryMineStore', async () => new MemoryMineStore());

describe('over JetStream', () => {
  let nats: TestNats;
  beforeAll(async () => {
    nats = await startNats();
  });
  afterAll(() => nats.stop());

  const open = async (): Promise<MineStore> => openMineStore((await nats.connect('mine')).connection, systemClock);
  describeMineStore('KvMineStore', open);

  test('a server that is killed keeps what was put', async () => {
    const store = await open();
    await store.put('kept', new Map([['n', entry(1)]]));
    await killHard(nats.broker.pid!);
    const values = await eventually(() => valuesOf(store, 'n').catch(() => undefined), 'the mine answers again');
    expect(values).toMatchObject({ kept: 1 });
  });

  test('a name that cannot be a key is refused', async () => {
    await expect((await open()).put('web1', new Map([['', entry(1)]]))).rejects.toThrow(/names of 1 to 255/);
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFleet, type TestFleet, type TestMaster } from '../../support/fleet.ts';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterAll(() => fleet.stop());

const isConnected = (master: TestMaster, id: string): boolean =>
  master.presence.list().some((entry) => entry.id === id && entry.connected);

test('a master knows the minions that were connected before it started', async () => {
  const first = await fleet.startMaster('first');
  const minion = await fleet.startMinion('early');
  await first.stop();
  const second = await fleet.startMaster('second');
  await expect.poll(() => isConnected(second, 'early'), { timeout: 5_000 }).toBe(true);
  expect(second.presence.goneSince('early')).toBeUndefined();
  await minion.stop();
  await expect.poll(() => second.presence.goneSince('early'), { timeout: 5_000 }).toBeDefined();
  await second.stop();
});

test('connections that a killed server took with it do not count any more', async () => {
  const master = await fleet.startMaster('third');
  const minion = await fleet.startMinion('steady');
  await expect.poll(() => isConnected(master, 'steady'), { timeout: 5_000 }).toBe(true);
  process.kill(fleet.nats.broker.pid!, 'SIGKILL');
  const isBack = async (): Promise<boolean> => {
    const request = { target: 'steady', targetType: 'list', fun: 'test.ping', timeoutMs: 5_000 };
    const { targets } = await master.jobs.run(request, new AbortController().signal);
    return targets.get('steady')?.outcome === 'succeeded';
  };
  await expect.poll(() => isBack().catch(() => false), { timeout: 20_000 }).toBe(true);
  await minion.stop();
  await expect.poll(() => master.presence.goneSince('steady'), { timeout: 5_000 }).toBeDefined();
  await master.stop();
});

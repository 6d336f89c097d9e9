import { keepLease, type MasterLease, openLeaseBuckets } from '@edge-run/master/leases';
import { silentLogger, systemClock } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNats, type TestNats } from '../../support/nats.ts';
import { eventually } from '../../support/processes.ts';

const LEASE_MS = 2_000;

let nats: TestNats;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

async function lease(id: string, clock = systemClock): Promise<MasterLease> {
  const { connection } = await nats.connect(id);
  const { masters, masterTokens } = await openLeaseBuckets(connection, systemClock, LEASE_MS);
  return keepLease({
    id,
    signer: `key of ${id}`,
    leaseMs: LEASE_MS,
    bucket: masters,
    tokens: masterTokens,
    clock,
    log: silentLogger,
  });
}

test('masters see each other while they live, and no longer when they end or fall silent', async () => {
  const one = await lease('one');
  const two = await lease('two.example.org');
  expect(await one.alive()).toEqual(new Set(['one', 'two.example.org']));
  expect(await one.boots()).toEqual(new Set([one.boot, two.boot]));
  await two.end();
  expect(await one.alive()).toEqual(new Set(['one']));
  expect(await one.boots()).toEqual(new Set([one.boot]));
  // Reservations of the one before are void, though the name is alive.
  const again = await lease('two.example.org');
  expect(again.boot).not.toBe(two.boot);
  await again.end();

  // A clock that never wakes: the lease is taken and not renewed.
  const dead = { now: () => systemClock.now(), sleep: () => new Promise<void>(() => {}) };
  const three = await lease('three', dead);
  expect(await one.alive()).toContain('three');
  const seen = eventually(async () => !(await one.alive()).has('three'), 'the silent master is gone', 10_000);
  await seen;
  expect(await one.alive()).toEqual(new Set(['one']));
  await expect(
    Promise.race([three.holds(new AbortController().signal), systemClock.sleep(300).then(() => 'fenced')]),
  ).resolves.toBe('fenced');
  await one.end();
});

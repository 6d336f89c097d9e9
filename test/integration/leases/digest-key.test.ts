import { openDigestKey } from '@edge-run/master/secrets';
import { systemClock } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNats, type TestNats } from '../../support/nats.ts';

let nats: TestNats;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

test('masters that start together and later ones have one key for the digests of secrets', async () => {
  const open = async (name: string): Promise<string> => {
    const { connection } = await nats.connect(name);
    return Buffer.from(await openDigestKey(connection, systemClock)).toString('hex');
  };
  const [one, two] = await Promise.all([open('one'), open('two')]);
  expect(one).toMatch(/^[0-9a-f]{64}$/);
  expect(two).toBe(one);
  expect(await open('three')).toBe(one);
});

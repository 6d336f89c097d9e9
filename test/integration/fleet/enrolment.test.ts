import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeyPair, fingerprint, signBody } from '@edge-run/shared/bus';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFleet, type TestFleet, type TestMaster } from '../../support/fleet.ts';

let fleet: TestFleet;
let master: TestMaster;
const never = new AbortController().signal;

beforeAll(async () => {
  fleet = await startFleet();
  master = await fleet.startMaster();
});
afterAll(() => fleet.stop());

const ping = async (id: string): Promise<string | undefined> =>
  (await master.jobs.run({ target: id, targetType: 'list', fun: 'test.ping' }, never)).targets.get(id)?.outcome;
const stateOf = async (id: string): Promise<string[]> =>
  (await fleet.keyring.list()).filter((key) => key.id === id).map(({ state }) => state);

test('a minion waits as pending and works as soon as it is accepted', async () => {
  const agent = await fleet.startMinion('a1', { joinToken: undefined, waitReady: false });
  await expect.poll(() => stateOf('a1')).toEqual(['pending']);
  const accepted = await fleet.keyring.accept('a1');
  expect(accepted.fingerprint).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  await agent.ready();
  expect(await ping('a1')).toBe('succeeded');
  expect((await stat(join(fleet.dataDir('a1'), 'minion.nk'))).mode & 0o777).toBe(0o600);
});

test('a revoked minion is disconnected at once and may be accepted again', async () => {
  const agent = await fleet.startMinion('r1');
  expect(await ping('r1')).toBe('succeeded');
  const gone = Date.now();
  await fleet.keyring.reject('r1');
  await expect.poll(() => master.presence.list().find(({ id }) => id === 'r1')?.connected ?? false).toBe(false);
  expect(Date.now() - gone).toBeLessThan(5_000);
  expect(await ping('r1')).toBe('unreachable');
  expect(await ping('a1')).toBe('succeeded');
  await expect.poll(async () => (await fleet.keyring.finger('r1'))[0]?.state).toBe('rejected');
  await fleet.keyring.accept('r1');
  await expect.poll(() => ping('r1'), { timeout: 45_000 }).toBe('succeeded');
  await agent.stop();
});

test('another key with an id that is taken is blocked, and the first keeps working', async () => {
  await fleet.startMinion('taken');
  const impostor = await fleet.startMinion('taken', {
    dataDir: `${fleet.dataDir('taken')}-2`,
    joinToken: (await fleet.keyring.createToken({ name: 'any', ids: '*', uses: 5 })).token,
    waitReady: false,
  });
  await expect.poll(async () => (await stateOf('taken')).sort()).toEqual(['accepted', 'denied']);
  await expect(fleet.keyring.accept('taken')).rejects.toMatchObject({ code: 'EDGE_NOT_ALLOWED' });
  expect(await ping('taken')).toBe('succeeded');
  await impostor.stop();
});

test('a minion trusts the keys it was told, or those of the first answer, and no others', async () => {
  const deceived = await fleet.startMinion('p1', {
    trustedKeys: [createKeyPair('user').publicKey],
    waitReady: false,
  });
  await expect(deceived.ended()).rejects.toMatchObject({ code: 'EDGE_NOT_ALLOWED' });
  const trusting = await fleet.startMinion('p2', { trustedKeys: [] });
  expect(await ping('p2')).toBe('succeeded');
  await trusting.stop();
  const pinned = JSON.parse(await readFile(join(fleet.dataDir('p2'), 'trusted-keys.json'), 'utf8')) as string[];
  expect(pinned).toEqual([fleet.keyring.jobSigner.publicKey]);
});

test('join tokens let in by glob, expire and are used up', async () => {
  const knock = async (id: string, token: string): Promise<string | undefined> => {
    const key = createKeyPair('user');
    const body = signBody({ id, publicKey: key.publicKey, token, at: Date.now() }, key);
    return (await fleet.keyring.onKnock(key.publicKey, body))?.status;
  };
  const web = await fleet.keyring.createToken({ name: 'web', ids: 'web*', uses: 1 });
  expect(await knock('db1', web.token)).toBe('pending');
  expect(await knock('web1', web.token)).toBe('accepted');
  expect(await knock('web2', web.token)).toBe('pending');
  const old = await fleet.keyring.createToken({ name: 'old', validForMs: -1 });
  expect(await knock('web3', old.token)).toBe('pending');
  expect(await knock('web4', 'guess')).toBe('pending');
});

test('a knock for a key its sender does not own is not answered', async () => {
  const [owner, thief] = [createKeyPair('user'), createKeyPair('user')];
  const body = signBody({ id: 'x1', publicKey: owner.publicKey, at: Date.now() }, thief);
  expect(await fleet.keyring.onKnock(owner.publicKey, body)).toBeUndefined();
  expect(await fleet.keyring.onKnock(owner.publicKey, { id: 'x1' })).toBeUndefined();
  expect(await fleet.keyring.onKnock('nonsense', body)).toBeUndefined();
  expect(fingerprint(owner.publicKey)).not.toBe(fingerprint(thief.publicKey));
});

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MinionPorts } from '@edge-run/minion/agent';
import { createKeyPair, keyPairFromSeed, signBody } from '@edge-run/shared/bus';
import type { JobExecutor } from '@edge-run/shared/execute';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testExecutor } from '../../support/executor.ts';
import { startFleet, type TestFleet, type TestMaster } from '../../support/fleet.ts';

/* A minion changes its key by a second connection: no job is lost or doubled, and the old key is void afterwards. */

let fleet: TestFleet;
let master: TestMaster;
const never = new AbortController().signal;

beforeAll(async () => {
  fleet = await startFleet();
  master = await fleet.startMaster();
});
afterAll(() => fleet.stop());

/** A minion, its ports and how often each job ran on it. */
async function minion(id: string): Promise<{ ports: MinionPorts; ran: Map<string, number> }> {
  const ran = new Map<string, number>();
  let ports: MinionPorts | undefined;
  const make = (given: MinionPorts): JobExecutor => {
    ports = given;
    return testExecutor({ onRun: ({ jid }) => void ran.set(jid, (ran.get(jid) ?? 0) + 1) });
  };
  await fleet.startMinion(id, { executor: make });
  return { ports: ports!, ran };
}

const acceptedKeys = async (id: string): Promise<string[]> =>
  (await fleet.keyring.list()).flatMap((key) => (key.id === id && key.state === 'accepted' ? [key.publicKey] : []));
const seedOf = async (id: string): Promise<string> => readFile(join(fleet.dataDir(id), 'minion.nk'), 'utf8');

test('jobs that go on meanwhile run once each, and the old key is void', async () => {
  const { ports, ran } = await minion('busy');
  const [before] = await acceptedKeys('busy');
  const oldSeed = await seedOf('busy');
  let sending = true;
  const outcomes: (string | undefined)[] = [];
  const stream = async (): Promise<void> => {
    while (sending) {
      const answer = await master.jobs.run({ target: 'busy', targetType: 'list', fun: 'test.ping' }, never);
      outcomes.push(answer.targets.get('busy')?.outcome);
    }
  };
  const streams = Array.from({ length: 8 }, stream);
  for (let round = 0; round < 3; round += 1) await ports.rotateKey();
  sending = false;
  await Promise.all(streams);
  expect(outcomes.length).toBeGreaterThan(20);
  expect(new Set(outcomes)).toEqual(new Set(['succeeded']));
  expect([...ran.values()].filter((times) => times !== 1)).toEqual([]);
  expect(ran.size).toBe(outcomes.length);
  const after = await acceptedKeys('busy');
  expect(after).toHaveLength(1);
  expect(after[0]).not.toBe(before);
  expect(keyPairFromSeed(await seedOf('busy')).publicKey).toBe(after[0]);
  // Whoever stole the old seed cannot come in with it any more.
  const thief = keyPairFromSeed(oldSeed);
  const knock = { id: 'busy', publicKey: thief.publicKey, at: Date.now() };
  expect(await fleet.keyring.onKnock(thief.publicKey, signBody(knock, thief))).toMatchObject({ status: 'denied' });
});

test('a long job that runs while the key changes is answered', async () => {
  const { ports } = await minion('long');
  const running = master.jobs.run({ target: 'long', targetType: 'list', fun: 'test.sleep', args: [1_500] }, never);
  await expect.poll(() => ports.localJobs.running().length).toBe(1);
  await ports.rotateKey();
  expect((await running).targets.get('long')?.outcome).toBe('succeeded');
});

test('a rotation whose end the master did not hear of is ended by the next start', async () => {
  const dataDir = fleet.dataDir('crashed');
  const agent = await fleet.startMinion('crashed');
  const old = (await acceptedKeys('crashed'))[0]!;
  await agent.stop();
  // As after a crash behind the change of the file: the new key is there, the master knows both.
  const { openIdentity } = await import('@edge-run/minion/identity');
  const identity = await openIdentity(dataDir);
  const next = await identity.successor();
  const envelope = signBody({ id: 'crashed', publicKey: next.publicKey, at: Date.now() }, next);
  const answer = await fleet.keyring.rotate('crashed', next.publicKey, envelope);
  if (answer.status !== 'accepted') throw new Error(answer.status);
  await identity.succeed(next, { id: 'crashed', jwt: answer.jwt, signers: answer.signers });
  expect((await acceptedKeys('crashed')).sort()).toEqual([old, next.publicKey].sort());
  await fleet.startMinion('crashed', { joinToken: undefined });
  await expect.poll(() => acceptedKeys('crashed')).toEqual([next.publicKey]);
});

test('nobody gets a key for another, nor one that is not theirs', async () => {
  await minion('honest');
  const own = createKeyPair('user');
  const foreign = createKeyPair('user');
  const ask = (id: string, publicKey: string, body: object): Promise<unknown> =>
    fleet.keyring.rotate(id, publicKey, body);
  const body = { id: 'honest', publicKey: own.publicKey, at: Date.now() };
  const refused = { code: 'EDGE_NOT_ALLOWED' };
  await expect(ask('honest', own.publicKey, signBody(body, foreign))).rejects.toMatchObject(refused);
  await expect(ask('honest', own.publicKey, signBody({ ...body, id: 'busy' }, own))).rejects.toMatchObject(refused);
  await expect(ask('stranger', own.publicKey, signBody({ ...body, id: 'stranger' }, own))).rejects.toMatchObject(
    refused,
  );
  const [busy] = await acceptedKeys('busy');
  await expect(ask('honest', busy!, signBody({ ...body, publicKey: busy }, own))).rejects.toMatchObject(refused);
  expect(await acceptedKeys('honest')).toHaveLength(1);
});

import {
  connectNatsBus,
  createKeyPair,
  credentialsFromCreds,
  encodeScopedUserJwt,
  type NatsBus,
  signBody,
} from '@edge-run/shared/bus';
import { SUBJECTS } from '@edge-run/shared/protocol';
import { jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startFleet, type TestFleet, type TestMaster } from '../../support/fleet.ts';

let fleet: TestFleet;
let master: TestMaster;
/** A minion that was accepted and does what it wants. */
let rogue: NatsBus;
const violations: string[] = [];

beforeAll(async () => {
  fleet = await startFleet();
  master = await fleet.startMaster();
  const key = createKeyPair('user');
  const { token } = await fleet.keyring.createToken({ name: 'rogue' });
  const answer = await fleet.keyring.onKnock(
    key.publicKey,
    signBody({ id: 'rogue', publicKey: key.publicKey, token, at: Date.now() }, key),
  );
  if (answer?.status !== 'accepted') throw new Error('not accepted');
  rogue = await connectNatsBus({
    servers: [fleet.nats.url],
    credentials: { kind: 'jwt', jwt: answer.jwt, keyPair: key },
    name: 'rogue',
    inboxPrefix: '_INBOX.rogue',
  });
  void (async () => {
    for await (const status of rogue.connection.status()) {
      if (status.type === 'error') violations.push(status.error.message);
    }
  })();
});
afterAll(async () => {
  await rogue.close();
  await fleet.stop();
});

/** Whether the server let a message of the rogue through. */
const arrives = async (subject: string): Promise<boolean> => {
  const stop = new AbortController();
  const got: unknown[] = [];
  const reader = (async () => {
    for await (const message of master.bus.subscribe(subject, { signal: stop.signal })) got.push(message);
  })();
  await master.bus.flush();
  rogue.connection.publish(subject, '{"jid":"j","id":"victim"}');
  await rogue.flush();
  await master.bus.flush();
  await master.bus.request('edge.none.x', null, { timeoutMs: 1_000 }).catch(() => undefined);
  stop.abort();
  await reader;
  return got.length > 0;
};

describe('what a minion may publish', () => {
  test.each([
    ['its own return', 'edge.ret.j.rogue', true],
    ['its own event', 'edge.evt.rogue', true],
    ["another's return", 'edge.ret.j.victim', false],
    ["another's event", 'edge.evt.victim', false],
    ["another's question", 'edge.rpc.victim.pillar', false],
    ['a job for another', 'edge.job.id.victim', false],
    ['the journal', 'edge.run.r1', false],
    ['an event as a master', 'edge.event.run.done', false],
    ['an operation', 'edge.op.rogue.key.accept', false],
    ['an operation as a user', 'edge.op.admin.key.accept', false],
    ['a knock', 'edge.enroll.knock.x', false],
    ['an answer to a knock', 'edge.enroll.ack.x', false],
    ["another's inbox", '_INBOX.victim.x', false],
    ['the JetStream API', '$JS.API.STREAM.INFO.EDGE_RETURNS', false],
    ['the key-value store', '$KV.EDGE_JOBS.x', false],
  ])('%s', async (_, subject, allowed) => {
    expect(await arrives(subject)).toBe(allowed);
  });
});

describe('what a minion may subscribe to', () => {
  test.each([
    ['edge.job.id.rogue', true],
    ['edge.job.id.victim', false],
    ['edge.job.id.*', false],
    ['edge.>', false],
    ['>', false],
    ['edge.ret.*.*', false],
    ['edge.evt.*', false],
    ['edge.rpc.>', false],
    ['edge.run.*', false],
    ['edge.event.>', false],
    ['edge.enroll.knock.*', false],
    ['_INBOX.>', false],
    ['_INBOX.victim.>', false],
    ['$JS.>', false],
  ])('%s', async (subject, allowed) => {
    const before = violations.length;
    const subscription = rogue.connection.subscribe(subject, { callback: () => {} });
    await rogue.flush();
    if (allowed) expect(violations.length).toBe(before);
    else await expect.poll(() => violations.length).toBeGreaterThan(before);
    if (!subscription.isClosed()) subscription.unsubscribe();
  });
});

test('the server itself is no deputy: a return with a foreign reply subject changes no stream', async () => {
  const manager = await jetstreamManager(master.bus.connection);
  await manager.streams.add({ name: 'TEST_JOURNAL', subjects: ['edge.run.*'] });
  for (let entry = 0; entry < 5; entry += 1) master.bus.connection.publish('edge.run.r1', `${entry}`);
  await master.bus.flush();
  await expect.poll(async () => (await manager.streams.info('TEST_JOURNAL')).state.messages).toBe(5);
  const stop = new AbortController();
  const stolen: unknown[] = [];
  const reader = (async () => {
    for await (const { body } of master.bus.subscribe('edge.job.id.victim', { signal: stop.signal })) stolen.push(body);
  })();
  await master.bus.flush();
  for (const reply of ['edge.run.r1', 'edge.job.id.victim', '$JS.API.STREAM.PURGE.TEST_JOURNAL']) {
    rogue.connection.publish('edge.ret.deputy.rogue', '{}', { reply });
  }
  await rogue.flush();
  const returns = (): Promise<number> =>
    manager.streams
      .info('EDGE_RETURNS', { subjects_filter: 'edge.ret.deputy.*' })
      .then(({ state }) => Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0));
  await expect.poll(returns).toBe(3);
  const { state } = await manager.streams.info('TEST_JOURNAL');
  expect([state.messages, state.first_seq]).toEqual([5, 1]);
  stop.abort();
  await reader;
  expect(stolen).toEqual([]);
});

test('the master is no deputy: it answers only into the inbox of who asks', async () => {
  const stop = new AbortController();
  const stolen: unknown[] = [];
  const reader = (async () => {
    for await (const { body } of master.bus.subscribe('edge.job.id.victim', { signal: stop.signal })) stolen.push(body);
  })();
  await master.bus.flush();
  rogue.connection.publish(SUBJECTS.rpc('rogue', 'returned'), '{"jids":[]}', { reply: 'edge.job.id.victim' });
  expect(await rogue.request(SUBJECTS.rpc('rogue', 'returned'), { jids: [] }, { timeoutMs: 5_000 })).toEqual({
    ok: true,
    answer: { stored: [] },
  });
  stop.abort();
  await reader;
  expect(stolen).toEqual([]);
});

test('bad input to the gateway is an error answer', async () => {
  const ask = (operation: string, body: unknown): Promise<unknown> =>
    rogue.request(SUBJECTS.rpc('rogue', operation), body, { timeoutMs: 5_000 });
  expect(await ask('returned', { jids: 'x' })).toMatchObject({ ok: false, error: { code: 'EDGE_BAD_ARGUMENT' } });
  expect(await ask('returned', null)).toMatchObject({ ok: false, error: { code: 'EDGE_BAD_ARGUMENT' } });
  expect(await ask('constructor', {})).toMatchObject({ ok: false, error: { code: 'EDGE_UNKNOWN_FUNCTION' } });
});

test('logins nobody signed are refused', async () => {
  const attempt = async (jwt: string, keyPair = createKeyPair('user')): Promise<unknown> =>
    connectNatsBus({
      servers: [fleet.nats.url],
      credentials: { kind: 'jwt', jwt, keyPair },
      name: 'x',
      inboxPrefix: '_INBOX.x',
    }).then(
      async (bus) => bus.close(),
      (error: unknown) => (error as { code: string }).code,
    );
  const key = createKeyPair('user');
  const forged = encodeScopedUserJwt(
    { name: 'rogue', user: key.publicKey, account: fleet.keyring.account, issuedAt: Date.now() },
    createKeyPair('account'),
  );
  expect(await attempt(forged, key)).toBe('EDGE_BUS_UNREACHABLE');
  const anonymous = connectNatsBus({ servers: [fleet.nats.url], name: 'x', inboxPrefix: '_INBOX.x' });
  await expect(anonymous).rejects.toMatchObject({ code: 'EDGE_BUS_UNREACHABLE' });
});

test('the public credential can only knock', async () => {
  const knocker = await connectNatsBus({
    servers: [fleet.nats.url],
    credentials: { kind: 'bearer', jwt: fleet.keyring.knockJwt() },
    name: 'knock',
    inboxPrefix: '_INBOX.knock',
  });
  const seen: string[] = [];
  void (async () => {
    for await (const status of knocker.connection.status())
      if (status.type === 'error') seen.push(status.error.message);
  })();
  for (const subject of ['edge.job.id.victim', 'edge.enroll.knock.*', '_INBOX.>']) {
    knocker.connection.subscribe(subject, { callback: () => {} });
  }
  for (const subject of ['edge.ret.j.x', 'edge.evt.x', 'edge.op.x.y']) knocker.connection.publish(subject, '{}');
  await knocker.flush();
  await expect.poll(() => seen.length).toBe(6);
  await knocker.close();
});

test('a person may ask under their own name only', async () => {
  const person = await connectNatsBus({
    servers: [fleet.nats.url],
    credentials: credentialsFromCreds(fleet.keyring.operatorCreds('ann')),
    name: 'ann',
    inboxPrefix: '_INBOX.ann',
  });
  const answer = await person.request(SUBJECTS.operation('nothing', 'ann'), {}, { timeoutMs: 5_000 });
  expect(answer).toMatchObject({ ok: false, error: { code: 'EDGE_UNKNOWN_FUNCTION' } });
  const as = person.request(SUBJECTS.operation('nothing', 'bob'), {}, { timeoutMs: 500 });
  await expect(as).rejects.toBeInstanceOf(Error);
  await person.close();
});

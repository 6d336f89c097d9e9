import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJobs, openJobStreams } from '@edge-run/master/jobs';
import { createKeyring } from '@edge-run/master/keys';
import { type Agent, type AgentOptions, startAgent } from '@edge-run/minion/agent';
import { openIdentity } from '@edge-run/minion/identity';
import {
  connectNatsBus,
  createKeyPair,
  credentialsFromCreds,
  encodeAccountJwt,
  encodeOperatorJwt,
  type NatsBus,
  signBody,
} from '@edge-run/shared/bus';
import { silentLogger, systemClock } from '@edge-run/shared/kernel';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { testExecutor } from '../../support/executor.ts';
import { startNats, type TestNats } from '../../support/nats.ts';

let directory: string;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'edge-own-'));
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await rm(directory, { recursive: true, force: true });
});

const started = async (options: Parameters<typeof startNats>[0] = {}): Promise<TestNats> => {
  const nats = await startNats(options);
  closing.push(() => nats.stop());
  return nats;
};
const minion = async (url: string, options: Pick<AgentOptions, 'admission' | 'trustedKeys'>): Promise<Agent> => {
  const dataDir = join(directory, 'own1');
  const agent = startAgent({
    ...{ id: 'own1', version: '0', servers: [url], dataDir, identity: await openIdentity(dataDir), concurrency: 2 },
    ...{ createExecutor: () => testExecutor(), log: silentLogger, ...options },
  });
  closing.push(() => agent.stop());
  await agent.ready();
  return agent;
};
const ping = async (bus: NatsBus, signer = createKeyPair('user')): Promise<string | undefined> => {
  const { returns, records, batches } = await openJobStreams(bus, systemClock);
  const jobs = createJobs({
    ...{ bus, returns, records, batches, signer, clock: systemClock, log: silentLogger },
    resolveTargets: async (target) => ({ ids: [target] }),
  });
  closing.push(() => jobs.close());
  const { targets } = await jobs.run({ target: 'own1', fun: 'test.ping' }, new AbortController().signal);
  return targets.get('own1')?.outcome;
};

test('a server that asks nobody: minions still run signed jobs only', async () => {
  const nats = await started();
  const signer = createKeyPair('user');
  await minion(nats.url, { admission: { kind: 'open' }, trustedKeys: [signer.publicKey] });
  const bus = await nats.connect('master');
  expect(await ping(bus, signer)).toBe('succeeded');
  expect(await ping(bus, createKeyPair('user'))).toBe('failed');
});

test("somebody else's account: users are signed with the key they gave", async () => {
  const [operator, account, system, signingKey] = [
    createKeyPair('operator'),
    createKeyPair('account'),
    createKeyPair('account'),
    createKeyPair('account'),
  ];
  const common = { revocations: new Map<string, number>(), roles: [], issuedAt: Date.now() };
  const nats = await started({
    trust: {
      operatorJwt: encodeOperatorJwt(
        { name: 'theirs', systemAccount: system.publicKey, issuedAt: Date.now() },
        operator,
      ),
      systemAccount: system.publicKey,
      accounts: new Map([
        [
          account.publicKey,
          encodeAccountJwt(
            {
              ...common,
              name: 'edge',
              account: account.publicKey,
              jetstream: true,
              signingKeys: [signingKey.publicKey],
            },
            operator,
          ),
        ],
        [
          system.publicKey,
          encodeAccountJwt({ ...common, name: 'sys', account: system.publicKey, jetstream: false }, operator),
        ],
      ]),
    },
  });
  const keyring = await createKeyring({
    dir: join(directory, 'keys'),
    external: { account: account.publicKey, signingKey },
  });
  const bus = await connectNatsBus({
    servers: [nats.url],
    credentials: credentialsFromCreds(keyring.masterCreds('m')),
    name: 'm',
    inboxPrefix: '_INBOX.m',
  });
  closing.push(() => bus.close());
  const { keyPair } = await openIdentity(join(directory, 'own1'));
  const { token } = await keyring.createToken({ name: 't' });
  const knock = signBody({ id: 'own1', publicKey: keyPair.publicKey, token, at: Date.now() }, keyPair);
  const answer = await keyring.onKnock(keyPair.publicKey, knock);
  if (answer?.status !== 'accepted') throw new Error('not accepted');
  await minion(nats.url, {
    admission: { kind: 'given', credentials: { kind: 'jwt', jwt: answer.jwt, keyPair } },
    trustedKeys: answer.signers,
  });
  expect(await ping(bus, keyring.jobSigner)).toBe('succeeded');
  const knocker = await connectNatsBus({
    servers: [nats.url],
    credentials: { kind: 'bearer', jwt: keyring.knockJwt() },
    name: 'k',
    inboxPrefix: '_INBOX.k',
  });
  await knocker.close();
  await bus.flush();
});

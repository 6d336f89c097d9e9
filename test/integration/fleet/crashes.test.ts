import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testExecutor } from '../../support/executor.ts';
import { startFleet, type TestFleet, type TestMaster } from '../../support/fleet.ts';

const PROGRAM = fileURLToPath(new URL('../../../.build/test/test/support/minion-process.js', import.meta.url));

let fleet: TestFleet;
let master: TestMaster;
const children: ChildProcess[] = [];
const runs: string[] = [];
const never = new AbortController().signal;

beforeAll(async () => {
  if (!existsSync(PROGRAM)) throw new Error('build first: npm run build');
  fleet = await startFleet();
  master = await fleet.startMaster();
  await fleet.startMinion('steady', { executor: testExecutor({ onRun: ({ jid }) => void runs.push(jid) }) });
});
afterAll(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  await fleet.stop();
});

/** A minion in a process of its own, once it answers. */
const startProcess = async (id: string): Promise<ChildProcess> => {
  const { token } = await fleet.keyring.createToken({ name: id });
  const child = spawn(process.execPath, [PROGRAM, 'run'], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      EDGE_MINION_ID: id,
      EDGE_SERVERS: fleet.nats.url,
      EDGE_DATA_DIR: fleet.dataDir(id),
      EDGE_KNOCK: fleet.keyring.knockJwt(),
      EDGE_JOIN_TOKEN: token,
      EDGE_TRUSTED_KEYS: fleet.keyring.jobSigner.publicKey,
      EDGE_LOG_LEVEL: 'error',
    },
  });
  children.push(child);
  await expect.poll(() => fleet.keyring.accepted().includes(id), { timeout: 20_000 }).toBe(true);
  await expect.poll(async () => (await run([id], 'test.ping'))[id], { timeout: 20_000 }).toBe('succeeded');
  return child;
};
const run = async (
  ids: readonly string[],
  fun: string,
  args: number[] = [],
  jid?: string,
): Promise<Record<string, string>> => {
  const request = { target: ids.join(','), targetType: 'list', fun, args, ...(jid === undefined ? {} : { jid }) };
  const { targets } = await master.jobs.run(request, never);
  return Object.fromEntries([...targets].map(([id, { outcome }]) => [id, outcome]));
};
const running = (jid: string): Promise<boolean> =>
  master.bus.request(`edge.job.id.killed`, { kind: 'find', jid }, { timeoutMs: 1_000 }).then(
    (receipt) => (receipt as { state: string }).state === 'running',
    () => false,
  );

test('a killed minion is unreachable within seconds while the job still runs elsewhere', async () => {
  const child = await startProcess('killed');
  const from = Date.now();
  const answer = run(['killed', 'steady'], 'test.sleep', [4_000], 'kill-1');
  await expect.poll(() => running('kill-1')).toBe(true);
  child.kill('SIGKILL');
  expect(await answer).toEqual({ killed: 'unreachable', steady: 'succeeded' });
  expect(Date.now() - from).toBeLessThan(12_000);
  const { targets } = await master.jobs.show('kill-1');
  expect(targets.get('killed')?.evidence).toMatch(/has had no connection for \d/);
});

test('a job that was running when its minion died fails with evidence once it is back', async () => {
  const child = await startProcess('killed');
  const answer = master.jobs.run(
    { target: 'killed', targetType: 'list', fun: 'test.sleep', args: [60_000], jid: 'kill-2' },
    never,
  );
  await expect.poll(() => running('kill-2')).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const again = startProcess('killed');
  expect((await answer).targets.get('killed')).toMatchObject({
    outcome: 'failed',
    evidence: expect.stringMatching(/was stopped while test.sleep ran/),
  });
  (await again).kill('SIGTERM');
});

test('a restarted minion answers a repeated job from its store', async () => {
  const ran: string[] = [];
  const executor = testExecutor({ onRun: ({ jid }) => void ran.push(jid) });
  const first = await fleet.startMinion('again', { executor });
  await run(['again'], 'test.count', [], 'again-1');
  await first.stop();
  await fleet.startMinion('again', { executor });
  const find = (): Promise<unknown> =>
    master.bus.request('edge.job.id.again', { kind: 'find', jid: 'again-1' }, { timeoutMs: 1_000 });
  expect(await find()).toEqual({ state: 'ended', jid: 'again-1' });
  const other = await fleet.startMaster('other');
  const answer = await other.jobs.run(
    { target: 'again', targetType: 'list', fun: 'test.count', jid: 'again-1' },
    never,
  );
  expect(answer.targets.get('again')).toMatchObject({ outcome: 'succeeded', ret: 1 });
  expect(ran).toEqual(['again-1']);
  await other.stop();
});

test('a server killed in mid-job loses no return', async () => {
  await Promise.all(['k1', 'k2', 'k3'].map((id) => fleet.startMinion(id)));
  const answer = run(['k1', 'k2', 'k3', 'steady'], 'test.sleep', [1_500], 'broker-1');
  await expect.poll(() => runs.includes('broker-1')).toBe(true);
  const before = fleet.nats.broker.pid!;
  process.kill(before, 'SIGKILL');
  expect(await answer).toEqual({ k1: 'succeeded', k2: 'succeeded', k3: 'succeeded', steady: 'succeeded' });
  expect(fleet.nats.broker.pid).not.toBe(before);
});

test('returns made while the server is down arrive when it is back', async () => {
  const answer = run(['k1', 'k2', 'k3'], 'test.sleep', [300], 'broker-2');
  const reader = master.jobs.watch('broker-2', never)[Symbol.asyncIterator]();
  await expect.poll(() => fleet.nats.broker.pid).toBeDefined();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { pid } = fleet.nats.broker;
  process.kill(pid!, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 400));
  process.kill(pid!, 'SIGKILL');
  expect(await answer).toEqual({ k1: 'succeeded', k2: 'succeeded', k3: 'succeeded' });
  await reader.return?.(undefined);
  const stored = await Promise.all(['k1', 'k2', 'k3'].map((id) => master.jobs.stored(id, ['broker-2'])));
  expect(stored).toEqual([['broker-2'], ['broker-2'], ['broker-2']]);
});

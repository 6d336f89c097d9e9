import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testExecutor } from '../../support/executor.ts';
import { startFleet, type TestFleet, type TestMaster } from '../../support/fleet.ts';

const PROGRAM = fileURLToPath(new URL('../../../.build/test/test/support/jobs-process.js', import.meta.url));
const IDS = Array.from({ length: 8 }, (_, index) => `m${index}`);
const never = new AbortController().signal;

let fleet: TestFleet;
let master: TestMaster;
/** `<jid>/<id>`, in order of start. */
const runs: string[] = [];

beforeAll(async () => {
  if (!existsSync(PROGRAM)) throw new Error('build first: npm run build');
  fleet = await startFleet();
  master = await fleet.startMaster();
  await Promise.all(
    IDS.map((id) =>
      fleet.startMinion(id, { executor: testExecutor({ onRun: ({ jid }) => void runs.push(`${jid}/${id}`) }) }),
    ),
  );
});
afterAll(() => fleet.stop());

const all = (outcome: string): Record<string, string> => Object.fromEntries(IDS.map((id) => [id, outcome]));
const outcomes = (answer: { targets: ReadonlyMap<string, { outcome: string }> }): Record<string, string> =>
  Object.fromEntries([...answer.targets].map(([id, { outcome }]): [string, string] => [id, outcome]).sort());
const ranOf = (jid: string): string[] =>
  runs.filter((run) => run.startsWith(`${jid}/`)).map((run) => run.split('/')[1]!);

/** A master in a process of its own that has published the job. */
async function startDying(jid: string, sleepMs: number, batch: Record<string, string> = {}): Promise<ChildProcess> {
  const child = spawn(process.execPath, [PROGRAM], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      ...{ TEST_SERVER: fleet.nats.url, TEST_KEYS: join(fleet.directory, 'keys'), TEST_JID: jid },
      ...{ TEST_TARGETS: IDS.join(','), TEST_SLEEP_MS: String(sleepMs), ...batch },
    },
  });
  await once(child.stdout, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

test.each([
  ['the first batch runs', 'gated-1', () => ranOf('gated-1').length === 1],
  ['the gate behind the first batch is asked', 'gated-2', () => ranOf('gated-2-gate-0-0').length === 1],
  ['the second batch runs', 'gated-3', () => ranOf('gated-3').length === 1 + 3],
  ['the gate behind the second batch is asked', 'gated-4', () => ranOf('gated-4-gate-1-0').length === 3],
])('a master killed with SIGKILL while %s: the next one goes on there', async (_, jid, isThere) => {
  const child = await startDying(jid, 300, { TEST_BATCH: '1,3,100%', TEST_GATE_MS: '300', TEST_MAX_FAILURES: '0' });
  await expect.poll(isThere, { interval: 5, timeout: 10_000 }).toBe(true);
  await kill(child);
  const next = await fleet.startMaster(`after-${jid}`);
  expect(await next.jobs.resume()).toBeGreaterThan(0);
  const { targets, stopped } = await next.jobs.run({ jid, target: '', fun: '' }, never);
  expect(outcomes({ targets })).toEqual(all('succeeded'));
  expect(stopped).toBeUndefined();
  // Each host ran the job once and its gate once, and no batch began before the gate behind the one before had passed.
  expect(ranOf(jid).sort()).toEqual(IDS);
  const gates = [0, 1, 2].map((batch) => ranOf(`${jid}-gate-${batch}-0`).sort());
  expect(gates).toEqual([IDS.slice(0, 1), IDS.slice(1, 4), IDS.slice(4)]);
  for (const [index, [first]] of gates.entries()) {
    const began = runs.indexOf(`${jid}-gate-${index}-0/${first}`);
    for (const id of gates[index + 1] ?? []) expect(runs.indexOf(`${jid}/${id}`)).toBeGreaterThan(began);
  }
  await next.stop();
});

test.each([300, 1_500])(
  'a master killed with SIGKILL after %i ms of a batch: the next one ends it',
  async (afterMs) => {
    const jid = `killed-${afterMs}`;
    const child = await startDying(jid, 500);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    await kill(child);
    const before = ranOf(jid).length;
    expect(before).toBeLessThan(IDS.length);
    const next = await fleet.startMaster(`after-${afterMs}`);
    expect(await next.jobs.resume()).toBe(1);
    expect(outcomes(await next.jobs.run({ jid, target: '', fun: '' }, never))).toEqual(all('succeeded'));
    // Nothing twice, nobody left out.
    expect(ranOf(jid).sort()).toEqual(IDS);
    expect((await next.jobs.ls()).filter((job) => job.jid === jid)).toMatchObject([{ targetCount: 8 }]);
    await next.stop();
  },
);

test('no more than its size run, in the order of the targets', async () => {
  const request = { target: IDS.join(','), targetType: 'list', fun: 'test.sleep', args: [200], batch: '25%' };
  const from = Date.now();
  const { jid, targets } = await master.jobs.run(request, never);
  expect(outcomes({ targets })).toEqual(all('succeeded'));
  expect(ranOf(jid).slice(0, 2).sort()).toEqual(['m0', 'm1']);
  expect(Date.now() - from).toBeGreaterThanOrEqual(800);
});

test('a kill gives every target a definite end, also those that were not started', async () => {
  const request = { target: IDS.join(','), targetType: 'list', fun: 'test.sleep', args: [60_000], batch: '3' };
  const { jid } = await master.jobs.start(request);
  await expect.poll(() => ranOf(jid).length).toBe(3);
  expect(outcomes(await master.jobs.kill(jid, 'ann'))).toEqual(all('cancelled'));
  expect(ranOf(jid)).toHaveLength(3);
  const { targets } = await master.jobs.show(jid);
  expect(targets.get('m0')).toMatchObject({ ret: 'killed by ann' });
  expect(targets.get('m7')).toMatchObject({ evidence: 'not started: cancelled by ann' });
});

test('two masters that drive one batch start nobody twice', async () => {
  const request = { target: IDS.join(','), targetType: 'list', fun: 'test.sleep', args: [150], batch: '2' };
  const { jid } = await master.jobs.start(request);
  const other = await fleet.startMaster('rival');
  await other.jobs.resume();
  const both = await Promise.all([master, other].map(({ jobs }) => jobs.run({ jid, target: '', fun: '' }, never)));
  expect(both.map(outcomes)).toEqual([all('succeeded'), all('succeeded')]);
  expect(ranOf(jid).sort()).toEqual(IDS);
  await other.stop();
});

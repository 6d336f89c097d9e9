import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openJobStreams } from '@edge-run/master/jobs';
import { openJetStreamJournal } from '@edge-run/master/journal';
import { createWebhookReturner, type HistoryRecord, type RefusedRecord } from '@edge-run/master/returners';
import type { NatsBus } from '@edge-run/shared/bus';
import { Secret, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { type RunJournalEvent, STREAMS, SUBJECTS } from '@edge-run/shared/protocol';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { startFleet, type TestFleet, type TestMaster } from '../../support/fleet.ts';
import { feed } from '../../support/returner-feed.ts';
import { type Sink, startSink } from '../../support/sink.ts';

const PROGRAM = fileURLToPath(new URL('../../../.build/test/test/support/returner-process.js', import.meta.url));
const never = new AbortController().signal;

let fleet: TestFleet;
let master: TestMaster;
let bus: NatsBus;
let sink: Sink;
let stop: AbortController;
let refused: RefusedRecord[];
const children: ChildProcess[] = [];
const pumps: Promise<void>[] = [];

beforeAll(async () => {
  if (!existsSync(PROGRAM)) throw new Error('build first: npm run build');
  fleet = await startFleet();
  master = await fleet.startMaster();
  bus = await fleet.connectMaster('feeding');
  await Promise.all(['web1', 'web2'].map((id) => fleet.startMinion(id)));
});
afterAll(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  await bus.close();
  await fleet.stop();
});
beforeEach(async () => {
  sink = await startSink();
  stop = new AbortController();
  refused = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(pumps.splice(0));
  await sink.stop();
});

const start = async (name: string): Promise<void> => {
  const { records } = await openJobStreams(bus, systemClock);
  const { ended } = await feed({
    name,
    returner: createWebhookReturner({ url: sink.url, secret: new Secret('s'), clock: systemClock, timeoutMs: 2_000 }),
    ...{ records, connection: bus.connection, log: silentLogger, signal: stop.signal },
    refused: async (records) => void refused.push(...records),
  });
  pumps.push(ended);
};
const accepted: (request: { body: string }) => boolean = () => true;
const got = (isKept = accepted): readonly HistoryRecord[] =>
  sink.requests.filter(isKept).flatMap(({ body }) => (JSON.parse(body) as { records: HistoryRecord[] }).records);
const idsOf = (jid: string): Set<string> =>
  new Set(
    got()
      .filter(({ correlation }) => correlation.jid === jid)
      .map(({ id }) => id),
  );
const ping = (jid: string, target = 'web1,web2') =>
  master.jobs.run({ target, targetType: 'list', fun: 'test.ping', jid, causedBy: 'event-1' }, never);
const whole = (jid: string): string[] =>
  ['published', 'return/web1', 'return/web2', 'ended'].map((part) => `job/${jid}/${part}`).sort();

/** How many messages a returner has been given and has not confirmed, so that they would come again. */
const unconfirmed = async (name: string): Promise<number> => {
  const manager = await jetstreamManager(bus.connection);
  const streams = { jobs: 'KV_EDGE_JOBS', returns: STREAMS.returns.name, runs: STREAMS.journal.name };
  const consumers = Object.entries(streams).map(([source, stream]) =>
    manager.consumers.info(stream, `returner-${name}-${source}`),
  );
  return (await Promise.all(consumers)).reduce((sum, { num_ack_pending }) => sum + num_ack_pending, 0);
};

test('a job is told once it is published, as its targets return, and when it has ended', async () => {
  await start('whole');
  await ping('whole-1', 'web1,web2,ghost');
  const wanted = [...whole('whole-1'), 'job/whole-1/lost/ghost'].sort();
  await expect.poll(() => [...idsOf('whole-1')].sort(), { timeout: 15_000 }).toEqual(wanted);
  const records = new Map(got().map((record) => [record.id, record]));
  expect(records.get('job/whole-1/published')).toMatchObject({
    kind: 'job-published',
    correlation: { jid: 'whole-1', cause: 'event-1' },
    data: { fun: 'test.ping', targets: ['web1', 'web2', 'ghost'] },
  });
  expect(records.get('job/whole-1/return/web1')).toMatchObject({
    correlation: { jid: 'whole-1', target: 'web1', cause: 'event-1' },
    data: { outcome: 'succeeded', values: { return: true } },
  });
  expect(records.get('job/whole-1/lost/ghost')?.data).toMatchObject({ outcome: 'unreachable' });
  expect(records.get('job/whole-1/ended')?.data).toMatchObject({ counts: { succeeded: 2, unreachable: 1 } });
});

test('a run that only looked is not told, nor are its jobs; the next real one is', async () => {
  await start('plans');
  const journal = await openJetStreamJournal<RunJournalEvent>({ connection: bus.connection, clock: systemClock });
  const appendRun = async (run: string, inputs: { test?: boolean }): Promise<void> => {
    const base = { run, at: 1_000 };
    const planned: RunJournalEvent = {
      ...{ ...base, type: 'run-planned', name: 'deploy', by: 'ann', inputs, steps: [], plan: null },
    };
    const first = await journal.append(run, 0, [planned]);
    await master.jobs.run(
      { target: 'web1', targetType: 'list', fun: 'test.ping', jid: `${run}-job`, run: { id: run, epoch: 1 } },
      never,
    );
    await journal.append(run, first, [{ ...base, type: 'run-ended', outcome: 'succeeded', exitCode: 0 }]);
  };
  await appendRun('looked', { test: true });
  await appendRun('real', { test: false });
  await expect.poll(() => got().length, { timeout: 15_000 }).toBe(5);
  expect(new Set(got().map(({ correlation }) => correlation.run))).toEqual(new Set(['real']));
  expect(
    got()
      .map(({ kind }) => kind)
      .sort(),
  ).toEqual(['job-ended', 'job-published', 'job-return', 'run-ended', 'run-started']);
});

test('a run and its steps are told with the event that led there', async () => {
  await start('runs');
  const journal = await openJetStreamJournal<RunJournalEvent>({ connection: bus.connection, clock: systemClock });
  const base = { run: 'run-1', at: 1_000 };
  const planned: RunJournalEvent = {
    ...base,
    ...{ type: 'run-planned', name: 'deploy', by: 'ann', inputs: {}, steps: [], causedBy: 'event-2' },
    plan: 'x'.repeat(600_000),
  };
  const first = await journal.append('run-1', 0, [planned, { ...base, type: 'run-adopted', master: 'm' }]);
  const second = await journal.append('run-1', first, [
    { ...base, type: 'step-started', step: 's1', attempt: 1, mode: 'run' },
  ]);
  const answer = { result: true, changes: { a: 1 }, comment: 'done' };
  const times = { startedAt: 1_000, durationMs: 5 };
  await journal.append('run-1', second, [
    { ...base, type: 'step-ended', step: 's1', attempt: 1, mode: 'run', outcome: 'succeeded', answer, ...times },
    { ...base, type: 'run-ended', outcome: 'succeeded', exitCode: 0 },
  ]);
  await expect.poll(() => got().length, { timeout: 15_000 }).toBe(4);
  expect(got().map(({ kind, correlation }) => [kind, correlation])).toEqual([
    ['run-started', { run: 'run-1', cause: 'event-2' }],
    ['step-started', { run: 'run-1', cause: 'event-2', step: 's1' }],
    ['step-ended', { run: 'run-1', cause: 'event-2', step: 's1' }],
    ['run-ended', { run: 'run-1', cause: 'event-2' }],
  ]);
  // The plan holds the pillar.
  expect(sink.requests.every(({ body }) => body.length < 10_000)).toBe(true);
});

test('an entry that cannot be read keeps nothing behind it from being told', async () => {
  await start('damaged');
  const journal = await openJetStreamJournal<RunJournalEvent>({ connection: bus.connection, clock: systemClock });
  await jetstream(bus.connection).publish(SUBJECTS.run('bad'), '{"events": [');
  const base = { run: 'behind', at: 1_000 };
  const planned: RunJournalEvent = {
    ...{ ...base, type: 'run-planned', name: 'deploy', by: 'ann', inputs: {}, steps: [], plan: null },
  };
  await journal.append('behind', 0, [planned]);
  await ping('behind-job');
  await expect.poll(() => new Set(got().map(({ kind }) => kind)).size, { timeout: 15_000 }).toBe(4);
  expect(new Set(got().flatMap(({ correlation }) => correlation.run ?? []))).toEqual(new Set(['behind']));
});

test('a destination that is away, then fails, then hangs up, gets everything, and no job waits for it', async () => {
  await start('flaky');
  await sink.stop();
  const from = Date.now();
  for (let index = 0; index < 10; index += 1) await ping(`flaky-${index}`);
  expect(Date.now() - from).toBeLessThan(5_000);
  let bad = 6;
  sink.reply = () => {
    bad -= 1;
    return bad <= 0 ? { status: 200 } : bad % 2 === 0 ? { status: 503 } : 'hang-up';
  };
  await sink.start();
  for (let index = 0; index < 10; index += 1) {
    await expect.poll(() => [...idsOf(`flaky-${index}`)].sort(), { timeout: 20_000 }).toEqual(whole(`flaky-${index}`));
  }
  expect(refused).toEqual([]);
});

test('what is refused for good is kept aside and holds nothing up', async () => {
  sink.reply = ({ body }) => (body.includes('job/bad-1/published') ? { status: 422, body: 'no' } : { status: 200 });
  await start('refusing');
  await ping('bad-1');
  await ping('good-1');
  await expect.poll(() => [...idsOf('good-1')].sort(), { timeout: 15_000 }).toEqual(whole('good-1'));
  await expect.poll(() => refused.map(({ record }) => record.id)).toEqual(['job/bad-1/published']);
});

test('a return of a host that was not asked is not told', async () => {
  await start('strangers');
  await ping('asked-1', 'web1');
  await bus.publish('edge.ret.asked-1.web2', {
    ...{ jid: 'asked-1', id: 'web2', fun: 'x', outcome: 'succeeded', ret: 1, retcode: 0, startedAt: 0, durationMs: 0 },
  });
  await ping('asked-2');
  await expect.poll(() => [...idsOf('asked-2')].sort(), { timeout: 15_000 }).toEqual(whole('asked-2'));
  expect([...idsOf('asked-1')]).not.toContain('job/asked-1/return/web2');
});

test('killed in the middle of a delivery, the next one delivers it again and goes on', async () => {
  const credentials = join(fleet.directory, 'returner.creds');
  writeFileSync(credentials, fleet.keyring.masterCreds('returner'), { mode: 0o600 });
  const startProcess = async (): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [PROGRAM], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, TEST_SERVER: fleet.nats.url, TEST_CREDS: credentials, TEST_WEBHOOK: sink.url },
    });
    children.push(child);
    await once(child.stdout!, 'data');
    return child;
  };
  sink.reply = () => 'silence';
  const first = await startProcess();
  await ping('killed-1');
  await expect.poll(() => sink.requests.length, { timeout: 15_000 }).toBeGreaterThan(0);
  first.kill('SIGKILL');
  await once(first, 'exit');
  await ping('killed-2');
  const before = sink.requests.length;
  sink.reply = () => ({ status: 200 });
  const second = await startProcess();
  const since = (jid: string): string[] =>
    [
      ...new Set(
        sink.requests
          .slice(before)
          .flatMap(({ body }) => (JSON.parse(body) as { records: HistoryRecord[] }).records)
          .filter(({ correlation }) => correlation.jid === jid)
          .map(({ id }) => id),
      ),
    ].sort();
  await expect.poll(() => since('killed-1'), { timeout: 20_000 }).toEqual(whole('killed-1'));
  await expect.poll(() => since('killed-2'), { timeout: 20_000 }).toEqual(whole('killed-2'));
  await expect.poll(() => unconfirmed('hook'), { timeout: 20_000 }).toBe(0);
  const seen = sink.requests.length;
  second.kill('SIGKILL');
  await once(second, 'exit');
  // What was confirmed does not come again.
  await startProcess();
  await ping('killed-3');
  await expect.poll(() => [...idsOf('killed-3')].sort(), { timeout: 20_000 }).toEqual(whole('killed-3'));
  const again = sink.requests
    .slice(seen)
    .flatMap(({ body }) => (JSON.parse(body) as { records: HistoryRecord[] }).records);
  expect(again.every(({ correlation }) => correlation.jid === 'killed-3')).toBe(true);
});

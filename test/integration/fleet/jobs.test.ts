import { signJob } from '@edge-run/shared/bus';
import { EdgeError } from '@edge-run/shared/kernel';
import { type JobMessage, type JobReceipt, SUBJECTS } from '@edge-run/shared/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testExecutor } from '../../support/executor.ts';
import { startFleet, type TestFleet, type TestMaster } from '../../support/fleet.ts';

let fleet: TestFleet;
let master: TestMaster;
const never = new AbortController().signal;
const runs: string[] = [];

beforeAll(async () => {
  fleet = await startFleet();
  master = await fleet.startMaster();
  const executor = testExecutor({ onRun: ({ jid }) => void runs.push(jid) });
  await Promise.all(['web1', 'web2', 'db.example.org'].map((id) => fleet.startMinion(id, { executor })));
});
afterAll(() => fleet.stop());

const outcomes = (answer: { targets: ReadonlyMap<string, { outcome: string }> }): Record<string, string> =>
  Object.fromEntries([...answer.targets].map(([id, { outcome }]): [string, string] => [id, outcome]).sort());

test('test.ping: every minion answers', async () => {
  const answer = await master.jobs.run({ target: '*', fun: 'test.ping' }, never);
  expect(outcomes(answer)).toEqual({ 'db.example.org': 'succeeded', web1: 'succeeded', web2: 'succeeded' });
  expect([...answer.targets.values()].every(({ ret }) => ret === true)).toBe(true);
});

test('a function that throws is a failure with evidence', async () => {
  const answer = await master.jobs.run({ target: 'web1', targetType: 'list', fun: 'test.none' }, never);
  expect(answer.targets.get('web1')).toMatchObject({
    outcome: 'failed',
    evidence: 'no function test.none',
    error: { code: 'EDGE_INTERNAL', message: 'no function test.none' },
  });
});

test('a return larger than the server takes is a failure that says so', async () => {
  const request = { target: 'web1', targetType: 'list', fun: 'test.large', args: [12_000_000] };
  const answer = await master.jobs.run(request, never);
  expect(answer.targets.get('web1')).toMatchObject({
    outcome: 'failed',
    evidence: expect.stringMatching(/larger than/),
  });
});

test('a return of several megabytes arrives', async () => {
  const request = { target: 'web1', targetType: 'list', fun: 'test.large', args: [5_000_000] };
  const answer = await master.jobs.run(request, never);
  expect(String(answer.targets.get('web1')?.ret)).toHaveLength(5_000_000);
});

test('a return larger than the server takes arrives where it can be packed to less', async () => {
  const request = { target: 'web1', targetType: 'list', fun: 'test.lines', args: [500_000] };
  const answer = await master.jobs.run(request, never);
  expect(answer.targets.get('web1')?.outcome).toBe('succeeded');
  expect(answer.targets.get('web1')?.ret).toHaveLength(500_000);
});

test('a target that never was is unreachable within seconds, and the others answer', async () => {
  const from = Date.now();
  const answer = await master.jobs.run({ target: 'web1,ghost', targetType: 'list', fun: 'test.ping' }, never);
  expect(outcomes(answer)).toEqual({ ghost: 'unreachable', web1: 'succeeded' });
  expect(answer.targets.get('ghost')?.evidence).toMatch(/no connection/);
  expect(Date.now() - from).toBeLessThan(10_000);
});

test('a job over its limit is timed out on the minion', async () => {
  const request = { target: 'web1', targetType: 'list', fun: 'test.sleep', args: [60_000], timeoutMs: 200 };
  const answer = await master.jobs.run(request, never);
  expect(outcomes(answer)).toEqual({ web1: 'timed-out' });
});

test('an aborted wait kills the job', async () => {
  const abort = new AbortController();
  const running = master.jobs.run(
    { target: 'web2', targetType: 'list', fun: 'test.sleep', args: [60_000] },
    abort.signal,
  );
  setTimeout(() => abort.abort(), 300);
  expect(outcomes(await running)).toEqual({ web2: 'cancelled' });
});

test('a host runs so many jobs at a time: the next is queued, and a kill ends it where it waits', async () => {
  const request = { target: 'web1', targetType: 'list', fun: 'test.sleep', args: [60_000] };
  const busy = await Promise.all(Array.from({ length: 8 }, () => master.jobs.start(request)));
  const { jid } = await master.jobs.start(request);
  await expect
    .poll(async () => (await master.jobs.active(['web1', 'ghost'])).find((job) => job.jid === jid))
    .toMatchObject({ fun: 'test.sleep', running: [], queued: ['web1'] });
  const from = Date.now();
  expect((await master.jobs.kill(jid, 'ann')).targets.get('web1')).toMatchObject({ outcome: 'cancelled' });
  expect(Date.now() - from).toBeLessThan(2_000);
  expect(runs).not.toContain(jid);
  const ended = await Promise.all(busy.map((job) => master.jobs.kill(job.jid, 'ann')));
  expect(ended.map((answer) => outcomes(answer))).toEqual(Array(8).fill({ web1: 'cancelled' }));
});

test('a repeated job id answers the stored returns and runs nothing', async () => {
  const request = { target: 'web1,web2', targetType: 'list', fun: 'test.echo', args: ['once'], jid: 'repeat-1' };
  await master.jobs.run(request, never);
  const again = await master.jobs.run(request, never);
  expect(again.targets.get('web2')).toMatchObject({ outcome: 'succeeded', ret: 'once' });
  expect(runs.filter((jid) => jid === 'repeat-1')).toHaveLength(2);
});

test('watch streams what comes and ends', async () => {
  const { jid } = await master.jobs.start({ target: '*', fun: 'test.ping' });
  const seen: string[] = [];
  for await (const progress of master.jobs.watch(jid, never)) {
    seen.push(progress.kind === 'answer' ? progress.id : 'ended');
  }
  expect(seen.slice(0, -1).sort()).toEqual(['db.example.org', 'web1', 'web2']);
  expect(seen.at(-1)).toBe('ended');
});

test('ls and show survive the master', async () => {
  const first = await fleet.startMaster('m2');
  const { jid } = await first.jobs.run({ target: 'web1', targetType: 'list', fun: 'test.echo', args: ['kept'] }, never);
  await first.stop();
  const second = await fleet.startMaster('m3');
  expect((await second.jobs.ls()).find((job) => job.jid === jid)).toMatchObject({
    fun: 'test.echo',
    outcomes: { succeeded: 1 },
  });
  expect((await second.jobs.show(jid)).targets.get('web1')?.ret).toBe('kept');
  await second.stop();
});

test('a job goes on without its master, and the next one takes it up', async () => {
  const first = await fleet.startMaster('m4');
  const { jid } = await first.jobs.start({ target: 'web1,web2', targetType: 'list', fun: 'test.sleep', args: [1_000] });
  await expect.poll(() => runs.filter((run) => run === jid).length).toBe(2);
  await first.stop();
  const second = await fleet.startMaster('m5');
  expect(await second.jobs.resume()).toBe(1);
  const answer = await second.jobs.run({ jid, target: '', fun: '' }, never);
  expect(outcomes(answer)).toEqual({ web1: 'succeeded', web2: 'succeeded' });
  expect(runs.filter((run) => run === jid)).toHaveLength(2);
  await second.stop();
});

test('returns are confirmed, so that minions may forget them', async () => {
  const { jid } = await master.jobs.run({ target: 'web1', targetType: 'list', fun: 'test.ping' }, never);
  expect(await master.jobs.stored('web1', [jid, 'other'])).toEqual([jid]);
  expect(await master.jobs.stored('web2', [jid])).toEqual([]);
  // From the fourth question on, all of a job's returns are asked for at once.
  for (let question = 0; question < 6; question += 1) {
    expect(await master.jobs.stored('web1', [jid, 'other'])).toEqual([jid]);
    expect(await master.jobs.stored('a.b c', [jid])).toEqual([]);
  }
});

test('an unknown job id is said so', async () => {
  await expect(master.jobs.show('nothing')).rejects.toMatchObject({ code: 'EDGE_JOB_UNKNOWN' });
  await expect(master.jobs.run({ target: '*', fun: 'test.ping', jid: 'a.b' }, never)).rejects.toBeInstanceOf(EdgeError);
});

test('many targets share messages; those that are not there are unreachable', async () => {
  const ghosts = Array.from({ length: 250 }, (_, index) => `ghost${index}`);
  const target = ['web1', 'web2', ...ghosts].join(',');
  const answer = await master.jobs.run({ target, targetType: 'list', fun: 'test.ping' }, never);
  const counts = Object.values(outcomes(answer));
  expect(counts.filter((outcome) => outcome === 'succeeded')).toHaveLength(2);
  expect(counts.filter((outcome) => outcome === 'unreachable')).toHaveLength(250);
});

const publish = async (change: Partial<JobMessage>, envelope?: object): Promise<JobReceipt> => {
  const now = Date.now();
  const job: JobMessage = {
    ...{ jid: `direct-${now}-${Math.random().toString(36).slice(2)}`, fun: 'test.count', args: [], kwargs: [] },
    ...{ targets: ['web1'], by: 'test', issuedAt: now, expiresAt: now + 10_000 },
    ...change,
  };
  const body = envelope ?? signJob(job, fleet.keyring.jobSigner);
  return (await master.bus.request(SUBJECTS.job('web1'), body, { timeoutMs: 5_000 })) as JobReceipt;
};

test('minions refuse what is unsigned, expired, not for them, or replayed with another body', async () => {
  const before = runs.length;
  const refused = async (...args: Parameters<typeof publish>): Promise<unknown> => {
    const receipt = await publish(...args);
    return receipt.state === 'refused' ? receipt.error.details.problem : receipt;
  };
  expect(await refused({}, { fun: 'test.ping' })).toBe('malformed');
  const { createKeyPair } = await import('@edge-run/shared/bus');
  const stranger = signJob({ jid: 'x' } as JobMessage, createKeyPair('user'));
  expect(await refused({}, stranger)).toBe('unknown-signer');
  const own = signJob({ jid: 'x', fun: 'test.ping' } as JobMessage, fleet.keyring.jobSigner);
  expect(await refused({}, { ...own, body: own.body.replace('ping', 'pong') })).toBe('bad-signature');
  expect(await refused({ expiresAt: Date.now() - 1 })).toBe('expired');
  expect(await refused({ targets: ['web2'] })).toBe('not-a-target');
  expect(runs.length).toBe(before);
  expect((await publish({ jid: 'replay-1' })).state).toBe('running');
  expect(await refused({ jid: 'replay-1', fun: 'test.ping' })).toBe('replayed');
  await publish({ run: { id: 'r1', epoch: 7 } });
  expect(await refused({ run: { id: 'r1', epoch: 6 } })).toBe('stale-epoch');
});

test('a job published twice runs once', async () => {
  const now = Date.now();
  const job: JobMessage = {
    ...{ jid: 'twice-1', fun: 'test.echo', args: ['a'], kwargs: [], targets: ['web1'], by: 'test' },
    ...{ issuedAt: now, expiresAt: now + 10_000 },
  };
  const envelope = signJob(job, fleet.keyring.jobSigner);
  expect((await publish({}, envelope)).state).toBe('running');
  await expect.poll(async () => (await publish({}, envelope)).state).toBe('ended');
  expect(runs.filter((jid) => jid === 'twice-1')).toHaveLength(1);
});

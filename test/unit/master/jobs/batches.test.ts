import { type BatchProgress, createJobs, type JobService, type JobServiceOptions } from '@edge-run/master/jobs';
import { createKeyPair, createMemoryBus, type MemoryBus } from '@edge-run/shared/bus';
import { Secret, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { type JobMessage, type ReturnMessage, type SignedJob, SUBJECTS } from '@edge-run/shared/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MemoryBatches, memoryBatches } from '../../../support/memory-batches.ts';
import { memoryRecords } from '../../../support/memory-records.ts';

const never = new AbortController().signal;
const signer = createKeyPair('user');
const HOSTS = ['a', 'b', 'c', 'd', 'e'];

/** A fleet of functions: each host runs a job once, keeps its return, and ends it when `finish` says so. */
class Hosts {
  readonly bus: MemoryBus = createMemoryBus({ inboxPrefix: '_INBOX.master' });
  readonly returned: ReturnMessage[] = [];
  /** In order of start. */
  readonly runs: string[] = [];
  readonly bodies = new Map<string, string>();
  readonly running = new Set<string>();
  readonly killed: string[] = [];
  mostAtOnce = 0;
  /** Hosts that end by themselves; the others wait for `finish`. */
  automatic = true;
  readonly failing = new Set<string>();
  /** Hosts on which the gates of batches fail. */
  readonly sick = new Set<string>();
  /** Hosts that once more say that they do not know the job: it is on its way to them. */
  readonly unaware = new Set<string>();
  readonly stop = new AbortController();

  constructor(ids: readonly string[]) {
    for (const id of ids) void this.#serve(id);
  }

  finish(id: string, jid: string): void {
    this.running.delete(id);
    const failed = (jid.includes('-gate-') ? this.sick : this.failing).has(id);
    const answer: ReturnMessage = {
      ...{ jid, id, fun: 'f', outcome: failed ? 'failed' : 'succeeded', ret: !failed, retcode: failed ? 1 : 0 },
      ...{ startedAt: 0, durationMs: 1 },
    };
    this.returned.push(answer);
    void this.bus.publish(SUBJECTS.returns(jid, id), answer);
  }

  async #serve(id: string): Promise<void> {
    const own = this.bus.connect(`_INBOX.${id}`);
    for await (const { body, respond } of own.subscribe(SUBJECTS.job(id), { signal: this.stop.signal })) {
      respond?.(this.#answer(id, body as SignedJob));
    }
  }

  #answer(id: string, body: SignedJob): object {
    const message = ('body' in body ? JSON.parse(body.body) : body) as JobMessage & { kind?: string };
    const { jid, kind } = message;
    const state = (): object => {
      if (this.running.has(id)) return { state: 'running', jid };
      return {
        state: this.returned.some((answer) => answer.id === id && answer.jid === jid) ? 'ended' : 'unknown',
        jid,
      };
    };
    if (kind === 'find') return this.unaware.delete(id) ? { state: 'unknown', jid } : state();
    if (kind === 'kill') {
      this.killed.push(id);
      this.finish(id, jid);
      return { state: 'running', jid };
    }
    const before = this.bodies.get(`${id}/${jid}`);
    if (before !== undefined) {
      return before === body.body
        ? state()
        : { state: 'refused', error: { code: 'EDGE_JOB_REFUSED', message: 'another body', details: {} } };
    }
    this.bodies.set(`${id}/${jid}`, body.body);
    this.runs.push(id);
    this.running.add(id);
    this.mostAtOnce = Math.max(this.mostAtOnce, this.running.size);
    if (this.automatic) setTimeout(() => this.finish(id, jid), 20);
    return { state: 'running', jid };
  }
}

let hosts: Hosts;
let records: Map<string, string>;
let batches: MemoryBatches;
const services: JobService[] = [];

const master = (change: Partial<Pick<JobServiceOptions, 'batches' | 'clock' | 'callMaster'>> = {}): JobService => {
  const bucket = memoryRecords(records);
  const service = createJobs({
    ...{ bus: hosts.bus, records: bucket, batches, signer, clock: systemClock, log: silentLogger },
    returns: { read: async (jid) => hosts.returned.filter((answer) => answer.jid === jid), stored: async () => [] },
    resolveTargets: async (target) => ({ ids: target.split(',') }),
    settings: { unreachableAfterMs: 300, muteAfterMs: 2_500, busyAfterMs: 2_500, settleMs: 0, manyTargets: 100 },
    random: () => 0,
    ...change,
  });
  services.push(service);
  return service;
};
const outcomes = (answer: { targets: ReadonlyMap<string, { outcome: string }> }): Record<string, string> =>
  Object.fromEntries([...answer.targets].map(([id, { outcome }]): [string, string] => [id, outcome]).sort());
const all = (outcome: string): Record<string, string> => Object.fromEntries(HOSTS.map((id) => [id, outcome]));

beforeEach(() => {
  hosts = new Hosts(HOSTS);
  records = new Map();
  batches = memoryBatches();
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.close()));
  hosts.stop.abort();
  await hosts.bus.close();
});

const request = { target: HOSTS.join(','), fun: 'f' };
const gate = {
  fun: 'http.wait_for_successful_query',
  ...{ args: [], kwargs: new Map([['url', 'http://localhost/']]), on: 'targets' as const, timeoutMs: 5_000 },
};
/** Who ran the job itself, not its gates. */
const ranOf = (jid: string): string[] => [...hosts.bodies.keys()].filter((key) => key.endsWith(`/${jid}`)).map(hostOf);
const hostOf = (key: string): string => key.split('/')[0]!;

describe('a batch', () => {
  test('is one job whose targets are known at once, and never more than its size run', async () => {
    const jobs = master();
    const { jid, targets } = await jobs.start({ ...request, batch: '2' });
    expect(targets).toEqual(HOSTS);
    expect(outcomes(await jobs.run({ jid, target: '', fun: '' }, never))).toEqual(all('succeeded'));
    expect(hosts.runs).toEqual(HOSTS);
    expect(hosts.mostAtOnce).toBe(2);
    expect(await jobs.ls()).toMatchObject([{ jid, targetCount: 5, outcomes: { succeeded: 5 } }]);
  });

  test('a share is a number of hosts; so is the size for jobs with many', async () => {
    const jobs = master();
    await jobs.run({ ...request, batch: '40%' }, never);
    expect(hosts.mostAtOnce).toBe(2);
    await jobs.run({ ...request, batchSafe: { limit: 5, size: '1' } }, never);
    expect(hosts.mostAtOnce).toBe(5);
    hosts.mostAtOnce = 0;
    await jobs.run({ ...request, batchSafe: { limit: 4, size: '1' } }, never);
    expect(hosts.mostAtOnce).toBe(1);
  });

  test('waits after each of its hosts', async () => {
    const from = Date.now();
    await master().run({ target: 'a,b,c', fun: 'f', batch: '1', batchWaitMs: 200 }, never);
    expect(Date.now() - from).toBeGreaterThanOrEqual(400);
  });

  test('with failhard the others are cancelled, and it says why', async () => {
    hosts.failing.add('b');
    const { targets } = await master().run({ ...request, batch: '1', failhard: true }, never);
    expect(outcomes({ targets })).toEqual({ ...all('cancelled'), a: 'succeeded', b: 'failed' });
    expect(targets.get('c')?.evidence).toBe('not started: b ended failed');
    expect(hosts.runs).toEqual(['a', 'b']);
  });

  test('a host that is not there takes its place no longer than it takes to see that', async () => {
    const answer = await master().run({ target: 'ghost,a,b', fun: 'f', batch: '1' }, never);
    expect(outcomes(answer)).toEqual({ ghost: 'unreachable', a: 'succeeded', b: 'succeeded' });
  });

  test('a kill ends those that run and starts no others, also for the next master', async () => {
    hosts.automatic = false;
    const first = master();
    const { jid } = await first.start({ ...request, batch: '2' });
    await expect.poll(() => hosts.runs.length).toBe(2);
    const { targets } = await first.kill(jid, 'ann');
    expect(targets.get('e')).toMatchObject({ outcome: 'cancelled', evidence: 'not started: cancelled by ann' });
    expect(hosts.killed.sort()).toEqual(['a', 'b']);
    expect((await batches.read(jid)).stopped).toBe('cancelled by ann');
    expect(hosts.runs).toHaveLength(2);
  });
});

describe('batches one after the other', () => {
  test('have the sizes of the list, the last repeated', async () => {
    const { jid } = await master().run({ ...request, batch: '1,40%' }, never);
    expect(batches.waves.get(jid)?.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c'], ['d', 'e']]);
  });

  test('stop when more hosts failed than may: the others are cancelled and say why', async () => {
    for (const id of ['a', 'c']) hosts.failing.add(id);
    const { targets, stopped } = await master().run({ ...request, batch: '1,2', maxFailures: '1' }, never);
    expect(stopped).toBe('2 of 5 hosts failed, at most 1 may: a, c');
    expect(outcomes({ targets })).toEqual({
      ...{ a: 'failed', b: 'succeeded', c: 'failed', d: 'cancelled', e: 'cancelled' },
    });
    expect(targets.get('d')?.evidence).toBe(`not started: ${stopped}`);
  });

  test('go on while fewer failed, and with who is unreachable or excused besides', async () => {
    hosts.failing.add('b').add('c');
    const answer = await master().run(
      { target: 'ghost,a,b,c,d', fun: 'f', batch: '2', maxFailures: '20%', maxUnreachable: '1', excused: ['c'] },
      never,
    );
    expect(answer.stopped).toBeUndefined();
    expect(outcomes(answer)).toEqual({
      ...{ ghost: 'unreachable', a: 'succeeded', b: 'failed', c: 'failed', d: 'succeeded' },
    });
  });

  test('ask the gate on the hosts that succeeded, and go on when it passes', async () => {
    hosts.failing.add('b');
    const { jid, stopped } = await master().run({ ...request, batch: '2', gates: [gate] }, never);
    expect(stopped).toBeUndefined();
    expect([0, 1, 2].map((batch) => ranOf(`${jid}-gate-${batch}-0`))).toEqual([['a'], ['c', 'd'], ['e']]);
    const [asked] = (await services[0]!.ls()).filter((job) => job.jid === `${jid}-gate-1-0`);
    expect(asked).toMatchObject({ fun: gate.fun, target: 'c,d' });
  });

  test('stop behind a gate that fails, with its last answer', async () => {
    hosts.sick.add('d');
    const { targets, stopped } = await master().run({ ...request, batch: '2', gates: [gate, gate] }, never);
    expect(stopped).toBe(
      'the gate behind batch 2 failed: http.wait_for_successful_query on d: f returned code 1; it answered false',
    );
    expect(outcomes({ targets })).toEqual({ ...all('succeeded'), e: 'cancelled' });
    expect(targets.get('e')?.evidence).toBe(`not started: ${stopped}`);
  });

  test('the last gate has nobody to stop, and is told all the same, also from the record', async () => {
    hosts.sick.add('e');
    const jobs = master();
    const { jid, targets, stopped } = await jobs.run({ ...request, gates: [gate] }, never);
    expect(outcomes({ targets })).toEqual(all('succeeded'));
    expect(stopped).toMatch(/^the gate behind batch 1 failed/);
    await expect.poll(async () => (await jobs.find(jid))?.ended?.stopped).toBe(stopped);
    expect((await master().run({ jid, target: '', fun: '' }, never)).stopped).toBe(stopped);
  });

  test('a gate without anybody to ask fails', async () => {
    hosts.failing.add('a').add('b');
    const { stopped } = await master().run({ ...request, batch: '2', gates: [gate] }, never);
    expect(stopped).toContain('none of its hosts succeeded');
    expect(ranOf('never')).toEqual([]);
  });

  test('a gate on the master is asked there, once for each batch', async () => {
    const asked: string[] = [];
    const callMaster: NonNullable<JobServiceOptions['callMaster']> = async ({ fun, kwargs }) => {
      asked.push(`${fun} ${String(kwargs.get('url'))}`);
      return asked.length < 2
        ? { outcome: 'succeeded', ret: true, retcode: 0 }
        : { outcome: 'failed', ret: 'Status 503', retcode: 1 };
    };
    const { stopped } = await master({ callMaster }).run(
      { ...request, batch: '1', gates: [{ ...gate, on: 'master' }] },
      never,
    );
    expect(asked).toEqual(Array(2).fill('http.wait_for_successful_query http://localhost/'));
    expect(stopped).toBe('the gate behind batch 2 failed: http.wait_for_successful_query on the master: Status 503');
    expect(hosts.runs).toEqual(['a', 'b']);
  });

  test('a kill while the gate is asked ends that too, and nobody else is started', async () => {
    hosts.automatic = false;
    const jobs = master();
    const { jid } = await jobs.start({ ...request, batch: '1', gates: [gate] });
    await expect.poll(() => ranOf(jid)).toEqual(['a']);
    hosts.finish('a', jid);
    await expect.poll(() => ranOf(`${jid}-gate-0-0`)).toEqual(['a']);
    const { targets } = await jobs.kill(jid, 'ann');
    expect(outcomes({ targets })).toEqual({ ...all('cancelled'), a: 'succeeded' });
    expect(hosts.killed).toEqual(['a']);
  });
});

describe('after the master was killed', () => {
  test('while a gate was asked, the next one waits for the same answer', async () => {
    hosts.automatic = false;
    const first = master();
    const { jid } = await first.start({ ...request, batch: '2,3', gates: [gate] });
    await expect.poll(() => ranOf(jid)).toEqual(['a', 'b']);
    for (const id of ['a', 'b']) hosts.finish(id, jid);
    await expect.poll(() => ranOf(`${jid}-gate-0-0`)).toEqual(['a', 'b']);
    await first.close();
    const second = master();
    await second.resume();
    expect(ranOf(jid)).toEqual(['a', 'b']);
    hosts.automatic = true;
    for (const id of ['a', 'b']) hosts.finish(id, `${jid}-gate-0-0`);
    expect(outcomes(await second.run({ jid, target: '', fun: '' }, never))).toEqual(all('succeeded'));
    // Nobody runs the function or the gate twice.
    expect(hosts.runs.filter((id) => id === 'a')).toHaveLength(2);
    expect(ranOf(`${jid}-gate-1-0`)).toEqual(['c', 'd', 'e']);
  }, 15_000);

  test('after a gate said no, it is not asked again, and nobody is started', async () => {
    hosts.sick.add('a');
    const dying: BatchProgress = {
      ...batches,
      gate: async (...verdict) => {
        await batches.gate(...verdict);
        return new Promise<boolean>(() => {}); // what a dead process does next
      },
    };
    void master({ batches: dying }).start({ ...request, jid: 'g1', batch: '2', gates: [gate] });
    await expect.poll(async () => (await batches.read('g1')).gates.size).toBe(1);
    services.pop(); // it is dead: nobody can close it
    hosts.sick.clear();
    const second = master();
    await second.resume();
    const { targets, stopped } = await second.run({ jid: 'g1', target: '', fun: '' }, never);
    expect(outcomes({ targets })).toEqual({ ...all('cancelled'), a: 'succeeded', b: 'succeeded' });
    expect(stopped).toMatch(/^the gate behind batch 1 failed/);
  }, 15_000);

  test('with a spent budget, the next one comes to the same end', async () => {
    hosts.failing.add('a').add('b');
    hosts.automatic = false;
    const first = master();
    const { jid } = await first.start({ ...request, batch: '2', maxFailures: '1' });
    await expect.poll(() => hosts.runs.length).toBe(2);
    await first.close();
    for (const id of ['a', 'b']) hosts.finish(id, jid);
    const second = master();
    await second.resume();
    const answer = await second.run({ jid, target: '', fun: '' }, never);
    expect(outcomes(answer)).toEqual({ ...all('cancelled'), a: 'failed', b: 'failed' });
    expect(answer.stopped).toBe('2 of 5 hosts failed, at most 1 may: a, b');
  });

  test('between two waves, the next one goes on: nothing twice, nobody left out', async () => {
    hosts.automatic = false;
    const first = master();
    const { jid } = await first.start({ ...request, batch: '2' });
    await expect.poll(() => hosts.runs.length).toBe(2);
    await first.close();
    hosts.finish('a', jid);
    hosts.automatic = true;
    const second = master();
    expect(await second.resume()).toBe(1);
    setTimeout(() => hosts.finish('b', jid), 50);
    expect(outcomes(await second.run({ jid, target: '', fun: '' }, never))).toEqual(all('succeeded'));
    expect([...hosts.runs].sort()).toEqual(HOSTS);
  });

  test('after a wave was recorded and before it was sent, it is sent word for word', async () => {
    const dying: BatchProgress = {
      ...batches,
      wave: async (...wave) => {
        await batches.wave(...wave);
        return new Promise<boolean>(() => {}); // what a dead process does next
      },
    };
    void master({ batches: dying }).start({ ...request, jid: 'j1', batch: '2' });
    await expect.poll(() => batches.waves.get('j1')?.length).toBe(1);
    services.pop(); // it is dead: nobody can close it
    expect(hosts.runs).toEqual([]);
    const second = master();
    await second.resume();
    expect(outcomes(await second.run({ jid: 'j1', target: '', fun: '' }, never))).toEqual(all('succeeded'));
    expect([...hosts.runs].sort()).toEqual(HOSTS);
    expect(batches.waves.get('j1')?.[0]?.ids).toEqual(['a', 'b']);
  }, 15_000);

  test('a host that was asked too early is sent the same text again: it runs it once', async () => {
    hosts.automatic = false;
    const first = master();
    const { jid } = await first.start({ ...request, batch: '2', timeoutMs: 60_000, kwargs: new Map([['b', 1]]) });
    await expect.poll(() => hosts.runs.length).toBe(2);
    await first.close();
    hosts.unaware.add('a');
    const second = master();
    await second.resume();
    await expect.poll(() => hosts.unaware.size, { timeout: 5_000 }).toBe(0);
    hosts.automatic = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const id of ['a', 'b']) hosts.finish(id, jid);
    expect(outcomes(await second.run({ jid, target: '', fun: '' }, never))).toEqual(all('succeeded'));
    expect([...hosts.runs].sort()).toEqual(HOSTS);
  }, 15_000);

  test('so late that the wave cannot be delivered any more, its hosts wait again', async () => {
    await batches.wave('j2', 0, { ids: ['a', 'b'], issuedAt: Date.now() });
    const first = master();
    hosts.automatic = false;
    await first.start({ ...request, jid: 'j3', batch: '2' });
    await first.close();
    records.set('j2', records.get('j3')!.replaceAll('j3', 'j2'));
    records.delete('j3');
    hosts.automatic = true;
    hosts.runs.length = 0;
    hosts.running.clear();
    const second = master({ clock: { ...systemClock, now: () => Date.now() + 120_000 } });
    await second.resume();
    expect(outcomes(await second.run({ jid: 'j2', target: '', fun: '' }, never))).toEqual(all('succeeded'));
    expect([...hosts.runs].sort()).toEqual(HOSTS);
  }, 15_000);

  test('a host that was given up stays so, and a stop stays a stop', async () => {
    hosts.automatic = false;
    const first = master();
    const { jid } = await first.start({ target: 'ghost,a,b,c', fun: 'f', batch: '2', failhard: true });
    await expect
      .poll(async () => (await batches.read(jid)).ends.get('ghost')?.outcome, { timeout: 5_000 })
      .toBe('unreachable');
    await first.close();
    hosts.finish('a', jid);
    const second = master();
    await second.resume();
    const answer = await second.run({ jid, target: '', fun: '' }, never);
    expect(outcomes(answer)).toEqual({ ghost: 'unreachable', a: 'succeeded', b: 'cancelled', c: 'cancelled' });
  }, 15_000);

  test('with secrets in its arguments, only who asks again can go on', async () => {
    hosts.automatic = false;
    const secret = { ...request, batch: '2', kwargs: new Map([['password', new Secret('hunter2')]]) };
    const first = master();
    const { jid } = await first.start(secret);
    await expect.poll(() => hosts.runs.length).toBe(2);
    await first.close();
    expect(JSON.stringify([...records, ...batches.waves])).not.toContain('hunter2');
    const second = master();
    await second.resume();
    for (const id of ['a', 'b']) hosts.finish(id, jid);
    const answer = await second.run({ jid, target: '', fun: '' }, never);
    expect(outcomes(answer)).toEqual({ ...all('cancelled'), a: 'succeeded', b: 'succeeded' });
    expect(answer.targets.get('c')?.evidence).toMatch(/hold secrets/);
    hosts.automatic = true;
    const run = { id: 'r', epoch: 1 };
    const third = master();
    hosts.automatic = false;
    const again = await third.start({ ...secret, run });
    await third.close();
    const fourth = master();
    expect(await fourth.resume()).toBe(0);
    hosts.automatic = true;
    for (const id of ['a', 'b']) if (hosts.running.has(id)) hosts.finish(id, again.jid);
    const ended = await fourth.run({ ...secret, jid: again.jid, run: { id: 'r', epoch: 2 } }, never);
    expect(outcomes(ended)).toEqual(all('succeeded'));
  }, 20_000);
});

describe('a job again', () => {
  test('on the same targets, with the same arguments and the link to the first', async () => {
    const jobs = master();
    const typed = { args: ['x'], kwargs: {} };
    const first = await jobs.run({ ...request, args: ['x'], typed, batch: '2' }, never);
    await expect.poll(async () => (await jobs.ls())[0]?.endedAt).toBeDefined();
    const again = await jobs.repetitionOf(first.jid);
    expect(again).toMatchObject({
      fun: 'f',
      args: ['x'],
      typed,
      batch: '2',
      target: request.target,
      rerunOf: first.jid,
    });
    const { jid } = await jobs.run(again, never);
    expect(jid).not.toBe(first.jid);
    expect((await jobs.show(jid)).summary.rerunOf).toBe(first.jid);
  });

  test('not while it runs, and not when its secrets are gone', async () => {
    hosts.automatic = false;
    const jobs = master();
    const { jid } = await jobs.start({ target: 'a', fun: 'f', args: [new Secret('x')] });
    await expect(jobs.repetitionOf(jid)).rejects.toMatchObject({ code: 'EDGE_BAD_ARGUMENT' });
    await expect.poll(() => hosts.runs.length).toBe(1);
    hosts.finish('a', jid);
    await expect.poll(async () => (await jobs.ls())[0]?.endedAt).toBeDefined();
    await expect(jobs.repetitionOf(jid)).rejects.toMatchObject({ code: 'EDGE_NOT_SUPPORTED' });
  });
});

test('a subset is chosen once and frozen', async () => {
  const jobs = master();
  const { targets, jid } = await jobs.start({ ...request, subset: 2 });
  expect(targets).toEqual(['d', 'e']);
  expect(outcomes(await jobs.run({ jid, target: '', fun: '' }, never))).toEqual({ d: 'succeeded', e: 'succeeded' });
});

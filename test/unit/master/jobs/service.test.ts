import { createJobs, type JobService, type ReturnStream } from '@edge-run/master/jobs';
import { createKeyPair, createMemoryBus, type MemoryBus } from '@edge-run/shared/bus';
import { type JsonValue, Secret, silentLogger, systemClock } from '@edge-run/shared/kernel';
import {
  type JobMessage,
  type JobReceipt,
  type ReturnMessage,
  type SignedJob,
  SUBJECTS,
} from '@edge-run/shared/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryBatches } from '../../../support/memory-batches.ts';
import { memoryRecords } from '../../../support/memory-records.ts';

/** What the stream holds and what the bucket holds, in memory. */
const stored: ReturnMessage[] = [];
const records = new Map<string, string>();
const returns: ReturnStream = {
  read: async (jid) => stored.filter((answer) => answer.jid === jid),
  stored: async (id, jids) => jids.filter((jid) => stored.some((answer) => answer.jid === jid && answer.id === id)),
};
const bucket = memoryRecords(records);

const never = new AbortController().signal;
let bus: MemoryBus;
let jobs: JobService;
let stop: AbortController;
let events: [string, JsonValue][];

beforeEach(() => {
  stored.length = 0;
  records.clear();
  events = [];
  stop = new AbortController();
  bus = createMemoryBus({ inboxPrefix: '_INBOX.master' });
  jobs = createJobs({
    ...{
      bus,
      returns,
      records: bucket,
      batches: memoryBatches(),
      signer: createKeyPair('user'),
      clock: systemClock,
      log: silentLogger,
    },
    resolveTargets: async (target) => ({ ids: target.split(',') }),
    publishEvent: ({ tag, data }) => void events.push([tag, data]),
    settings: { unreachableAfterMs: 300, muteAfterMs: 2_500, busyAfterMs: 2_500, settleMs: 0, manyTargets: 3 },
  });
});
afterEach(async () => {
  stop.abort();
  await jobs.close();
  await bus.close();
});

const returnOf = (jid: string, id: string, ret: JsonValue = true): ReturnMessage => ({
  ...{ jid, id, fun: 'f', outcome: 'succeeded', ret, retcode: 0, startedAt: 0, durationMs: 1 },
});
/** A minion made of one function: what it answers to each message on its job subject. */
const minion = (
  id: string,
  answer: (body: SignedJob | { kind: 'find'; jid: string }) => JobReceipt | undefined,
): void => {
  const own = bus.connect(`_INBOX.${id}`);
  void (async () => {
    for await (const { body, respond } of own.subscribe(SUBJECTS.job(id), { signal: stop.signal })) {
      const receipt = answer(body as SignedJob);
      if (receipt !== undefined) respond?.(receipt);
    }
  })();
};
const isJob = (body: object): body is SignedJob => 'signature' in body;
const jidOf = (body: SignedJob): string => (JSON.parse(body.body) as JobMessage).jid;

describe('every target has one end', () => {
  test('nobody there: unreachable; refused: failed with the reason', async () => {
    minion('no', () => ({ state: 'refused', error: { code: 'EDGE_JOB_REFUSED', message: 'not you', details: {} } }));
    const { targets } = await jobs.run({ target: 'no,ghost', fun: 'f' }, never);
    expect(targets.get('no')).toMatchObject({ outcome: 'failed', retcode: 1, evidence: 'not you' });
    expect(targets.get('ghost')).toMatchObject({
      outcome: 'unreachable',
      evidence: expect.stringMatching(/no connection/),
    });
  });

  test('connected and silent: unreachable', async () => {
    minion('mute', () => undefined);
    const { targets } = await jobs.run({ target: 'mute', fun: 'f' }, never);
    expect(targets.get('mute')).toMatchObject({
      outcome: 'unreachable',
      evidence: expect.stringMatching(/has not answered 3 questions in .* connection is not closed/),
    });
  }, 15_000);

  test('a return that only the stream has is found before anybody is given up', async () => {
    minion('lost', (body) => {
      if (isJob(body)) {
        stored.push(returnOf(jidOf(body), 'lost', 'from the stream'));
        return { state: 'running', jid: jidOf(body) };
      }
      return { state: 'ended', jid: body.jid };
    });
    const { targets } = await jobs.run({ target: 'lost', fun: 'f' }, never);
    expect(targets.get('lost')).toMatchObject({ outcome: 'succeeded', ret: 'from the stream' });
  }, 15_000);

  test('a minion that missed one of many messages is sent the job again', async () => {
    const got: string[] = [];
    for (const id of ['a', 'b', 'c']) {
      minion(id, (body) => {
        if (!isJob(body)) return { state: 'unknown', jid: body.jid };
        got.push(id);
        void bus.publish(SUBJECTS.returns(jidOf(body), id), returnOf(jidOf(body), id));
        return { state: 'running', jid: jidOf(body) };
      });
    }
    const { targets } = await jobs.run({ target: 'a,b,c', fun: 'f' }, never);
    expect([...targets.values()].map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(got.sort()).toEqual(['a', 'b', 'c']);
  });

  test('thousands that take their time are not asked where their returns are', async () => {
    const ids = Array.from({ length: 2_500 }, (_, index) => `m${index}`);
    const questions: string[] = [];
    const crowd = bus.connect('_INBOX.crowd');
    void (async () => {
      for await (const { body, subject, respond } of crowd.subscribe('edge.job.id.*', { signal: stop.signal })) {
        const jid = isJob(body as object) ? jidOf(body as SignedJob) : (body as { jid: string }).jid;
        if (!isJob(body as object)) questions.push(subject);
        respond?.({ state: 'running', jid });
        const id = subject.split('.').at(-1)!;
        // Longer than the first look waits, with nothing heard of anybody.
        setTimeout(() => void bus.publish(SUBJECTS.returns(jid, id), returnOf(jid, id)), 1_400);
      }
    })();
    const { targets } = await jobs.run({ target: ids.join(','), fun: 'f' }, never);
    expect([...targets.values()].filter(({ outcome }) => outcome === 'succeeded')).toHaveLength(ids.length);
    expect(questions).toEqual([]);
  }, 15_000);

  test('no targets: no waiting, and no job on record', async () => {
    const empty = createJobs({
      ...{
        bus,
        returns,
        records: bucket,
        batches: memoryBatches(),
        signer: createKeyPair('user'),
        clock: systemClock,
        log: silentLogger,
      },
      resolveTargets: async () => ({ ids: [] }),
    });
    expect((await empty.run({ target: 'x', fun: 'f' }, never)).targets.size).toBe(0);
    expect((await empty.start({ target: 'x', fun: 'f' })).targets).toEqual([]);
    expect(await empty.ls()).toEqual([]);
    await empty.close();
  });
});

test('returns of strangers, forged ids and repetitions count for nothing', async () => {
  const { jid } = await jobs.start({ target: 'a', fun: 'f' });
  const answer = jobs.run({ jid, target: '', fun: '' }, never);
  await bus.publish(SUBJECTS.returns(jid, 'stranger'), returnOf(jid, 'stranger'));
  await bus.publish(SUBJECTS.returns(jid, 'b'), returnOf(jid, 'a', 'forged'));
  await bus.publish(SUBJECTS.returns(jid, 'a'), { nonsense: true });
  await bus.publish(SUBJECTS.returns(jid, 'a'), returnOf(jid, 'a', 'first'));
  await bus.publish(SUBJECTS.returns(jid, 'a'), returnOf(jid, 'a', 'second'));
  const { targets } = await answer;
  expect([...targets]).toEqual([['a', { outcome: 'succeeded', ret: 'first', retcode: 0 }]]);
  expect(events.map(([tag]) => tag)).toEqual([`salt/job/${jid}/new`, `salt/job/${jid}/ret/a`, `salt/job/${jid}/end`]);
  expect(events.at(-1)?.[1]).toEqual({ jid, fun: 'f', targets: { a: 'succeeded' } });
});

test('a secret reaches the minion and is not kept in the record', async () => {
  let seen = '';
  minion('a', (body) => {
    if (!isJob(body)) return { state: 'unknown', jid: body.jid };
    seen = body.body;
    void bus.publish(SUBJECTS.returns(jidOf(body), 'a'), returnOf(jidOf(body), 'a'));
    return { state: 'running', jid: jidOf(body) };
  });
  const { jid } = await jobs.run(
    { target: 'a', fun: 'f', kwargs: new Map([['password', new Secret('hunter2')]]) },
    never,
  );
  expect(seen).toContain('hunter2');
  expect(records.get(jid)).not.toContain('hunter2');
  expect(records.get(jid)).toContain('[secret]');
});

test('a job with a secret that nobody got before its master died is given by the run that asks for it again', async () => {
  const asked = { target: 'a', fun: 'f', args: [new Secret('hunter2')], run: { id: 'r', epoch: 1 } };
  const { jid } = await jobs.start(asked);
  await jobs.close();
  const next = createJobs({
    ...{ bus, returns, records: bucket, batches: memoryBatches(), signer: createKeyPair('user'), clock: systemClock },
    ...{ resolveTargets: async (target) => ({ ids: target.split(',') }), log: silentLogger },
  });
  expect(await next.resume()).toBe(0);
  let seen = '';
  minion('a', (body) => {
    if (!isJob(body)) return { state: 'unknown', jid: body.jid };
    seen = body.body;
    void bus.publish(SUBJECTS.returns(jid, 'a'), returnOf(jid, 'a'));
    return { state: 'running', jid };
  });
  const { targets } = await next.run({ ...asked, jid, run: { id: 'r', epoch: 2 } }, never);
  expect(targets.get('a')?.outcome).toBe('succeeded');
  expect(seen).toContain('hunter2');
  await next.close();
});

test('a job that cannot be recorded is not published', async () => {
  const published: unknown[] = [];
  minion('a', (body) => {
    published.push(body);
    return { state: 'unknown', jid: 'x' };
  });
  const broken = createJobs({
    ...{ bus, returns, batches: memoryBatches(), signer: createKeyPair('user'), clock: systemClock, log: silentLogger },
    records: { ...bucket, create: () => Promise.reject(new Error('timeout')) },
    resolveTargets: async (target) => ({ ids: [target] }),
  });
  await expect(broken.run({ target: 'a', fun: 'f' }, never)).rejects.toMatchObject({ code: 'EDGE_BUS_UNREACHABLE' });
  expect(published).toEqual([]);
  await broken.close();
});

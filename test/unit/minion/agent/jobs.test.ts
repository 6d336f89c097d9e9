import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyPair, signBody, signJob } from '@edge-run/shared/bus';
import type { HostJobResult, JobExecutor } from '@edge-run/shared/execute';
import { JobRunner, JobStore } from '@edge-run/shared/execute';
import { Secret, silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { JobMessage, JobReceipt, ReturnMessage } from '@edge-run/shared/protocol';
import { PyMap } from '@edge-run/shared/values';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../../support/processes.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'edge-jobs-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const master = createKeyPair('user');
let issued = 0;
const job = (change: Partial<JobMessage> = {}): JobMessage => {
  const now = Date.now();
  issued += 1;
  return {
    ...{
      jid: `j${issued}`,
      fun: 'a.b',
      args: [],
      kwargs: [],
      targets: ['m'],
      by: 't',
      issuedAt: now,
      expiresAt: now + 60_000,
    },
    ...change,
  };
};

describe('JobRunner', () => {
  const started = (
    options: { concurrency?: number; maxWaiting?: number } & Partial<Pick<JobExecutor, 'execute' | 'onlyLooks'>> = {},
  ) => {
    const returns: ReturnMessage[] = [];
    const store = new JobStore(directory);
    const runner = new JobRunner({
      id: 'm',
      version: '1',
      trustedSigners: () => new Set([master.publicKey]),
      executor: {
        facts: async () => new PyMap(),
        ...(options.onlyLooks === undefined ? {} : { onlyLooks: options.onlyLooks }),
        execute:
          options.execute ?? (async (): Promise<HostJobResult> => ({ outcome: 'succeeded', ret: 1, retcode: 0 })),
      },
      store,
      clock: systemClock,
      log: silentLogger,
      concurrency: options.concurrency ?? 2,
      ...(options.maxWaiting === undefined ? {} : { maxWaiting: options.maxWaiting }),
      publish: (answer) => void returns.push(answer),
    });
    runner.recover();
    const send = (message: JobMessage): JobReceipt => runner.handle(signJob(message, master));
    return { runner, store, returns, send };
  };

  test('runs no more jobs at a time than it may, and refuses what it cannot hold', async () => {
    let now = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const { send, returns } = started({
      maxWaiting: 3,
      execute: async () => {
        now += 1;
        most = Math.max(most, now);
        await new Promise<void>((resolve) => ends.push(resolve));
        now -= 1;
        return { outcome: 'succeeded', ret: null, retcode: 0 };
      },
    });
    const receipts = Array.from({ length: 6 }, () => send(job()));
    expect(receipts.map(({ state }) => state)).toEqual([
      ...['running', 'running'],
      ...['queued', 'queued', 'queued', 'refused'],
    ]);
    expect(receipts[5]).toMatchObject({ error: { code: 'EDGE_MINION_BUSY' } });
    while (returns.length < 5) {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(most).toBe(2);
  });

  test('a job that waits is told to be queued, and a kill ends it at once without running it', async () => {
    const ran: string[] = [];
    const { runner, send, returns } = started({
      concurrency: 1,
      execute: ({ jid }, { signal }) => {
        ran.push(jid);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    const [first, second] = [job(), job()];
    send(first);
    expect(send(second)).toEqual({ state: 'queued', jid: second.jid });
    expect(runner.handle({ kind: 'find', jid: second.jid }).state).toBe('queued');
    expect(runner.running()).toMatchObject([{ jid: first.jid }, { jid: second.jid, queued: true }]);
    const kill = { kind: 'kill', targets: ['m'], by: 'ann', issuedAt: 0, expiresAt: Date.now() + 1_000 };
    runner.handle(signBody({ ...kill, jid: second.jid }, master));
    await expect.poll(() => returns.length).toBe(1);
    expect(returns[0]).toMatchObject({ jid: second.jid, outcome: 'cancelled', ret: 'killed by ann' });
    runner.handle(signBody({ ...kill, jid: first.jid }, master));
    await expect.poll(() => returns.length).toBe(2);
    expect(ran).toEqual([first.jid]);
  });

  test('the time a job waits is not its own: its limit counts from when it begins', async () => {
    let end: () => void = () => {};
    const { send, returns } = started({
      concurrency: 1,
      execute: ({ fun }) =>
        fun === 'first'
          ? new Promise((resolve) => {
              end = () => resolve({ outcome: 'succeeded', ret: 1, retcode: 0 });
            })
          : Promise.resolve({ outcome: 'succeeded', ret: 2, retcode: 0 }),
    });
    send(job({ fun: 'first' }));
    send(job({ timeoutMs: 50 }));
    await new Promise((resolve) => setTimeout(resolve, 120));
    end();
    await expect.poll(() => returns.length).toBe(2);
    expect(returns[1]).toMatchObject({ outcome: 'succeeded', ret: 2 });
    expect(returns[1]!.durationMs).toBeLessThan(50);
  });

  test('a job that waited when its minion was killed has not run, and says so', async () => {
    const first = started({ concurrency: 1, execute: () => new Promise(() => {}) });
    const [running, waiting] = [job(), job()];
    first.send(running);
    first.send(waiting);
    const second = started();
    const said = Object.fromEntries(second.returns.map(({ jid, error }) => [jid, error?.message]));
    expect(said[running.jid]).toMatch(/was stopped while a.b ran/);
    expect(said[waiting.jid]).toMatch(/waited for its turn; it has not run/);
  });

  test('an executor that ignores its signal is given up', async () => {
    const { send, returns } = started({ execute: () => new Promise(() => {}) });
    const { jid } = job();
    send(job({ jid, timeoutMs: 20 }));
    await expect.poll(() => returns.length, { timeout: 9_000 }).toBe(1);
    expect(returns[0]).toMatchObject({ jid, outcome: 'timed-out', retcode: 124 });
  }, 10_000);

  test('a kill must be signed and addressed', async () => {
    const { runner, send, returns } = started({
      execute: (_, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const message = job();
    send(message);
    const kill = {
      kind: 'kill',
      jid: message.jid,
      targets: ['m'],
      by: 'ann',
      issuedAt: 0,
      expiresAt: Date.now() + 1_000,
    };
    expect(runner.handle(kill).state).toBe('refused');
    expect(runner.handle(signBody(kill, createKeyPair('user'))).state).toBe('refused');
    expect(runner.handle(signBody({ ...kill, targets: ['x'] }, master)).state).toBe('refused');
    expect(runner.running()).toHaveLength(1);
    expect(runner.handle(signBody(kill, master)).state).toBe('running');
    await expect.poll(() => returns.length).toBe(1);
    expect(returns[0]).toMatchObject({ outcome: 'cancelled', retcode: 130, ret: 'killed by ann' });
  });

  test('after a restart a job is answered from the store, and its body must be the same', async () => {
    const first = started();
    const message = job();
    first.send(message);
    await expect.poll(() => first.returns.length).toBe(1);
    const second = started();
    expect(second.send(message).state).toBe('ended');
    expect(second.returns).toEqual(first.returns);
    expect(second.send({ ...message, fun: 'x.y' })).toMatchObject({ state: 'refused' });
  });

  test('what was interrupted fails with evidence, or runs again where it may', async () => {
    const first = started({ execute: () => new Promise(() => {}) });
    const [plain, resumable] = [job(), job({ resumable: true })];
    first.send(plain);
    first.send(resumable);
    const second = started();
    await expect.poll(() => second.returns.length).toBe(2);
    const byJid = Object.fromEntries(second.returns.map((answer) => [answer.jid, answer]));
    expect(byJid[plain.jid]).toMatchObject({ outcome: 'failed', error: { code: 'EDGE_JOB_INTERRUPTED' } });
    expect(byJid[resumable.jid]).toMatchObject({ outcome: 'succeeded', ret: 1 });
  });

  test('a secret among the arguments reaches the function and no file; what may run twice is given again', async () => {
    const seen: unknown[] = [];
    const held: { execute: JobExecutor['execute'] } = {
      execute: ({ args }) => {
        seen.push(args.map((arg) => (arg instanceof Secret ? arg.reveal() : arg)));
        return new Promise(() => {});
      },
    };
    const change = { args: ['plain', { $secret: 'hunter2' }] };
    const [once, again] = [job(change), job({ ...change, resumable: true, kwargs: [['a', [{ $secret: 'hunter2' }]]] })];
    const first = started({ ...held, concurrency: 2 });
    const queued = job({ ...change, resumable: true });
    for (const message of [once, again, queued]) first.send(message);
    await eventually(() => seen.length === 2, 'both run');
    expect(seen).toEqual([
      ['plain', 'hunter2'],
      ['plain', 'hunter2'],
    ]);
    const file = readFileSync(join(directory, 'jobs.log'), 'utf8');
    expect(file).toContain('"args":["plain","[secret]"]');
    expect(file).not.toContain('hunter2');
    const { runner, send, returns } = started(held);
    expect(returns).toMatchObject([{ jid: once.jid, error: { code: 'EDGE_JOB_INTERRUPTED' } }]);
    // The master, which asks after them, finds that they have not come.
    for (const { jid } of [again, queued]) expect(runner.handle({ kind: 'find', jid }).state).toBe('unknown');
    expect(send(again).state).toBe('running');
    await eventually(() => seen.length === 3, 'it runs again');
  });

  test('the epoch of a run is remembered over a restart', async () => {
    const first = started();
    first.send(job({ run: { id: 'r', epoch: 5 } }));
    await expect.poll(() => first.returns.length).toBe(1);
    const second = started();
    expect(second.send(job({ run: { id: 'r', epoch: 4 } }))).toMatchObject({
      state: 'refused',
      error: { details: { problem: 'stale-epoch' } },
    });
    expect(second.send(job({ run: { id: 'r', epoch: 5 } })).state).toBe('running');
  });

  test('a job that only looks is on disk a moment later: a crash before is as if it had not come', async () => {
    const onlyLooks = (): boolean => true;
    const first = started({ onlyLooks });
    const message = job();
    first.send(message);
    await expect.poll(() => first.returns.length).toBe(1);
    expect(first.runner.handle({ kind: 'find', jid: message.jid }).state).toBe('ended');
    expect(first.returns[1]).toEqual(first.returns[0]);
    expect(statSync(join(directory, 'jobs.log')).size).toBe(0);

    const second = started({ onlyLooks });
    expect(second.runner.handle({ kind: 'find', jid: message.jid }).state).toBe('unknown');
    expect(second.send(message).state).toBe('running');
    await expect.poll(() => second.returns.length).toBe(1);
    second.store.confirm(message.jid);
    await second.runner.stop();

    const third = started({ onlyLooks });
    expect(third.store.get(message.jid)?.stage).toBe('done');
    expect(third.send(message).state).toBe('ended');
    expect(third.returns).toEqual(second.returns);
  });

  test('a look that lasts is marked, and fails when it is interrupted', async () => {
    const first = started({ onlyLooks: () => true, execute: () => new Promise(() => {}) });
    const message = job();
    first.send(message);
    first.store.flush();
    expect(started({ onlyLooks: () => true }).returns).toMatchObject([
      { jid: message.jid, error: { code: 'EDGE_JOB_INTERRUPTED' } },
    ]);
  });

  test('the first look of an epoch is on disk before it runs: older epochs are refused after a crash', () => {
    const first = started({ onlyLooks: () => true });
    first.send(job({ run: { id: 'r', epoch: 5 } }));
    const second = started({ onlyLooks: () => true });
    expect(second.send(job({ run: { id: 'r', epoch: 4 } }))).toMatchObject({
      error: { details: { problem: 'stale-epoch' } },
    });
  });

  test('find tells what is known', () => {
    const { runner, send } = started({ execute: () => new Promise(() => {}) });
    const message = job();
    send(message);
    expect(runner.handle({ kind: 'find', jid: message.jid }).state).toBe('running');
    expect(runner.handle({ kind: 'find', jid: 'other' }).state).toBe('unknown');
    expect(runner.handle({ kind: 'find' })).toMatchObject({
      state: 'alive',
      running: [{ jid: message.jid, fun: 'a.b' }],
    });
  });
});

describe('JobStore', () => {
  const answer = (message: JobMessage): ReturnMessage => ({
    ...{
      jid: message.jid,
      id: 'm',
      fun: message.fun,
      outcome: 'succeeded',
      ret: 'x',
      retcode: 0,
      startedAt: 0,
      durationMs: 1,
    },
  });

  test('keeps what is not confirmed, whatever its number, and drops old confirmed ones', () => {
    const store = new JobStore(directory, { keep: 3 });
    const old = Array.from({ length: 4 }, () => job({ issuedAt: 1, expiresAt: 2 }));
    for (const message of old) {
      store.begin(message, 'd', 1);
      store.end(message, answer(message));
    }
    expect(store.unconfirmed()).toHaveLength(4);
    for (const { jid } of old.slice(0, 3)) store.confirm(jid);
    store.begin(job(), 'd', 100);
    expect(store.unconfirmed()).toEqual([old[3]!.jid]);
    expect(store.get(old[0]!.jid)).toBeUndefined();
    expect(store.readReturn(old[3]!.jid)).toMatchObject({ ret: 'x' });
    store.flush();
    expect(new JobStore(directory).all()).toHaveLength(store.all().length);
  });

  test('a line that a crash cut off is as if it never was', () => {
    const store = new JobStore(directory);
    const message = job();
    store.begin(message, 'd', 1);
    store.end(message, answer(message));
    const file = join(directory, 'jobs.log');
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, `${whole}{"kind":"done","jid":"${message.jid}`);
    const reopened = new JobStore(directory);
    expect(reopened.unconfirmed()).toEqual([message.jid]);
    reopened.confirm(message.jid);
    reopened.flush();
    expect(new JobStore(directory).get(message.jid)?.stage).toBe('done');
  });

  test('wherever a crash cuts the file, what was before is there: property', () => {
    const step = fc.record({ act: fc.constantFrom('begin', 'end', 'confirm'), job: fc.nat(5), size: fc.nat(200) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.double({ min: 0, max: 1, noNaN: true }), (steps, share) => {
        const folder = mkdtempSync(join(tmpdir(), 'edge-jobs-'));
        try {
          const store = new JobStore(folder, { keep: 3 });
          const file = join(folder, 'jobs.log');
          const messages = Array.from({ length: 6 }, () => job({ issuedAt: 1, expiresAt: 2 }));
          /** Bytes of the file → what the store knew then. */
          const states: (readonly [number, string])[] = [[0, '[]']];
          for (const { act, job: index, size } of steps) {
            const message = messages[index]!;
            const { stage } = store.get(message.jid) ?? {};
            if (act === 'begin' && stage === undefined) store.begin(message, 'd', 100);
            if (act === 'end' && stage === 'run') store.end(message, { ...answer(message), ret: 'x'.repeat(size) });
            if (act === 'confirm') store.confirm(message.jid);
            states.push([statSync(file).size, JSON.stringify(store.all())]);
          }
          const cut = Math.round(statSync(file).size * share);
          truncateSync(file, cut);
          const reopened = new JobStore(folder, { keep: 3 });
          const before = states.findLast(([bytes]) => bytes <= cut)!;
          // A cut within a step that writes two lines leaves the first of them.
          const known = JSON.parse(before[1]) as { jid: string }[];
          const now = reopened.all().map(({ jid }) => jid);
          expect(known.filter(({ jid }) => !now.includes(jid)).length).toBeLessThanOrEqual(1);
          for (const { jid, stage } of reopened.all())
            if (stage !== 'run') expect(reopened.readReturn(jid)?.jid).toBe(jid);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }),
      { numRuns: 60 },
    );
  });

  test('old lines are left out once they are most of the file', () => {
    const store = new JobStore(directory, { keep: 10 });
    const large = 'x'.repeat(100_000);
    for (let round = 0; round < 120; round += 1) {
      const message = job({ issuedAt: 1, expiresAt: 2 });
      store.begin(message, 'd', 100);
      store.end(message, { ...answer(message), ret: large });
      store.confirm(message.jid);
    }
    expect(statSync(join(directory, 'jobs.log')).size).toBeLessThan(5_000_000);
    store.flush();
    const reopened = new JobStore(directory, { keep: 10 });
    expect(reopened.all()).toEqual(store.all());
    for (const { jid } of reopened.all()) expect(reopened.readReturn(jid)?.ret).toBe(large);
  });
});

import { type Events, openEvents } from '@edge-run/master/events';
import { type Reactor, startReactor } from '@edge-run/master/reactor';
import { newId, notCompiled, silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { ReactorConfig } from '@edge-run/shared/orchestration';
import { STREAMS } from '@edge-run/shared/protocol';
import { createJinja, createRenderData, dumpYaml, loadYaml } from '@edge-run/shared/render';
import { PyMap, type Value } from '@edge-run/shared/values';
import { type JsMsg, jetstream } from '@nats-io/jetstream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startNats, type TestNats } from '../../support/nats.ts';
import { RecordedJobs, RecordedRunners } from '../../support/reaction-ports.ts';

const ACK_WAIT_MS = 1_500;
const FILES: Readonly<Record<string, string>> = {
  'release.sls':
    'release:\n  runner.state.orchestrate:\n    - mods: orch.release\n    - n: {{ data.n }}\n    - tag: {{ tag }}\n',
  'broken.sls': 'release: {{ data.nope }}\n',
};
const CONFIG: ReactorConfig = [{ 'release/*': ['release.sls'] }, { 'broken/*': ['broken.sls'] }];
const render = createRenderData(createJinja({ loadYaml, dumpYaml }).renderText);

let nats: TestNats;
let events: Events;
beforeEach(async () => {
  nats = await startNats();
  const bus = await nats.connect('events');
  events = await openEvents({ bus, connection: bus.connection, clock: systemClock, log: silentLogger, source: 'test' });
});
afterEach(() => nats.stop());

interface TestReactor {
  readonly reactor: Reactor;
  stop(): Promise<void>;
  /** Ends it as a crash does: nothing is given back. */
  kill(): Promise<void>;
}

async function start(
  runners: RecordedRunners,
  config = CONFIG,
  { ackWaitMs = ACK_WAIT_MS } = {},
): Promise<TestReactor> {
  const bus = await nats.connect(newId());
  const stop = new AbortController();
  const reactor = await startReactor({
    ...{ connection: bus.connection, events, config, runners, jobs: new RecordedJobs(), ackWaitMs },
    wheels: new RecordedRunners([]),
    ...{ clock: systemClock, log: silentLogger, signal: stop.signal },
    render: async (sls, { tag, data }) => {
      const text = FILES[sls];
      if (text === undefined) return notCompiled([]);
      return render({
        ...{ text, path: sls, saltenv: 'base', grains: new PyMap(), pillar: new PyMap(), opts: new PyMap() },
        variables: new Map<string, Value>([
          ['tag', tag],
          ['data', data],
        ]),
        calls: { has: () => false, names: () => [], call: () => null },
        loader: { load: async () => undefined },
      });
    },
  });
  return {
    reactor,
    stop: async () => {
      stop.abort();
      await reactor.ended;
    },
    kill: async () => {
      await bus.connection.close();
      stop.abort();
      await reactor.ended;
    },
  };
}

const send = (n: number, tag = 'release/requested') => events.send({ tag, data: { n } });
const numbers = (runners: RecordedRunners): readonly unknown[] => runners.calls.map(({ kwargs }) => kwargs.get('n'));
const settled = { timeout: 10_000, interval: 20 };

test('reacts to what matches, from the first start on, and says what it reacts to', async () => {
  await send(0);
  const runners = new RecordedRunners(['state.orchestrate']);
  const { reactor, stop } = await start(runners);
  const { id } = await send(1);
  await events.send({ tag: 'other/x', data: { n: 9 } });
  await send(2);
  await vi.waitFor(() => expect(numbers(runners)).toEqual([1, 2]), settled);
  expect(runners.calls[0]).toMatchObject({ by: 'reactor:release.sls', causedBy: id, key: expect.stringContaining(id) });
  expect(reactor.ls()).toEqual([
    { tag: 'release/*', files: ['release.sls'] },
    { tag: 'broken/*', files: ['broken.sls'] },
  ]);
  await stop();
});

test('reacts once to each event that was sent while no master was there, in order', async () => {
  const before = new RecordedRunners(['state.orchestrate']);
  await (await start(before)).stop();
  for (let n = 1; n <= 20; n += 1) await send(n);
  const after = new RecordedRunners(['state.orchestrate']);
  const second = await start(after);
  await vi.waitFor(() => expect(after.calls).toHaveLength(20), settled);
  await second.stop();
  const third = await start(after);
  await send(21);
  await vi.waitFor(() => expect(numbers(after).at(-1)).toBe(21), settled);
  expect(numbers(after)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
  expect(before.calls).toEqual([]);
  await third.stop();
});

test('a master that dies in the middle leaves the event to the next: same key, before later events of the tag', async () => {
  const hanging = new RecordedRunners(['state.orchestrate'], () => new Promise(() => {}));
  const first = await start(hanging);
  await send(1);
  await vi.waitFor(() => expect(hanging.calls).toHaveLength(1), settled);
  await first.kill();
  await send(2);
  const runners = new RecordedRunners(['state.orchestrate']);
  const second = await start(runners);
  await vi.waitFor(() => expect(numbers(runners)).toEqual([1, 2]), settled);
  expect(runners.keys[0]).toBe(hanging.keys[0]);
  await second.stop();
});

test('an event that comes back early waits for the earlier ones of a dead master', async () => {
  const warm = new RecordedRunners(['state.orchestrate']);
  await (await start(warm)).stop();
  await send(1);
  await send(2);
  // What a server does that learns late of a client's death: the first event it gave waits for its time, one it could not
  // give any more is due at once.
  const dead = await nats.connect('dead');
  const consumer = await jetstream(dead.connection).consumers.get(STREAMS.events.name, 'reactor');
  const numbered: JsMsg[] = [];
  for await (const message of await consumer.fetch({ max_messages: 2, expires: 5_000 })) numbered.push(message);
  numbered.at(-1)!.nak();
  await dead.connection.close();
  const runners = new RecordedRunners(['state.orchestrate']);
  const second = await start(runners);
  await vi.waitFor(() => expect(numbers(runners)).toHaveLength(2), settled);
  expect(numbers(runners)).toEqual([1, 2]);
  await second.stop();
});

test('a second master waits for what the first has in hand no longer than that takes', async () => {
  let release: (result: boolean) => void = () => {};
  const gate = new Promise<boolean>((resolve) => {
    release = resolve;
  });
  const slow = new RecordedRunners(['state.orchestrate'], () => gate);
  const first = await start(slow, [{ 'release/*': ['release.sls'] }], { ackWaitMs: 20_000 });
  await send(1, 'release/slow');
  await vi.waitFor(() => expect(slow.calls).toHaveLength(1), settled);
  const runners = new RecordedRunners(['state.orchestrate']);
  const second = await start(runners, [{ 'release/*': ['release.sls'] }], { ackWaitMs: 20_000 });
  for (let n = 2; n <= 41; n += 1) await send(n, `release/${n}`);
  release(true);
  await vi.waitFor(() => expect(slow.calls.length + runners.calls.length).toBe(41), settled);
  await Promise.all([first.stop(), second.stop()]);
});

test('a master that stops gives back at once what it has not handed over', async () => {
  const hanging = new RecordedRunners(['state.orchestrate'], () => new Promise(() => {}));
  const first = await start(hanging);
  await send(1);
  await vi.waitFor(() => expect(hanging.calls).toHaveLength(1), settled);
  await first.stop();
  const runners = new RecordedRunners(['state.orchestrate']);
  const startedAt = Date.now();
  const second = await start(runners);
  await vi.waitFor(() => expect(runners.keys).toEqual(hanging.keys), settled);
  expect(Date.now() - startedAt).toBeLessThan(ACK_WAIT_MS);
  await second.stop();
});

test('a reaction that takes longer than the acknowledgement may is not started again', async () => {
  const slow = new RecordedRunners(['state.orchestrate'], async () => {
    await systemClock.sleep(ACK_WAIT_MS * 2);
    return true;
  });
  const { stop } = await start(slow);
  await send(1);
  await send(2);
  await send(3, 'release/other');
  await vi.waitFor(() => expect(slow.calls).toHaveLength(3), settled);
  // Another tag does not wait; the same one does.
  expect(slow.calls.map(({ kwargs }) => kwargs.get('n'))).toEqual([1, 3, 2]);
  await stop();
});

test('an event that was sent twice is reacted to once, and shared between two masters', async () => {
  const runners = new RecordedRunners(['state.orchestrate']);
  const masters = [await start(runners), await start(runners)];
  for (let n = 1; n <= 30; n += 1) await send(n, `release/${n}`);
  await vi.waitFor(() => expect(runners.calls).toHaveLength(30), settled);
  await masters[1]!.stop();
  await events.send({ id: 'twice', tag: 'release/twice', data: { n: 31 } });
  await events.send({ id: 'twice', tag: 'release/twice', data: { n: 31 } });
  await send(32, 'release/twice');
  await vi.waitFor(() => expect(numbers(runners).at(-1)).toBe(32), settled);
  expect(numbers(runners)).toHaveLength(32);
  expect(new Set(runners.keys).size).toBe(32);
  await masters[0]!.stop();
});

test('a reaction that fails is told of by an event, and the next one works', async () => {
  const runners = new RecordedRunners(['state.orchestrate']);
  const { stop } = await start(runners);
  const { id } = await send(1, 'broken/x');
  await send(2);
  await vi.waitFor(() => expect(runners.calls).toHaveLength(1), settled);
  const recent = await events.recent({ limit: 10, tag: (tag) => tag === 'reactor/failed' });
  expect(recent).toMatchObject([
    { causedBy: id, depth: 1, data: { tag: 'broken/x', files: ['broken.sls'], diagnostics: [{ severity: 'error' }] } },
  ]);
  await stop();
});

test('a rule that matches what it causes comes to an end', async () => {
  const { stop } = await start(new RecordedRunners([]), [{ '*': ['broken.sls'] }]);
  await send(1, 'start');
  const failures = () => events.recent({ limit: 50, tag: (tag) => tag === 'reactor/failed' });
  await vi.waitFor(async () => expect(await failures()).toHaveLength(10), settled);
  await systemClock.sleep(500);
  expect((await failures()).map(({ depth }) => depth)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await stop();
});

import { openScheduleState, startScheduler } from '@edge-run/master/scheduler';
import { newId, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { parseSchedules } from '@edge-run/shared/schedule';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { startNats, type TestNats } from '../../support/nats.ts';
import { RecordedJobs, RecordedRunners } from '../../support/reaction-ports.ts';

let nats: TestNats;
beforeEach(async () => {
  nats = await startNats();
});
afterEach(() => nats.stop());

const settled = { timeout: 10_000, interval: 10 };
const key = (hour: number): string => `backup-nightly-20270101T${String(hour).padStart(2, '0')}0000000Z`;

async function start(parts: {
  readonly clock: ManualClock;
  readonly runners: RecordedRunners;
  readonly master?: string;
  readonly misfire?: string;
}) {
  const { clock, runners, master = 'm1', misfire = 'skip' } = parts;
  const { jobs: schedules } = parseSchedules({
    'backup-nightly': { function: 'state.orchestrate', args: ['orch.backup'], cron: '0 * * * *', misfire },
  });
  const bus = await nats.connect(newId());
  const state = await openScheduleState(bus.connection, systemClock);
  const stop = new AbortController();
  const scheduler = startScheduler({
    ...{ schedules, state, master, clock, runners, jobs: new RecordedJobs() },
    ...{ log: silentLogger, signal: stop.signal },
  });
  const isStored = async (): Promise<void> => expect(await state.get('backup-nightly')).toBeDefined();
  await vi.waitFor(isStored, settled);
  return {
    scheduler,
    state,
    /** Moves time on at once, as far as the server is concerned, and waits for what it leads to. */
    async passTo(time: string, calls: number): Promise<void> {
      await vi.waitFor(() => expect(clock.sleeping).toBeGreaterThan(0), settled);
      await clock.advanceTo(`2027-01-01T${time}Z`);
      await vi.waitFor(() => expect(runners.calls.length).toBeGreaterThanOrEqual(calls), settled);
    },
    stop: async () => {
      stop.abort();
      await scheduler.ended;
    },
    /** Ends it as a crash does: nothing more is written. */
    kill: async () => {
      await bus.connection.close();
      stop.abort();
      await scheduler.ended;
    },
  };
}

/** Everything that is under way has been written. */
async function quiet(state: Awaited<ReturnType<typeof openScheduleState>>): Promise<void> {
  await vi.waitFor(async () => expect((await state.get('backup-nightly'))?.record.open).toEqual([]), settled);
}

test('of two masters one starts each run, and both know when the last one was', async () => {
  const clock = new ManualClock();
  const runners = new RecordedRunners(['state.orchestrate']);
  const masters = [
    await start({ clock, runners, master: 'm1' }),
    await start({ clock, runners, master: 'm2' }),
    await start({ clock, runners, master: 'm3' }),
  ];
  for (let hour = 1; hour <= 5; hour += 1) {
    await vi.waitFor(() => expect(clock.sleeping).toBe(masters.length), settled);
    await clock.advanceTo(Date.parse('2027-01-01T00:00:00Z') + hour * 3_600_000 + 1_000);
    await vi.waitFor(() => expect(runners.calls.length).toBeGreaterThanOrEqual(hour), settled);
    await quiet(masters[0]!.state);
  }
  expect(runners.keys).toEqual([1, 2, 3, 4, 5].map(key));
  for (const { scheduler } of masters) {
    expect(await scheduler.ls()).toMatchObject([
      { name: 'backup-nightly', lastAt: Date.parse('2027-01-01T05:00:00Z') },
    ]);
  }
  await Promise.all(masters.map(({ stop }) => stop()));
});

test.each([
  ['once', [key(4)]],
  ['skip', []],
  ['all', [key(2), key(3), key(4)]],
])('misfire %s after the masters were down', async (misfire, caughtUp) => {
  const clock = new ManualClock();
  const before = new RecordedRunners(['state.orchestrate']);
  const first = await start({ clock, runners: before, misfire });
  await first.passTo('01:00:01', 1);
  await quiet(first.state);
  await first.stop();
  await clock.advanceTo('2027-01-01T04:30:00Z');
  const after = new RecordedRunners(['state.orchestrate']);
  const second = await start({ clock, runners: after, misfire });
  await vi.waitFor(() => expect(after.keys).toEqual(caughtUp), settled);
  await quiet(second.state);
  await second.passTo('05:00:01', caughtUp.length + 1);
  expect(after.keys).toEqual([...caughtUp, key(5)]);
  await second.stop();
});

test('a master that dies between start and record leaves the run to the next, under the same key', async () => {
  const clock = new ManualClock();
  const hanging = new RecordedRunners(['state.orchestrate'], () => new Promise(() => {}));
  const first = await start({ clock, runners: hanging });
  await first.passTo('01:00:01', 1);
  await first.kill();
  const runners = new RecordedRunners(['state.orchestrate']);
  const second = await start({ clock, runners });
  await vi.waitFor(() => expect(runners.keys).toEqual(hanging.keys), settled);
  await quiet(second.state);
  await second.stop();
  const third = await start({ clock, runners });
  await third.passTo('02:00:01', 2);
  expect(runners.keys).toEqual([key(1), key(2)]);
  await third.stop();
});

test('another master takes the run of a dead one up when its lease is over, and not before', async () => {
  const clock = new ManualClock();
  const hanging = new RecordedRunners(['state.orchestrate'], () => new Promise(() => {}));
  const first = await start({ clock, runners: hanging, master: 'm1' });
  await first.passTo('01:00:01', 1);
  await first.kill();
  const runners = new RecordedRunners(['state.orchestrate']);
  const second = await start({ clock, runners, master: 'm2' });
  await vi.waitFor(() => expect(clock.sleeping).toBeGreaterThan(0), settled);
  expect(runners.keys).toEqual([]);
  await clock.advance(31_000);
  await vi.waitFor(() => expect(runners.keys).toEqual([key(1)]), settled);
  await second.stop();
});

import { type ScheduleRecord, type ScheduleState, startScheduler } from '@edge-run/master/scheduler';
import { type Logger, silentLogger } from '@edge-run/shared/kernel';
import { parseSchedules } from '@edge-run/shared/schedule';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../../support/manual-clock.ts';
import { RecordedJobs, RecordedRunners } from '../../../support/reaction-ports.ts';

/** Compare-and-set in memory, as the bucket has it. */
class MemoryState implements ScheduleState {
  readonly records = new Map<string, { record: ScheduleRecord; revision: number }>();
  async get(name: string) {
    return this.records.get(name);
  }
  async put(name: string, record: ScheduleRecord, revision: number | undefined) {
    if (this.records.get(name)?.revision !== revision) return false;
    this.records.set(name, { record, revision: (revision ?? 0) + 1 });
    return true;
  }
}

const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop.abort();
});

function start(parts: {
  readonly definition?: Record<string, unknown>;
  readonly clock: ManualClock;
  readonly runners: RecordedRunners;
  readonly state?: ScheduleState;
  readonly master?: string;
  readonly jobs?: RecordedJobs;
  readonly log?: Logger;
}) {
  const { definition = {}, clock, runners, state = new MemoryState(), master = 'm1' } = parts;
  const { jobs: schedules, diagnostics } = parseSchedules({
    tick: { function: 'state.orchestrate', args: ['orch.x'], cron: '0 * * * *', ...definition },
  });
  expect(diagnostics).toEqual([]);
  const stop = new AbortController();
  stops.push(stop);
  const scheduler = startScheduler({
    ...{ schedules, state, master, clock, runners, jobs: parts.jobs ?? new RecordedJobs() },
    ...{ log: parts.log ?? silentLogger, signal: stop.signal },
  });
  return { scheduler, stop, state };
}

const NAMES = ['state.orchestrate'];
/** A runner whose calls end when told, or when they are cancelled. */
function slowRunner() {
  const ends: ((result: boolean) => void)[] = [];
  const aborted: unknown[] = [];
  const runners = new RecordedRunners(
    NAMES,
    ({ signal }) =>
      new Promise((resolve) => {
        ends.push(resolve);
        signal.addEventListener('abort', () => aborted.push(signal.reason));
      }),
  );
  return { runners, ends, aborted };
}
const at = (time: string): string => `tick-20270101T${time.replaceAll(':', '')}000Z`;

describe('scheduler', () => {
  it('starts what is due, each time once, with a key of name and instant', async () => {
    const clock = new ManualClock();
    const runners = new RecordedRunners(NAMES);
    const { scheduler } = start({ clock, runners });
    await clock.advanceTo('2027-01-01T02:30:00Z');
    expect(runners.keys).toEqual([at('01:00:00'), at('02:00:00')]);
    expect(runners.calls[0]).toMatchObject({ name: 'state.orchestrate', args: ['orch.x'], by: 'schedule:tick' });
    expect(await scheduler.ls()).toEqual([
      {
        ...{ name: 'tick', what: 'state.orchestrate orch.x', when: '0 * * * *', enabled: true },
        ...{ nextAt: Date.parse('2027-01-01T03:00:00Z'), lastAt: Date.parse('2027-01-01T02:00:00Z') },
      },
    ]);
    expect(await scheduler.next('tick', 2)).toEqual([
      Date.parse('2027-01-01T03:00:00Z'),
      Date.parse('2027-01-01T04:00:00Z'),
    ]);
  });

  it('starts each run on one of two masters', async () => {
    const clock = new ManualClock();
    const runners = new RecordedRunners(NAMES);
    const state = new MemoryState();
    start({ clock, runners, state, master: 'm1' });
    start({ clock, runners, state, master: 'm2' });
    await clock.advanceTo('2027-01-01T05:30:00Z');
    expect(runners.keys).toEqual(['01', '02', '03', '04', '05'].map((hour) => at(`${hour}:00:00`)));
  });

  it('overlap skip: leaves runs out while one goes on', async () => {
    const clock = new ManualClock();
    const { runners, ends } = slowRunner();
    start({ clock, runners });
    await clock.advanceTo('2027-01-01T02:30:00Z');
    expect(runners.keys).toEqual([at('01:00:00')]);
    ends[0]!(true);
    await clock.advanceTo('2027-01-01T03:30:00Z');
    expect(runners.keys).toEqual([at('01:00:00'), at('03:00:00')]);
  });

  it('overlap queue: runs them one after the other', async () => {
    const clock = new ManualClock();
    const { runners, ends } = slowRunner();
    start({ clock, runners, definition: { overlap: 'queue' } });
    await clock.advanceTo('2027-01-01T03:30:00Z');
    expect(runners.keys).toEqual([at('01:00:00')]);
    ends[0]!(true);
    await clock.advance(0);
    expect(runners.keys).toEqual([at('01:00:00'), at('02:00:00')]);
    ends[1]!(false);
    await clock.advance(0);
    expect(runners.keys).toEqual([at('01:00:00'), at('02:00:00'), at('03:00:00')]);
  });

  it('overlap replace: cancels the run that goes on', async () => {
    const clock = new ManualClock();
    const { runners, aborted } = slowRunner();
    start({ clock, runners, definition: { overlap: 'replace' } });
    await clock.advanceTo('2027-01-01T02:30:00Z');
    expect(runners.keys).toEqual([at('01:00:00'), at('02:00:00')]);
    expect(aborted).toMatchObject([{ code: 'EDGE_CANCELLED', message: expect.stringContaining('takes its place') }]);
  });

  it.each([
    ['skip', []],
    ['once', [at('04:00:00')]],
    ['all', [at('02:00:00'), at('03:00:00'), at('04:00:00')]],
  ] as const)('misfire %s after an outage', async (misfire, caughtUp) => {
    const clock = new ManualClock();
    const runners = new RecordedRunners(NAMES);
    const state = new MemoryState();
    const first = start({ clock, runners, state, definition: { misfire } });
    await clock.advanceTo('2027-01-01T01:30:00Z');
    first.stop.abort();
    await first.scheduler.ended;
    await clock.advanceTo('2027-01-01T04:30:00Z');
    start({ clock, runners, state, definition: { misfire } });
    await clock.advance(1_000);
    expect(runners.keys).toEqual([at('01:00:00'), ...caughtUp]);
  });

  it('takes its own run up at once after a restart, under the same key', async () => {
    const clock = new ManualClock();
    const { runners, aborted } = slowRunner();
    const state = new MemoryState();
    const first = start({ clock, runners, state });
    await clock.advanceTo('2027-01-01T01:00:10Z');
    first.stop.abort();
    await first.scheduler.ended;
    expect(aborted).toMatchObject([{ message: expect.stringContaining('the run goes on with the next') }]);
    start({ clock, runners, state });
    await clock.advance(1_000);
    expect(runners.keys).toEqual([at('01:00:00'), at('01:00:00')]);
  });

  it('takes the run of a dead master up only when its lease is over', async () => {
    const clock = new ManualClock();
    const { runners } = slowRunner();
    const state = new MemoryState();
    const first = start({ clock, runners, state, master: 'm1' });
    await clock.advanceTo('2027-01-01T01:05:00Z');
    first.stop.abort();
    await first.scheduler.ended;
    start({ clock, runners, state, master: 'm2' });
    await clock.advance(10_000);
    expect(runners.calls).toHaveLength(1);
    await clock.advance(30_000);
    expect(runners.keys).toEqual([at('01:00:00'), at('01:00:00')]);
  });

  it('a master that lives keeps its long run', async () => {
    const clock = new ManualClock();
    const { runners } = slowRunner();
    const state = new MemoryState();
    start({ clock, runners, state, master: 'm1', definition: { once: '2027-01-01T01:00', cron: undefined } });
    await clock.advanceTo('2027-01-01T00:59:00Z');
    start({ clock, runners, state, master: 'm2', definition: { once: '2027-01-01T01:00', cron: undefined } });
    await clock.advanceTo('2027-01-01T03:00:00Z');
    expect(runners.calls).toHaveLength(1);
  });

  it('starts jobs where it names hosts, and logs what fails', async () => {
    const clock = new ManualClock();
    const jobs = new RecordedJobs([]);
    const errors: string[] = [];
    const log: Logger = { ...silentLogger, error: (message) => errors.push(message) };
    start({
      clock,
      runners: new RecordedRunners([]),
      jobs,
      log,
      definition: { function: 'test.ping', target: 'web*' },
    });
    await clock.advanceTo('2027-01-01T01:00:01Z');
    expect(jobs.requests).toMatchObject([
      { target: 'web*', fun: 'test.ping', jid: at('01:00:00'), by: 'schedule:tick' },
    ]);
    expect(errors).toEqual(['schedule tick: `web*` matches no host']);
  });

  it('run: starts it now and answers the id of the run, or of the job', async () => {
    const clock = new ManualClock();
    const runners = new RecordedRunners(NAMES, async ({ key, report }) => {
      report('started', `run ${key}`);
      return true;
    });
    const { scheduler } = start({ clock, runners });
    expect(await scheduler.run('tick')).toEqual({ run: runners.keys[0] });
    await expect(scheduler.run('tock')).rejects.toMatchObject({
      code: 'EDGE_UNKNOWN_SCHEDULE',
      hint: expect.stringContaining('tick'),
    });
    const { scheduler: withJobs } = start({ clock, runners, definition: { function: 'test.ping', target: '*' } });
    expect(await withJobs.run('tick')).toEqual({ jid: expect.stringMatching(/^[0-9A-Z]{26}$/) });
  });

  it('goes on when the state cannot be reached for a while', async () => {
    const clock = new ManualClock();
    const runners = new RecordedRunners(NAMES);
    const state = new MemoryState();
    let isDown = true;
    const get = state.get.bind(state);
    state.get = async (name) => (isDown ? Promise.reject(new Error('no responders')) : get(name));
    start({ clock, runners, state });
    await clock.advanceTo('2027-01-01T00:10:00Z');
    isDown = false;
    await clock.advanceTo('2027-01-01T01:10:00Z');
    expect(runners.keys).toEqual([at('01:00:00')]);
  });
});

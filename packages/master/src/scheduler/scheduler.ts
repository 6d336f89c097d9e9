import {
  type Clock,
  cancelled,
  EdgeError,
  errorMessage,
  type InstantMs,
  type Logger,
  newId,
} from '@edge-run/shared/kernel';
import type { ScheduleEntry } from '@edge-run/shared/protocol';
import type { ScheduledJob } from '@edge-run/shared/schedule';
import { nextFire } from '@edge-run/shared/schedule';
import { didYouMean } from '@edge-run/shared/schema';
import { RELEASED } from '../orchestration/index.ts';
import { planTick, withoutFire } from './plan.ts';
import type { ScheduleState } from './state.ts';
import { fireKey, startWork, type WorkPorts } from './work.ts';

/** The clock of the machine may be set: nobody sleeps longer than this without looking at it. */
const LONGEST_SLEEP_MS = 60_000;
const RETRY_PAUSE_MS = 1_000;

/** The schedules, where they are kept, and what they act through. */
export interface SchedulerOptions extends WorkPorts {
  readonly schedules: readonly ScheduledJob[];
  readonly state: ScheduleState;
  /** Id of this master: after a restart it takes up at once what it had in hand. */
  readonly master: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the scheduler: what it has started goes on without it. */
  readonly signal: AbortSignal;
}

/** A scheduler that runs. */
export interface Scheduler {
  /** The schedules, for the operation `schedule.ls`. */
  ls(): Promise<readonly ScheduleEntry[]>;
  /** The next instants it is due, without splay; fewer when it is due less often. @throws EdgeError `EDGE_UNKNOWN_SCHEDULE` */
  next(name: string, count: number): Promise<readonly InstantMs[]>;
  /** Starts what it starts, now, beside its other runs. @throws EdgeError `EDGE_UNKNOWN_SCHEDULE`, or why it does not start */
  run(name: string): Promise<{ readonly run?: string; readonly jid?: string }>;
  /** Resolves when `signal` has aborted and nothing is in hand any more. */
  readonly ended: Promise<void>;
}

/**
 * Starts what schedules start when they are due. What is due is stored with compare-and-set before it is started, so that
 * of several masters one starts it, and kept there until it has ended, so that the next master takes it up.
 */
export function startScheduler(options: SchedulerOptions): Scheduler {
  const { schedules, state, clock, signal, log } = options;
  const byName = new Map(schedules.map((job) => [job.schedule.name, job]));
  const find = (name: string): ScheduledJob => {
    const job = byName.get(name);
    if (job === undefined) throw unknownSchedule(name, [...byName.keys()]);
    return job;
  };
  const released = new AbortController();
  const release = (): void => released.abort(RELEASED);
  if (signal.aborted) release();
  else signal.addEventListener('abort', release, { once: true });
  const drivers = schedules.map((job) => new ScheduleDriver(job, options).run());
  return {
    ended: Promise.all(drivers).then(() => undefined),
    ls: () => Promise.all(schedules.map((job) => entryOf(job, state, clock.now()))),
    async next(name, count) {
      const job = find(name);
      const fires: InstantMs[] = [];
      let at = await nextOf(job, state, clock.now());
      while (at !== undefined && fires.length < count) {
        fires.push(at);
        at = nextFire(job.schedule, at);
      }
      return fires;
    },
    async run(name) {
      const { ended, ...started } = await startWork(find(name), newId(), options, released.signal);
      ended.catch((error: unknown) => log.error(`schedule ${name}, started by hand: ${errorMessage(error)}`));
      return started;
    },
  };
}

async function entryOf(job: ScheduledJob, state: ScheduleState, now: InstantMs): Promise<ScheduleEntry> {
  const { schedule, work, when } = job;
  const stored = await state.get(schedule.name);
  const nextAt = await nextOf(job, { get: async () => stored }, now);
  const lastAt = stored?.record.lastAt;
  const target = work.kind === 'job' ? [`on ${work.target}`] : [];
  return {
    name: schedule.name,
    what: [work.fun, ...work.args.filter((arg) => typeof arg === 'string'), ...target].join(' '),
    when,
    enabled: schedule.enabled,
    ...(nextAt === undefined ? {} : { nextAt }),
    ...(lastAt === undefined ? {} : { lastAt }),
  };
}

/** When a schedule is due next; intervals count from when they last were. */
async function nextOf(
  { schedule }: ScheduledJob,
  state: Pick<ScheduleState, 'get'>,
  now: InstantMs,
): Promise<InstantMs | undefined> {
  const { timing } = schedule;
  if (timing.kind !== 'interval') return nextFire(schedule, now);
  const last = (await state.get(schedule.name))?.record.decided ?? now;
  return nextFire(schedule, last + Math.max(0, Math.floor((now - last) / timing.intervalMs)) * timing.intervalMs);
}

/** Sees to one schedule. */
class ScheduleDriver {
  readonly #job: ScheduledJob;
  readonly #options: SchedulerOptions;
  /** Due instant → what stops the run. */
  readonly #inHand = new Map<InstantMs, AbortController>();
  readonly #work = new Set<Promise<void>>();
  #wake = new AbortController();

  constructor(job: ScheduledJob, options: SchedulerOptions) {
    this.#job = job;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { clock, log, signal } = this.#options;
    const stop = (): void => {
      for (const controller of this.#inHand.values()) controller.abort(RELEASED);
      this.#wake.abort();
    };
    signal.addEventListener('abort', stop, { once: true });
    while (!signal.aborted) {
      this.#wake = new AbortController();
      let sleepMs = LONGEST_SLEEP_MS;
      try {
        const wakeAt = await this.#tick();
        if (wakeAt !== undefined) sleepMs = Math.min(Math.max(0, wakeAt - clock.now()), LONGEST_SLEEP_MS);
      } catch (error) {
        log.warn(`schedule ${this.#name}: ${errorMessage(error)}`);
        sleepMs = RETRY_PAUSE_MS;
      }
      if (signal.aborted) break;
      await clock.sleep(sleepMs, this.#wake.signal).catch(() => undefined); // it only ends the wait
    }
    stop();
    await Promise.all(this.#work);
  }

  get #name(): string {
    return this.#job.schedule.name;
  }

  async #tick(): Promise<InstantMs | undefined> {
    const { state, clock, master, log, signal } = this.#options;
    for (;;) {
      const stored = await state.get(this.#name);
      const situation = { now: clock.now(), owner: master, inHand: new Set(this.#inHand.keys()) };
      const tick = planTick(this.#job.schedule, stored?.record, situation);
      if (signal.aborted) return undefined;
      if (tick.record !== undefined && !(await state.put(this.#name, tick.record, stored?.revision))) continue;
      for (const { dueAt, missed } of tick.skipped) {
        log.info(`schedule ${this.#name} leaves out a run`, { dueAt: new Date(dueAt).toISOString(), missed });
      }
      for (const dueAt of tick.cancel) this.#inHand.get(dueAt)?.abort(replacedBy(this.#name));
      for (const dueAt of tick.release) this.#inHand.get(dueAt)?.abort(RELEASED);
      for (const dueAt of tick.start) this.#start(dueAt);
      return tick.wakeAt;
    }
  }

  #start(dueAt: InstantMs): void {
    const controller = new AbortController();
    this.#inHand.set(dueAt, controller);
    const done = this.#perform(dueAt, controller.signal).finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  async #perform(dueAt: InstantMs, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const key = fireKey(this.#name, dueAt);
    log.info(`schedule ${this.#name} starts ${this.#job.work.fun}`, { dueAt: new Date(dueAt).toISOString(), key });
    try {
      await unlessAborted(
        startWork(this.#job, key, this.#options, signal).then(({ ended }) => ended),
        signal,
      );
    } catch (error) {
      if (signal.reason === RELEASED) {
        this.#inHand.delete(dueAt);
        return;
      }
      log.error(`schedule ${this.#name}: ${errorMessage(error)}`, { key });
    }
    await this.#finish(dueAt);
    this.#inHand.delete(dueAt);
    this.#wake.abort();
  }

  /** Takes an ended run off the record; one that is still there would be taken up again. */
  async #finish(dueAt: InstantMs): Promise<void> {
    const { state, clock, master, log, signal } = this.#options;
    while (!signal.aborted) {
      try {
        const stored = await state.get(this.#name);
        const record = stored && withoutFire(stored.record, dueAt, master);
        if (record === undefined || (await state.put(this.#name, record, stored?.revision))) return;
      } catch (error) {
        log.warn(`schedule ${this.#name}: the end of a run is not written yet: ${errorMessage(error)}`);
        await clock.sleep(RETRY_PAUSE_MS, signal).catch(() => undefined); // it only ends the wait
      }
    }
  }
}

/** Lets go of a run that does not listen to the signal itself. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(cancelled(signal));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function replacedBy(name: string): EdgeError {
  return new EdgeError('EDGE_CANCELLED', `the next run of schedule ${name} takes its place`);
}

function unknownSchedule(name: string, known: readonly string[]): EdgeError {
  const hint = didYouMean(name, known) || "List schedules with 'edge-run schedule ls'.";
  return new EdgeError('EDGE_UNKNOWN_SCHEDULE', `no schedule \`${name}\``, { name }, { hint });
}

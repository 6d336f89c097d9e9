import { createHash } from 'node:crypto';
import type { InstantMs } from '../kernel/index.ts';
import { cronAfter, cronBefore } from './cron.ts';
import type { Schedule } from './schedule.ts';

/** How late a run may be and still count as on time. */
const GRACE_MS = 60_000;
/** Runs one decision starts at most; what `misfire: all` has left comes with the next. */
const MAX_FIRES = 100;

/** What is known about a schedule when it is decided on. */
export interface ScheduleSituation {
  /** The instant up to which runs were decided on: `decided` of the last decision. Undefined: never. */
  readonly last: InstantMs | undefined;
  readonly now: InstantMs;
  /** A run of it goes on. */
  readonly running: boolean;
  /** Host the run is for; makes splays differ between hosts. */
  readonly host?: string;
}

/** One run that is due. */
export interface Fire {
  readonly dueAt: InstantMs;
  /** `start` now; `queue` behind the run that goes on; `replace` it; `skip`: say that it was left out. */
  readonly action: 'start' | 'queue' | 'replace' | 'skip';
  /** It was due while nobody could start it. */
  readonly missed: boolean;
}

/** What is due, and when to look again. */
export interface FireDecision {
  readonly fires: readonly Fire[];
  /** Store it, and give it as `last` next time. */
  readonly decided: InstantMs;
  /** When to decide again; undefined: never. */
  readonly next: InstantMs | undefined;
}

/** The first instant after `after` at which a schedule is due, without splay; for intervals `after` is when it last was. */
export function nextFire({ timing, enabled }: Schedule, after: InstantMs): InstantMs | undefined {
  if (!enabled) return undefined;
  switch (timing.kind) {
    case 'interval':
      return after + timing.intervalMs;
    case 'once':
      return timing.at > after ? timing.at : undefined;
    case 'cron':
      return cronAfter(timing.expression, timing.timezone, after);
  }
}

/**
 * Decides which runs start now. Pure: the same situation gives the same answer, and going on from `decided` neither
 * loses a run nor starts one twice. A schedule never seen before is due for the first time after `now`.
 */
export function decideFires(schedule: Schedule, situation: ScheduleSituation): FireDecision {
  const { now, last = firstSeen(schedule, now) } = situation;
  // Being switched off is no reason to catch up later.
  if (!schedule.enabled) return { fires: [], decided: Math.max(now, last), next: undefined };
  const splay = (dueAt: InstantMs): number => splayOf(schedule, dueAt, situation.host ?? '');
  const due: InstantMs[] = [];
  let decided = skipForgotten(schedule, last, now);
  let next = nextFire(schedule, decided);
  while (next !== undefined && next + splay(next) <= now && due.length < MAX_FIRES) {
    due.push(next);
    decided = next;
    next = nextFire(schedule, decided);
  }
  // Only the last of several can be on time: each of the others was due before and nobody started it.
  const judged = due.map((dueAt, index) => {
    const onTime = index === due.length - 1 && dueAt + splay(dueAt) >= now - GRACE_MS;
    return { dueAt, missed: !onTime };
  });
  const fires = applyOverlap(schedule, applyMisfire(schedule, judged), situation.running);
  return { fires, decided, next: next === undefined ? undefined : Math.max(next + splay(next), now) };
}

interface Due {
  readonly dueAt: InstantMs;
  readonly missed: boolean;
}

function firstSeen({ timing }: Schedule, now: InstantMs): InstantMs {
  return timing.kind === 'once' ? Math.min(timing.at - 1, now) : now;
}

/**
 * Where to begin: unless every missed run counts, those before the last missed one need not be gone through one by one.
 */
function skipForgotten(schedule: Schedule, last: InstantMs, now: InstantMs): InstantMs {
  const { timing, misfire, splayMs } = schedule;
  const horizon = now - GRACE_MS - splayMs;
  if (misfire === 'all' || last >= horizon || timing.kind === 'once') return last;
  if (timing.kind === 'interval') {
    const periods = Math.floor((horizon - last) / timing.intervalMs);
    return last + Math.max(0, periods - 1) * timing.intervalMs;
  }
  const lastMissed = cronBefore(timing.expression, timing.timezone, horizon);
  return lastMissed === undefined ? last : Math.max(last, lastMissed - 1);
}

function applyMisfire({ misfire }: Schedule, due: readonly Due[]): readonly Due[] {
  if (misfire === 'all') return due;
  const onTime = due.filter(({ missed }) => !missed);
  // One run makes up for all that were missed; one that is due anyway will do.
  return misfire === 'once' && onTime.length === 0 ? due.slice(-1) : onTime;
}

function applyOverlap({ overlap }: Schedule, due: readonly Due[], running: boolean): readonly Fire[] {
  const last = due.length - 1;
  return due.map((fire, index) => {
    if (overlap === 'replace') {
      if (index < last) return { ...fire, action: 'skip' };
      return { ...fire, action: running ? 'replace' : 'start' };
    }
    if (running) return { ...fire, action: overlap };
    // Several at once: the first goes, the others wait for it; each of them was asked for.
    return { ...fire, action: index === 0 ? 'start' : 'queue' };
  });
}

/** Spread evenly over hosts and runs, and the same whenever it is asked for. */
function splayOf({ name, splayMs }: Schedule, dueAt: InstantMs, host: string): number {
  if (splayMs === 0) return 0;
  const hash = createHash('sha256').update(`${name}\0${host}\0${dueAt}`).digest();
  return hash.readUInt32BE(0) % (splayMs + 1);
}

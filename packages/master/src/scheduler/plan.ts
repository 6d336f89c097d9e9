import type { InstantMs } from '@edge-run/shared/kernel';
import { decideFires, type Fire, type Schedule } from '@edge-run/shared/schedule';

/** How long a master keeps a run that it says nothing more about. */
export const LEASE_MS = 30_000;
/** Runs of one schedule that may wait. */
const MAX_QUEUED = 100;
/** How often it is noted that a schedule is switched off. */
const NOTE_DISABLED_MS = 600_000;

/** A run of a schedule that has not ended, as far as anybody knows. */
export interface OpenFire {
  readonly dueAt: InstantMs;
  /** The master that runs it. */
  readonly owner: string;
  /** From then on another master may take it up. */
  readonly until: InstantMs;
  /** It waits for the one before it. */
  readonly queued: boolean;
}

/** What is kept of a schedule. */
export interface ScheduleRecord {
  /** Up to which instant runs were decided on. */
  readonly decided: InstantMs;
  /** When the last run that was started was due. */
  readonly lastAt?: InstantMs | undefined;
  /** In order. */
  readonly open: readonly OpenFire[];
}

/** Who decides, and when. */
export interface TickSituation {
  readonly now: InstantMs;
  readonly owner: string;
  /** Runs that this process has in hand. */
  readonly inHand: ReadonlySet<InstantMs>;
}

/** What is to be done about a schedule now. */
export interface Tick {
  /** To be stored before anything is done; undefined: nothing to store. */
  readonly record: ScheduleRecord | undefined;
  /** Runs to start, or to take up where a master that died left them: under the same key that is the same. */
  readonly start: readonly InstantMs[];
  /** Runs in hand that another one replaces. */
  readonly cancel: readonly InstantMs[];
  /** Runs in hand that another master has taken up: they are its own now. */
  readonly release: readonly InstantMs[];
  readonly skipped: readonly Fire[];
  /** When to look again; undefined: never. */
  readonly wakeAt: InstantMs | undefined;
}

/** Decides what happens to a schedule now, from what is stored of it. Pure. */
export function planTick(schedule: Schedule, stored: ScheduleRecord | undefined, situation: TickSituation): Tick {
  const { now, owner, inHand } = situation;
  const lease = { owner, until: now + LEASE_MS };
  const before = stored?.open ?? [];
  const start: InstantMs[] = [];
  let open = before.map((fire): OpenFire => {
    if (fire.queued) return fire;
    if (inHand.has(fire.dueAt) && fire.owner === owner) {
      return fire.until - now > LEASE_MS / 2 ? fire : { ...fire, ...lease };
    }
    // Its master is gone: this one was restarted, or the other says nothing any more.
    if (fire.owner !== owner && fire.until > now) return fire;
    start.push(fire.dueAt);
    return { ...fire, ...lease };
  });
  const decision = decideFires(schedule, { last: stored?.decided, now, running: open.length > 0 });
  const skipped: Fire[] = [];
  for (const fire of decision.fires) {
    const { dueAt, action } = fire;
    if (action === 'skip' || (action === 'queue' && open.length > MAX_QUEUED))
      skipped.push({ ...fire, action: 'skip' });
    else if (action === 'queue') open.push({ dueAt, ...lease, queued: true });
    else {
      if (action === 'replace') open = [];
      open.push({ dueAt, ...lease, queued: false });
      start.push(dueAt);
    }
  }
  if (open[0]?.queued) {
    const { dueAt } = open[0];
    open = [{ dueAt, ...lease, queued: false }, ...open.slice(1)];
    start.push(dueAt);
  }
  const running = new Set(open.filter(({ queued }) => !queued).map(({ dueAt }) => dueAt));
  const started = start.filter((dueAt) => running.has(dueAt));
  const lastAt = Math.max(stored?.lastAt ?? Number.NEGATIVE_INFINITY, ...started);
  const record: ScheduleRecord = {
    decided: decision.decided,
    ...(Number.isFinite(lastAt) ? { lastAt } : {}),
    open,
  };
  const owners = new Map(open.map((fire) => [fire.dueAt, fire.owner]));
  const moved = decision.decided - (stored?.decided ?? Number.NEGATIVE_INFINITY);
  const isNews =
    open.length !== before.length ||
    open.some((fire, index) => fire !== before[index]) ||
    moved > (schedule.enabled ? 0 : NOTE_DISABLED_MS);
  return {
    record: isNews ? record : undefined,
    start: started,
    cancel: [...inHand].filter((dueAt) => !owners.has(dueAt)),
    release: [...inHand].filter((dueAt) => (owners.get(dueAt) ?? owner) !== owner),
    skipped,
    wakeAt: earliest([decision.next, ...open.map((fire) => wakeFor(fire, owner))]),
  };
}

/** The record once a run has ended; undefined when it is no longer this master's. */
export function withoutFire(record: ScheduleRecord, dueAt: InstantMs, owner: string): ScheduleRecord | undefined {
  const open = record.open.filter((fire) => fire.dueAt !== dueAt || fire.owner !== owner);
  return open.length === record.open.length ? undefined : { ...record, open };
}

function wakeFor(fire: OpenFire, owner: string): InstantMs | undefined {
  if (fire.queued) return undefined;
  return fire.owner === owner ? fire.until - LEASE_MS / 2 : fire.until;
}

function earliest(instants: readonly (InstantMs | undefined)[]): InstantMs | undefined {
  const known = instants.filter((instant) => instant !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

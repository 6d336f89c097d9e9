import { createHash } from 'node:crypto';
import { EdgeError } from '../../../kernel/index.ts';
import {
  type CronEntry,
  type CronJob,
  type CronSchedule,
  type CronTimes,
  type Crontab,
  envLine,
  jobLines,
  readableComment,
  TIME_FIELDS,
} from './crontab.ts';

/** How an edit went, in Salt's words. */
export type CronOutcome = 'present' | 'new' | 'updated' | 'removed' | 'absent';

/** A crontab after an edit. `tab` is the one given where nothing had to change. */
export interface CronEdit {
  readonly outcome: CronOutcome;
  readonly tab: Crontab;
}

/** A job as it should be. What is undefined stays as it is on a job that exists. */
export interface WantedJob {
  /** Fields may also be `random`, or a range with a colon (`0:30`): one number of it. */
  readonly schedule: CronSchedule;
  readonly cmd: string;
  readonly identifier: string | undefined;
  readonly comment: string | undefined;
  readonly commented: boolean;
  /** Decides what `random` means: the same seed, command and identifier give the same time. */
  readonly seed: string;
}

/** Which job is meant. */
export interface JobKey {
  readonly kind: CronSchedule['kind'];
  readonly cmd: string;
  readonly identifier: string | undefined;
}

/** Salt's word for a job without an identifier; also written by it where an identifier was asked for by that name. */
const NO_IDENTIFIER = 'NO ID SET';

/**
 * True for the job that is meant: its identifier is the one given, or it has none and its command is the one given
 * (Salt 3006 modules/cron.py, _cron_matched).
 */
export function isMeant(job: CronJob, { kind, cmd, identifier }: JobKey): boolean {
  if (job.schedule.kind !== kind) return false;
  const own = job.identifier ?? NO_IDENTIFIER;
  if (own === NO_IDENTIFIER) return job.cmd === cmd;
  return own === identifier;
}

/** Makes a job be there as wanted, in the place where it was. @throws EdgeError `EDGE_BAD_ARGUMENT` for a bad range */
export function setJob(tab: Crontab, wanted: WantedJob): CronEdit {
  const key = { kind: wanted.schedule.kind, cmd: wanted.cmd, identifier: wanted.identifier };
  const at = tab.entries.findIndex((entry) => entry.kind === 'job' && isMeant(entry.job, key));
  const found = tab.entries[at];
  if (found?.kind !== 'job') {
    const job: CronJob = {
      schedule: scheduleOf(wanted, undefined),
      cmd: wanted.cmd,
      identifier: wanted.identifier,
      comment: wanted.comment === undefined ? undefined : readableComment(wanted.comment),
      commented: wanted.commented,
    };
    // Loose comments at the end stay there: above the job they would be taken for its own.
    const last = tab.entries.findLastIndex((entry) => !isComment(entry));
    return { outcome: 'new', tab: managed(tab, tab.entries.toSpliced(last + 1, 0, entryOf(job))) };
  }
  const job: CronJob = {
    schedule: scheduleOf(wanted, found.job.schedule),
    cmd: wanted.cmd,
    identifier: wanted.identifier ?? found.job.identifier,
    comment: wanted.comment === undefined ? found.job.comment : readableComment(wanted.comment),
    commented: wanted.commented,
  };
  // A job that differs in nothing keeps its lines, however they are spaced.
  if (jobLines(job).join('\n') === jobLines(found.job).join('\n')) return { outcome: 'present', tab };
  return { outcome: 'updated', tab: managed(tab, tab.entries.with(at, entryOf(job))) };
}

/** Takes the first job away that is meant and passes `also`. */
export function removeJob(tab: Crontab, key: JobKey, also: (job: CronJob) => boolean = () => true): CronEdit {
  const at = tab.entries.findIndex((entry) => entry.kind === 'job' && isMeant(entry.job, key) && also(entry.job));
  if (at === -1) return { outcome: 'absent', tab };
  return { outcome: 'removed', tab: managed(tab, tab.entries.toSpliced(at, 1)) };
}

/** True when the job runs at the given times; a field that is undefined does not matter. */
export function runsAt(job: CronJob, times: Partial<CronTimes>): boolean {
  const { schedule } = job;
  if (schedule.kind !== 'times') return false;
  return TIME_FIELDS.every((field) => {
    const wanted = times[field];
    if (wanted === undefined || wanted === schedule.times[field]) return true;
    return wanted.toLowerCase() === 'random' && schedule.times[field] !== '*';
  });
}

/** Makes a variable have a value, before the first job, since cron gives it only to jobs below. */
export function setEnv(tab: Crontab, name: string, value: string): CronEdit {
  const entry: CronEntry = { kind: 'env', name, value, lines: [envLine(name, value)] };
  const at = tab.entries.findIndex((found) => found.kind === 'env' && found.name === name);
  const found = tab.entries[at];
  if (found?.kind !== 'env') {
    const firstJob = tab.entries.findIndex(({ kind }) => kind === 'job');
    return {
      outcome: 'new',
      tab: managed(tab, tab.entries.toSpliced(firstJob === -1 ? Infinity : firstJob, 0, entry)),
    };
  }
  if (envLine(name, found.value) === envLine(name, value)) return { outcome: 'present', tab };
  return { outcome: 'updated', tab: managed(tab, tab.entries.with(at, entry)) };
}

/** Takes a variable away. */
export function removeEnv(tab: Crontab, name: string): CronEdit {
  const entries = tab.entries.filter((entry) => entry.kind !== 'env' || entry.name !== name);
  if (entries.length === tab.entries.length) return { outcome: 'absent', tab };
  return { outcome: 'removed', tab: managed(tab, entries) };
}

/** The crontab with other entries; an empty line keeps comments apart from a job that came to stand below them. */
function managed({ pre }: Crontab, entries: readonly CronEntry[]): Crontab {
  const apart = entries.flatMap((entry, index): CronEntry[] => {
    const above = entries[index - 1];
    const isJoined = entry.kind === 'job' && above !== undefined && isComment(above);
    return isJoined ? [{ kind: 'other', lines: [''] }, entry] : [entry];
  });
  return { pre, hasMarker: true, entries: apart };
}

function isComment(entry: CronEntry): boolean {
  return entry.kind === 'other' && entry.lines.at(-1)!.startsWith('#');
}

function entryOf(job: CronJob): CronEntry {
  return { kind: 'job', job, lines: jobLines(job) };
}

function scheduleOf({ schedule, cmd, identifier, seed }: WantedJob, now: CronSchedule | undefined): CronSchedule {
  if (schedule.kind === 'special') return schedule;
  const old = now?.kind === 'times' ? now.times : undefined;
  const pick = (field: string, from: number, to: number): string => {
    const digest = createHash('sha256')
      .update(JSON.stringify([seed, identifier ?? cmd, field]))
      .digest();
    return String(from + (digest.readUInt32BE(0) % (to - from + 1)));
  };
  const choose = (field: keyof CronTimes, last: number): string => {
    const wanted = schedule.times[field].toLowerCase();
    const from = field === 'daymonth' || field === 'month' ? 1 : 0;
    const before = old?.[field];
    if (wanted === 'random') return before === undefined || before === '*' ? pick(field, from, last) : before;
    if (!wanted.includes(':')) return wanted;
    const range = /^(\d+):(\d+)$/.exec(wanted);
    const [low, high] = [Number(range?.[1]), Number(range?.[2])].sort((a, b) => a - b) as [number, number];
    if (range === null || low < from || high > last)
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        `${field} cannot be ${wanted}`,
        { field, value: wanted },
        {
          hint: `Write two numbers of ${from} to ${last} with a colon, or what crontab(5) knows.`,
        },
      );
    const isWithin = before !== undefined && /^\d+$/.test(before) && Number(before) >= low && Number(before) <= high;
    return isWithin ? before : pick(field, low, high);
  };
  const month = choose('month', 12);
  return {
    kind: 'times',
    times: {
      minute: choose('minute', 59),
      hour: choose('hour', 23),
      // A random day is one that every month has, unless the month is known.
      daymonth: choose('daymonth', schedule.times.daymonth.toLowerCase() === 'random' ? lastDay(month) : 31),
      month,
      dayweek: choose('dayweek', 6),
    },
  };
}

function lastDay(month: string): number {
  if (['1', '3', '5', '7', '8', '10', '12'].includes(month)) return 31;
  return ['4', '6', '9', '11'].includes(month) ? 30 : 28;
}

import { z } from 'zod';
import { type Compiled, compiled, type Diagnostic, type InstantMs, notCompiled } from '../kernel/index.ts';
import { didYouMean } from '../schema/index.ts';
import { parseCron } from './cron.ts';

/** When a schedule is due. */
export type Timing =
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone: string }
  /** Counted from the last time it was due. */
  | { readonly kind: 'interval'; readonly intervalMs: number }
  | { readonly kind: 'once'; readonly at: InstantMs };

/** A schedule, checked. */
export interface Schedule {
  readonly name: string;
  readonly timing: Timing;
  /** Each run starts up to this much later than it is due. */
  readonly splayMs: number;
  /** When it is due while its last run goes on: leave it out, run it afterwards, or stop the old run. */
  readonly overlap: 'skip' | 'queue' | 'replace';
  /** What becomes of runs that were due while nobody could start them: none, one for all, or every one. */
  readonly misfire: 'skip' | 'once' | 'all';
  readonly enabled: boolean;
}

/** A hundred years: what is longer is a mistake, and dates beyond would not be dates. */
const MOST_SECONDS = 3_153_600_000;

const amount = (unit: string, seconds: number) =>
  z
    .number()
    .positive()
    .max(MOST_SECONDS / seconds)
    .optional()
    .describe(`Interval in ${unit}; units given together add up.`);

/** What a schedule's definition may say about time; exactly one of `cron`, an interval and `once`. */
export const scheduleDefinition = z.strictObject({
  cron: z
    .string()
    .optional()
    .describe('Cron expression of 5 fields, or 6 with seconds in front; also `@daily` and the like.'),
  seconds: amount('seconds', 1),
  minutes: amount('minutes', 60),
  hours: amount('hours', 3600),
  days: amount('days', 86_400),
  once: z
    .string()
    .optional()
    .describe('One instant, ISO 8601: `2027-03-28T02:30:00`, in `timezone` unless it has an offset.'),
  timezone: z.string().optional().describe('IANA name for `cron` and `once`, such as `Europe/Berlin`. Default UTC.'),
  splay: z
    .number()
    .min(0)
    .max(86_400)
    .optional()
    .describe('Seconds by which a run may start later, different for each host. Default 0.'),
  overlap: z.enum(['skip', 'queue', 'replace']).optional().describe('Due while its last run goes on. Default skip.'),
  misfire: z
    .enum(['skip', 'once', 'all'])
    .optional()
    .describe('Runs missed while nobody could start them. Default skip.'),
  enabled: z.boolean().optional().describe('Default true.'),
});

const INTERVAL_MS = { seconds: 1000, minutes: 60_000, hours: 3_600_000, days: 86_400_000 } as const;

/** Checks a schedule's definition; every problem is a diagnostic that names the schedule and the key. */
export function parseSchedule(name: string, definition: unknown): Compiled<Schedule> {
  const result = scheduleDefinition.safeParse(definition);
  if (!result.success) return notCompiled(result.error.issues.flatMap((issue) => fromIssue(name, issue)));
  const { data } = result;
  const problems: Diagnostic[] = [];
  const timing = timingOf(data, (key, reason, detail = '') => problems.push(problem(name, key, reason, detail)));
  if (timing === undefined) return notCompiled(problems);
  const { splay = 0, overlap = 'skip', misfire = 'skip', enabled = true } = data;
  return compiled({ name, timing, splayMs: Math.round(splay * 1000), overlap, misfire, enabled }, problems);
}

type Report = (key: string, reason: string, detail?: string) => void;

function timingOf(data: z.output<typeof scheduleDefinition>, report: Report): Timing | undefined {
  const { cron, once, timezone = 'UTC' } = data;
  const units = (Object.keys(INTERVAL_MS) as (keyof typeof INTERVAL_MS)[]).filter((unit) => data[unit] !== undefined);
  const given = [
    ...(cron === undefined ? [] : ['cron']),
    ...(once === undefined ? [] : ['once']),
    ...units.slice(0, 1),
  ];
  if (given.length !== 1) {
    const reason = given.length === 0 ? 'says no time' : `says ${given.join(' and ')}, which exclude each other`;
    report('', reason, 'give one of `cron`, `once`, or an interval in `seconds`, `minutes`, `hours`, `days`');
    return undefined;
  }
  if (!isTimezone(timezone)) {
    report('timezone', `there is no time zone \`${timezone}\``, nearestTimezone(timezone));
    return undefined;
  }
  if (cron !== undefined) {
    const parsed = parseCron(cron);
    if (typeof parsed === 'string') return { kind: 'cron', expression: parsed, timezone };
    report('cron', parsed.reason, parsed.detail);
    return undefined;
  }
  if (once !== undefined) {
    const at = instantOf(once, timezone);
    if (at !== undefined) return { kind: 'once', at };
    report(
      'once',
      `\`${once}\` is not a date and time`,
      'for example 2027-03-28T02:30:00 or 2027-03-28T02:30:00+02:00',
    );
    return undefined;
  }
  if (data.timezone !== undefined) report('timezone', 'an interval has no time zone', 'leave it out');
  const intervalMs = Math.round(units.reduce((sum, unit) => sum + data[unit]! * INTERVAL_MS[unit], 0));
  if (intervalMs >= 1000) return { kind: 'interval', intervalMs };
  report(units[0]!, 'an interval is at least one second', '');
  return undefined;
}

function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    // The only way Intl has to say that it does not know a name.
    return false;
  }
}

function nearestTimezone(name: string): string {
  return didYouMean(name, Intl.supportedValuesOf('timeZone')) || 'names are those of the IANA database: Europe/Berlin';
}

/** The instant of an ISO 8601 text; without an offset it is local time of `timezone`. */
function instantOf(text: string, timezone: string): InstantMs | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?))?(Z|[+-]\d\d:?\d\d)?$/.exec(text);
  if (!match) return undefined;
  const [, date, time = '00:00', offset] = match;
  const utc = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(utc) || new Date(utc).toISOString().slice(0, 10) !== date) return undefined;
  if (offset !== undefined) return Date.parse(`${date}T${time}${offset}`);
  // The offset that holds there; twice, because the first guess may lie on the other side of a change of clocks.
  const guess = utc - offsetAt(utc, timezone);
  return utc - offsetAt(guess, timezone);
}

/** Milliseconds the local time of a zone is ahead of UTC at an instant. */
function offsetAt(instant: InstantMs, timezone: string): number {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  const parts = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  const local = `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}Z`;
  return Date.parse(local) - Math.floor(instant / 1000) * 1000;
}

function fromIssue(name: string, issue: z.core.$ZodIssue): readonly Diagnostic[] {
  if (issue.code !== 'unrecognized_keys') return [problem(name, issue.path.join('.'), issue.message.toLowerCase(), '')];
  const known = Object.keys(scheduleDefinition.shape);
  return issue.keys.map((key) => {
    const help = didYouMean(key, known) || `options: ${known.join(', ')}`;
    return problem(name, key, 'there is no such option', help);
  });
}

function problem(name: string, key: string, reason: string, detail: string): Diagnostic {
  const where = key === '' ? `schedule \`${name}\`` : `schedule \`${name}\`, \`${key}\``;
  return { severity: 'error', code: 'EDGE_SCHEDULE_INVALID', summary: `${where}: ${reason}`, detail };
}

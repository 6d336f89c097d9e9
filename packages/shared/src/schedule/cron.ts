import { Cron } from 'croner';
import { validateDetailed } from 'node-cron';
import { errorMessage, type InstantMs } from '../kernel/index.ts';

/** Lowest and highest value of each field, seconds first. */
const FIELDS = [
  { name: 'second', low: 0, high: 59 },
  { name: 'minute', low: 0, high: 59 },
  { name: 'hour', low: 0, high: 23 },
  { name: 'day of month', low: 1, high: 31 },
  { name: 'month', low: 1, high: 12 },
  { name: 'day of week', low: 0, high: 6 },
] as const;

const LONG_NAMES =
  /\b(sun|mon|tue|wed|thu|fri|sat|jan|feb|mar|apr|jun|jul|aug|sep|oct|nov|dec)(?:day|sday|nesday|rsday|urday|uary|ruary|ch|il|e|y|ust|tember|ober|ember)\b/gi;

/**
 * Checks an expression in node-cron's dialect and gives it in the words `cronAfter` reads. Otherwise the reason and what
 * to write instead.
 */
export function parseCron(expression: string): string | { readonly reason: string; readonly detail: string } {
  const { valid, errors } = validateDetailed(expression.trim());
  if (!valid) {
    const [first] = errors;
    const detail = 'minute hour day month weekday, with seconds in front of them if there are six fields';
    return { reason: `\`${expression}\`: ${first?.message ?? 'not a cron expression'}`, detail };
  }
  const translated = translate(expression.trim());
  try {
    const next = new Cron(translated, { timezone: 'UTC', mode: '5-or-6-parts' }).nextRun(new Date(0));
    if (next === null) return { reason: `\`${expression}\` never comes`, detail: '' };
  } catch (error) {
    return { reason: `\`${expression}\`: ${errorMessage(error).replace(/^CronPattern: /, '')}`, detail: '' };
  }
  return translated;
}

/** The first instant after `after` at which a parsed expression is due. Clock changes: see decision 0003. */
export function cronAfter(expression: string, timezone: string, after: InstantMs): InstantMs | undefined {
  return cron(expression, timezone).nextRun(new Date(after))?.getTime();
}

/** The last instant before `before` at which it was due. */
export function cronBefore(expression: string, timezone: string, before: InstantMs): InstantMs | undefined {
  return cron(expression, timezone).previousRuns(1, new Date(before))[0]?.getTime();
}

function cron(expression: string, timezone: string): Cron {
  return new Cron(expression, { timezone, mode: '5-or-6-parts', paused: true });
}

/** Writes what croner does not read in words that it does: long names, and ranges that go over the end. */
function translate(expression: string): string {
  if (expression.startsWith('@')) return expression;
  const fields = expression.split(/\s+/);
  const offset = FIELDS.length - fields.length;
  return fields
    .map((field, index) => {
      const short = field.replace(LONG_NAMES, '$1');
      return short
        .split(',')
        .map((part) => unwrap(part, FIELDS[index + offset]!))
        .join(',');
    })
    .join(' ');
}

function unwrap(part: string, { low, high }: (typeof FIELDS)[number]): string {
  const range = /^(\d+)-(\d+)$/.exec(part);
  const from = Number(range?.[1]);
  const to = Number(range?.[2]);
  return range && from > to ? `${from}-${high},${low}-${to}` : part;
}

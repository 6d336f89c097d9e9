import { z } from 'zod';
import { type Compiled, type Diagnostic, hasErrors, notCompiled } from '../kernel/index.ts';
import { didYouMean, type KnownNames } from '../schema/index.ts';
import { fromPlain, type Value } from '../values/index.ts';
import { parseSchedule, type Schedule, scheduleDefinition } from './schedule.ts';
import { readWhen } from './when.ts';

/** What a schedule starts: a function of the master, or a job where it names hosts. */
export type ScheduledWork = {
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
} & (
  | { readonly kind: 'runner' }
  | {
      readonly kind: 'job';
      readonly target: string;
      readonly targetType: string;
      readonly timeoutMs?: number;
      /** Only hosts of the roster. */
      readonly transport?: 'ssh';
    }
);

/** A schedule of the configuration: when, and what then. */
export interface ScheduledJob {
  readonly schedule: Schedule;
  readonly work: ScheduledWork;
  /** When, for people: as written. */
  readonly when: string;
}

const workDefinition = z.object({
  function: z
    .string()
    .min(1)
    .describe('A function of the master (`state.orchestrate`); of hosts where `target` is given.'),
  args: z.unknown().optional().describe('Positional arguments: a list.'),
  kwargs: z.record(z.string(), z.unknown()).nullish().describe('Keyword arguments: a mapping.'),
  target: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Hosts to run the function on.'),
  target_type: z.string().optional().describe('How `target` selects them; `glob` when absent.'),
  ssh: z.boolean().optional().describe('Only hosts of the roster among `target`.'),
  timeout: z.number().positive().optional().describe('Seconds the function may run on a host.'),
});
type WorkDefinition = z.output<typeof workDefinition>;

const TIMING_WORDS = Object.keys(scheduleDefinition.shape);
const WORK_WORDS = Object.keys(workDefinition.shape);
/** Words of Salt that change nothing: returns are always kept, and `overlap` says what `maxrunning` did. */
const IGNORED = [
  'returner',
  'return_job',
  'return_config',
  'return_kwargs',
  'jid_include',
  'metadata',
  'maxrunning',
  'name',
];
const WRITTEN_OTHERWISE: Readonly<Record<string, string>> = { tgt: 'target', tgt_type: 'target_type' };

/**
 * Reads `schedule` of the configuration. Every problem is a diagnostic that names the schedule; those without one are in
 * the value even where others have errors, so that one mistake does not stop them all.
 *
 * @param runners finds functions of the master that do not exist; not looked for when absent
 */
export function parseSchedules(
  config: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  runners?: KnownNames,
): { readonly jobs: readonly ScheduledJob[]; readonly diagnostics: readonly Diagnostic[] } {
  const parsed = Object.entries(config).map(([name, definition]) => parseJob(name, definition, runners));
  return {
    jobs: parsed.flatMap(({ value }) => (value === undefined ? [] : [value])),
    diagnostics: parsed.flatMap(({ diagnostics }) => diagnostics),
  };
}

function parseJob(
  name: string,
  definition: Readonly<Record<string, unknown>>,
  runners: KnownNames | undefined,
): Compiled<ScheduledJob> {
  const problems: Diagnostic[] = [];
  const report: Report = (key, reason, detail = '') => problems.push(problem(name, key, reason, detail));
  const { work, timing } = sortWords(definition, report);
  const parsedWork = workDefinition.safeParse(work);
  for (const issue of parsedWork.error?.issues ?? []) report(issue.path.join('.'), issue.message.toLowerCase());
  if (work.ssh === true && work.target === undefined)
    report('ssh', 'there is no `target`', 'functions of the master run on no host: say which hosts of the roster');
  const args = work.args === undefined || work.args === null ? [] : work.args;
  if (!Array.isArray(args)) report('args', 'is not a list', 'write each argument behind `- `');
  const schedule = parseSchedule(name, withoutWhen(timing, report));
  problems.push(...schedule.diagnostics);
  const { data } = parsedWork;
  if (data !== undefined && data.target === undefined && runners !== undefined && !runners.has(data.function)) {
    const help = didYouMean(data.function, runners.names()) || 'functions of hosts need a `target`';
    problems.push({
      ...problem(name, 'function', `the master has no function \`${data.function}\``, help),
      code: 'EDGE_UNKNOWN_FUNCTION',
    });
  }
  if (data === undefined || schedule.value === undefined || hasErrors(problems)) return notCompiled(problems);
  const job = { schedule: schedule.value, work: workOf(data, args as readonly unknown[]), when: shownTiming(timing) };
  return { value: job, diagnostics: problems };
}

type Report = (key: string, reason: string, detail?: string) => void;
type Words = Readonly<Record<string, unknown>>;

/** What says when, and what says what; unknown words are reported. */
function sortWords(definition: Words, report: Report): { readonly work: Words; readonly timing: Words } {
  const work: Record<string, unknown> = {};
  const timing: Record<string, unknown> = {};
  for (const [written, value] of Object.entries(definition)) {
    const word = WRITTEN_OTHERWISE[written] ?? written;
    if (WORK_WORDS.includes(word)) work[word] = value;
    else if (word === 'when' || TIMING_WORDS.includes(word)) timing[word] = value;
    else if (!IGNORED.includes(word)) {
      const known = [...WORK_WORDS, ...TIMING_WORDS, 'when'];
      report(word, 'there is no such option', didYouMean(word, known) || `options: ${known.join(', ')}`);
    }
  }
  return { work, timing };
}

function withoutWhen({ when, ...timing }: Words, report: Report): Words {
  if (when === undefined) return timing;
  const texts = Array.isArray(when) ? when.map(String) : [String(when)];
  const detail = 'write `5:00pm` (every day), `Monday 5:00pm`, `2027-03-28T17:00`, or a `cron` expression';
  if (texts.length !== 1) {
    report('when', 'has several times', 'write one `cron` expression for them, or one schedule for each');
    return timing;
  }
  const read = readWhen(texts[0]!);
  if (read === undefined) report('when', `\`${texts[0]}\` is not understood`, detail);
  // With a time in its place the reader does not also hear that there is none.
  return { ...timing, ...(read ?? { cron: '@daily' }) };
}

function workOf(
  { function: fun, kwargs, target, target_type, timeout, ssh }: WorkDefinition,
  args: readonly unknown[],
): ScheduledWork {
  const call = {
    fun,
    args: args.map(fromPlain),
    kwargs: new Map(Object.entries(kwargs ?? {}).map(([key, value]) => [key, fromPlain(value)])),
  };
  if (target === undefined) return { kind: 'runner', ...call };
  return {
    kind: 'job',
    ...call,
    target: Array.isArray(target) ? target.join(',') : target,
    targetType: target_type ?? (Array.isArray(target) ? 'list' : 'glob'),
    ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    ...(ssh === true ? { transport: 'ssh' as const } : {}),
  };
}

function shownTiming(timing: Words): string {
  const zone = timing.timezone === undefined ? '' : ` ${String(timing.timezone)}`;
  if (timing.cron !== undefined) return `${String(timing.cron)}${zone}`;
  if (timing.when !== undefined) return `${[timing.when].flat().join('')}${zone}`;
  if (timing.once !== undefined) return `once ${String(timing.once)}${zone}`;
  const units = ['days', 'hours', 'minutes', 'seconds'].filter((unit) => timing[unit] !== undefined);
  return `every ${units.map((unit) => `${String(timing[unit])} ${unit}`).join(' ')}`;
}

function problem(name: string, key: string, reason: string, detail: string): Diagnostic {
  const where = key === '' ? `schedule \`${name}\`` : `schedule \`${name}\`, \`${key}\``;
  return { severity: 'error', code: 'EDGE_SCHEDULE_INVALID', summary: `${where}: ${reason}`, detail };
}

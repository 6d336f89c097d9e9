import { EdgeError, parseDuration as readDuration } from '@edge-run/shared/kernel';
import { type Command, InvalidArgumentError, Option } from 'commander';

const OUTPUT_FORMATS = ['json', 'jsonl', 'yaml', 'table', 'wide', 'name', 'text', 'csv', 'junit'] as const;
/** How data is printed: a value of `--out`. */
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** True for formats a program reads. */
export function isMachineFormat(out: OutputFormat | undefined): out is 'json' | 'jsonl' | 'yaml' {
  return out === 'json' || out === 'jsonl' || out === 'yaml';
}

/** True for formats that only whole reports have. */
export function isReportFormat(out: OutputFormat | undefined): out is 'csv' | 'junit' {
  return out === 'csv' || out === 'junit';
}

/** The flags every command understands. */
export interface Flags {
  readonly out: OutputFormat | undefined;
  readonly fields: readonly string[] | undefined;
  readonly color: 'auto' | 'always' | 'never';
  readonly quiet: boolean;
  /** How often `-v` was given. */
  readonly verbose: number;
  readonly context: string | undefined;
  readonly config: string | undefined;
  readonly natsUrl: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly wait: boolean;
  readonly progress: 'auto' | 'tree' | 'plain' | 'none';
  readonly yes: boolean;
  /** False with `--no-input`: never ask. */
  readonly input: boolean;
  /** The first Ctrl-C (or SIGINT) asks to cancel what is followed, instead of leaving it running. */
  readonly cancelOnInterrupt: boolean;
}

/** Adds the global flags to the program. */
export function addGlobalFlags(program: Command): void {
  program
    .addOption(new Option('-o, --out <format>', 'how to print data').choices(OUTPUT_FORMATS))
    .option('--fields <names>', 'only these fields or columns, separated by commas', parseList)
    .addOption(
      new Option('--color [when]', 'colours').choices(['auto', 'always', 'never']).default('auto').preset('always'),
    )
    .option('--no-color', 'no colours (as does NO_COLOR)')
    .option('-q, --quiet', 'only results and errors')
    .option('-v, --verbose', 'more; may be repeated', (_: string, before: number | undefined) => (before ?? 0) + 1)
    .option('--context <name>', 'which master to ask (EDGE_CONTEXT)')
    .option('-c, --config <file>', 'project file instead of the nearest edge.yaml')
    .option('--nats-url <url>', 'NATS server to use (EDGE_NATS_URL)')
    .option('-t, --timeout <duration>', 'how long to wait: 30, 90s, 5m, 1h', parseDuration)
    .option('--wait', 'wait for the end (default)', true)
    .option('--no-wait', 'print the id and return at once')
    .addOption(
      new Option('--progress <kind>', 'how to show progress')
        .choices(['auto', 'tree', 'plain', 'none'])
        .default('auto'),
    )
    .option('-y, --yes', 'do not ask for confirmation')
    .option('--no-input', 'never ask; fail where a question would be needed')
    .option('--cancel-on-interrupt', 'the first Ctrl-C cancels what is followed, instead of leaving it running');
}

/** Reads the global flags of a parsed command line. */
export function readFlags(options: Readonly<Record<string, unknown>>): Flags {
  const verbose = options.verbose;
  return {
    out: options.out as OutputFormat | undefined,
    fields: options.fields as string[] | undefined,
    color: options.color === false ? 'never' : (options.color as Flags['color']),
    quiet: options.quiet === true,
    verbose: typeof verbose === 'number' ? verbose : 0,
    context: options.context as string | undefined,
    config: options.config as string | undefined,
    natsUrl: options.natsUrl as string | undefined,
    timeoutMs: options.timeout as number | undefined,
    wait: options.wait !== false,
    progress: options.progress as Flags['progress'],
    yes: options.yes === true,
    input: options.input !== false,
    cancelOnInterrupt: options.cancelOnInterrupt === true,
  };
}

/** Milliseconds of `30` (seconds, as in Salt), `500ms`, `90s`, `5m`, `1h30m`, `2d`. */
export function parseDuration(text: string): number {
  const ms = readDuration(text);
  if (ms === undefined) throw new InvalidArgumentError(`\`${text}\` is no duration; write 30, 90s, 5m or 1h30m.`);
  return ms;
}

/** The values of an option that may be given several times, in order. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** A whole number above zero. */
export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError(`\`${text}\` is no whole number above 0.`);
  return Number(text);
}

/** The instant `--since` means: a duration back from now, or a date. */
export function readSince(text: string, now: number): number {
  const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(date)) return date;
  if (text === 'today') return new Date(now).setHours(0, 0, 0, 0);
  try {
    return now - parseDuration(text);
  } catch {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `--since ${text} is no duration and no date`,
      { since: text },
      {
        hint: 'Write --since 15m, --since today or --since 2026-11-21T08:00Z.',
      },
    );
  }
}

function parseList(text: string): string[] {
  return text.split(',').filter((part) => part !== '');
}

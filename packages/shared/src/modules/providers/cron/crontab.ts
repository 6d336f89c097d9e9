/*
 * The crontab of a user as Salt 3006 writes it (modules/cron.py): what people keep themselves, a marker, and below it
 * what is managed. A comment directly above a job belongs to it and may name it: `# text SALT_CRON_IDENTIFIER:name`.
 */

/** Ends what people keep themselves. */
export const MARKER = '# Lines below here are managed by Salt, do not edit';
const IDENTIFIER = 'SALT_CRON_IDENTIFIER';
const DISABLED = '#DISABLED#';

/** The five fields of a job, as `crontab(5)` names them in this order. */
export const TIME_FIELDS = ['minute', 'hour', 'daymonth', 'month', 'dayweek'] as const;

/** Field → what stands there: `*`, `5`, `mon-fri`. */
export type CronTimes = Readonly<Record<(typeof TIME_FIELDS)[number], string>>;

/** When a job runs: at times, or at one of cron's own words (`@daily`). */
export type CronSchedule =
  | { readonly kind: 'times'; readonly times: CronTimes }
  | { readonly kind: 'special'; readonly spec: string };

/** A job of the managed part. */
export interface CronJob {
  readonly schedule: CronSchedule;
  /** The rest of the line, `%` included as it stands. */
  readonly cmd: string;
  readonly identifier: string | undefined;
  /** Lines joined by newlines; empty where there is only an identifier. */
  readonly comment: string | undefined;
  /** Switched off by `#DISABLED#`. */
  readonly commented: boolean;
}

/** One entry of the managed part with the lines it was read from. */
export type CronEntry =
  | { readonly kind: 'job'; readonly job: CronJob; readonly lines: readonly string[] }
  | { readonly kind: 'env'; readonly name: string; readonly value: string; readonly lines: readonly string[] }
  | { readonly kind: 'other'; readonly lines: readonly string[] };

/** A crontab. Entries that nobody changes keep their lines to the letter. */
export interface Crontab {
  /** Lines above the marker; all of them where there is none. */
  readonly pre: readonly string[];
  readonly hasMarker: boolean;
  readonly entries: readonly CronEntry[];
}

/** Reads the text of `crontab -l`. */
export function parseCrontab(text: string): Crontab {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const at = lines.indexOf(MARKER);
  if (at === -1) return { pre: lines, hasMarker: false, entries: [] };
  const entries: CronEntry[] = [];
  let comments: string[] = [];
  const flush = (): void => {
    if (comments.length > 0) entries.push({ kind: 'other', lines: comments });
    comments = [];
  };
  for (const line of lines.slice(at + 1)) {
    if (line.startsWith('#') && !line.startsWith(DISABLED)) {
      comments.push(line);
      continue;
    }
    const job = parseJob(line, comments);
    if (job !== undefined) {
      entries.push({ kind: 'job', job, lines: [...comments, line] });
      comments = [];
      continue;
    }
    flush();
    const env = /^([^\s=]+)=(.*)$/s.exec(line);
    entries.push(
      env === null || line.startsWith(DISABLED)
        ? { kind: 'other', lines: [line] }
        : { kind: 'env', name: env[1]!, value: env[2]!, lines: [line] },
    );
  }
  flush();
  return { pre: lines.slice(0, at), hasMarker: true, entries };
}

/** The text of a crontab, ready for `crontab -`. */
export function formatCrontab({ pre, hasMarker, entries }: Crontab): string {
  const lines = [...pre, ...(hasMarker ? [MARKER] : []), ...entries.flatMap((entry) => entry.lines)];
  return lines.map((line) => `${line}\n`).join('');
}

/** The lines of a job with its comment. */
export function jobLines({ schedule, cmd, identifier, comment, commented }: CronJob): string[] {
  const words = [...(comment ? [comment] : []), ...(identifier === undefined ? [] : [`${IDENTIFIER}:${identifier}`])];
  const above = words.length === 0 ? [] : `# ${words.join(' ')}`.replaceAll('\n', '\n# ').split('\n');
  const when =
    schedule.kind === 'special' ? schedule.spec : TIME_FIELDS.map((field) => schedule.times[field]).join(' ');
  return [...above, `${commented ? DISABLED : ''}${when} ${cmd}`];
}

/** The line of a variable; an empty value is written as two quotes. */
export function envLine(name: string, value: string): string {
  return `${name}=${value === '' ? '""' : value}`;
}

/** A comment as it is read again once it was written: without the marks and spaces that begin its lines. */
export function readableComment(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^[# ]+/, '').trimEnd())
    .join('\n')
    .trimEnd();
}

function parseJob(line: string, comments: readonly string[]): CronJob | undefined {
  const commented = line.startsWith(DISABLED);
  const bare = commented ? line.slice(DISABLED.length) : line;
  const special = /^(@\S+)\s+(\S.*)$/.exec(bare);
  const times = special === null ? /^(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S.*)$/.exec(bare) : null;
  if (special === null && (times === null || /^[^\s=]+=/.test(bare))) return undefined;
  const schedule: CronSchedule =
    special === null
      ? {
          kind: 'times',
          times: { minute: times![1]!, hour: times![2]!, daymonth: times![3]!, month: times![4]!, dayweek: times![5]! },
        }
      : { kind: 'special', spec: special[1]! };
  return { schedule, cmd: special === null ? times![6]! : special[2]!, commented, ...readComments(comments) };
}

/** What the comment lines above a job say; the last identifier among them counts. */
function readComments(lines: readonly string[]): Pick<CronJob, 'identifier' | 'comment'> {
  let identifier: string | undefined;
  const texts = lines.map((line) => {
    const text = line.replace(/^[# ]+/, '');
    const at = text.indexOf(IDENTIFIER);
    if (at === -1) return text;
    identifier = text.slice(at + IDENTIFIER.length + 1) || identifier;
    return text.slice(0, at).trimEnd();
  });
  return { identifier, comment: lines.length === 0 ? undefined : texts.join('\n').trimEnd() };
}

import type { JsonValue } from '@edge-run/shared/kernel';
import { decodeValue, PyMap } from '@edge-run/shared/values';
import { type JobView, readStateReturns, type StateLine, type StatesView } from '@edge-run/shared/view';
import { type Style, sanitize } from './style.ts';
import { formatDuration } from './times.ts';
import { formatInline, formatValue } from './values.ts';

/** How much of a state run is shown: changes and failures, or everything. */
export type StateDetail = 'changes' | 'full';

/** The states of one host (or of hosts that fared alike): changes first, failures last, then the counts. */
export function renderStates(view: StatesView, style: Style, detail: StateDetail): readonly string[] {
  const failed = view.states.filter((line) => line.result === false);
  const others = view.states.filter((line) => line.result !== false);
  const shown = others.filter((line) => detail === 'full' || line.changed || line.result === null);
  return [
    ...shown.flatMap((line) => stateLines(line, style, detail)),
    ...failed.flatMap((line) => stateLines(line, style, detail)),
    countLine(view, style),
  ];
}

/** `12 states: 1 changed, 10 unchanged, 1 failed`. */
function countLine(view: StatesView, style: Style): string {
  const parts = [
    [view.changed, 'changed'],
    [view.wouldChange, 'would change'],
    [view.unchanged, 'unchanged'],
    [view.failed, 'failed'],
  ] as const;
  const text = `${view.total} ${view.total === 1 ? 'state' : 'states'}: ${parts
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count} ${name}`)
    .join(', ')}`;
  return view.failed > 0 ? style.red(text) : text;
}

/** `Plan: 2 to change, 1 with unknown effect on 3 hosts.  Nothing was changed.` */
export function planSummaryLine(view: JobView): string {
  const hosts = Object.values(view.hosts);
  const states = hosts.flatMap(({ ret }) => (ret === undefined ? [] : (readStateReturns(ret)?.states ?? [])));
  const known = states.filter(({ result, changed }) => result === null && changed).length;
  const unknown = states.filter(({ result, changed }) => result === null && !changed).length;
  const unseen = unknown === 0 ? '' : `, ${unknown} with unknown effect`;
  return `Plan: ${known} to change${unseen} on ${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}.  Nothing was changed.`;
}

function stateLines(line: StateLine, style: Style, detail: StateDetail): string[] {
  const [sign, paint] = signOf(line, style);
  const subject = line.name === line.id ? line.name : `${line.name} (${line.id})`;
  const would = line.result !== null ? '' : line.changed ? '  would change' : '  effect unknown';
  const took = detail === 'full' && line.durationMs !== undefined ? `  ${formatDuration(line.durationMs)}` : '';
  const title = `${sign} ${line.fun} ${sanitize(subject)}${would}${line.sls === '' ? '' : `   ${line.sls}`}${took}`;
  const comment = line.result === false || detail === 'full' || (line.result === null && !line.changed);
  return [
    paint(title),
    ...(comment ? textLines(line.comment) : []),
    ...(line.changed ? changeLines(line.changes, style) : []),
  ];
}

function signOf(line: StateLine, style: Style): readonly [string, (text: string) => string] {
  if (line.result === false) return ['✗', style.red];
  if (line.result === null) return line.changed ? ['~', style.yellow] : ['?', style.yellow];
  return line.changed ? ['~', style.cyan] : ['✓', style.green];
}

/** A diff as a diff, old and new values in one line, anything else as a value. */
function changeLines(changes: JsonValue, style: Style): string[] {
  const map = decodeValue(changes);
  if (!(map instanceof PyMap)) return indent(formatValue(changes));
  const object = changes as Record<string, JsonValue>;
  return Object.entries(object).flatMap(([name, change]) => {
    if (name === 'diff' && typeof change === 'string') return diffLines(change, style);
    const pair = oldAndNew(change);
    if (pair !== undefined) return [`    ${sanitize(name)}: ${formatInline(pair.old)} -> ${formatInline(pair.new)}`];
    const lines = formatValue(change);
    return lines.length === 1
      ? [`    ${sanitize(name)}: ${lines[0]}`]
      : [`    ${sanitize(name)}:`, ...indent(indent(lines, 2))];
  });
}

function oldAndNew(change: JsonValue): { readonly old: JsonValue; readonly new: JsonValue } | undefined {
  if (change === null || typeof change !== 'object' || Array.isArray(change)) return undefined;
  const { old, new: now, ...rest } = change as Record<string, JsonValue>;
  return old === undefined || now === undefined || Object.keys(rest).length > 0 ? undefined : { old, new: now };
}

function diffLines(diff: string, style: Style): string[] {
  return sanitize(diff)
    .trimEnd()
    .split('\n')
    .map((line) => {
      if (line.startsWith('+')) return `    ${style.green(line)}`;
      if (line.startsWith('-')) return `    ${style.red(line)}`;
      return `    ${line.startsWith('@@') ? style.dim(line) : line}`;
    });
}

function textLines(text: string): string[] {
  return text.trim() === '' ? [] : indent(sanitize(text).trimEnd().split('\n'));
}

function indent(lines: readonly string[], by = 4): string[] {
  return lines.map((line) => ' '.repeat(by) + line);
}

import type { JsonValue } from '@edge-run/shared/kernel';
import type { StateCause, StateVerb } from '@edge-run/shared/protocol/plain';
import { decodeValue, PyMap } from '@edge-run/shared/values';
import {
  type JobView,
  kindOf,
  readStateReturns,
  type StateKind,
  type StateLine,
  type StatesView,
} from '@edge-run/shared/view';
import { countOf } from './errors.ts';
import { padTo, type Style, sanitize, visibleWidth } from './style.ts';
import { formatDuration } from './times.ts';
import { formatInline, formatValue } from './values.ts';

/**
 * How much of a state run is shown: failures and counts; changes as well; what guards keep from running as well; or
 * everything.
 */
export type StateDetail = 'summary' | 'changes' | 'plan' | 'full';

/** Places stand in a column, but not beyond this one. */
const PLACE_COLUMN_AT_MOST = 72;
const SEALED = '[secret]';

/** The states of one host (or of hosts that fared alike): changes first, failures last, then the counts. */
export function renderStates(view: StatesView, style: Style, detail: StateDetail): readonly string[] {
  const failed = view.states.filter((line) => line.result === false);
  const others = view.states.filter((line) => line.result !== false && isShown(line, detail));
  const titled = [...others, ...failed].map((line) => ({ line, title: titleOf(line, detail) }));
  const widths = titled.map(({ title }) => visibleWidth(title)).filter((width) => width <= PLACE_COLUMN_AT_MOST);
  const width = widths.reduce((widest, one) => Math.max(widest, one), 0);
  return [
    ...titled.flatMap(({ line, title }) => [
      titleLine(line, padTo(title, width), style, detail),
      ...detailLines(line, style, detail),
    ]),
    countLine(view, style),
  ];
}

function isShown({ changed, result, notes }: StateLine, detail: StateDetail): boolean {
  if (detail === 'summary') return false;
  if (detail === 'full' || changed || result === null || notes.depends !== undefined) return true;
  return detail === 'plan' && notes.isSkipped === true;
}

const DONE: readonly (readonly [StateKind, string])[] = [
  ['add', 'added'],
  ['change', 'changed'],
  ['remove', 'removed'],
];
const TO_DO: readonly (readonly [StateKind, string])[] = [
  ['add', 'to add'],
  ['change', 'to change'],
  ['remove', 'to remove'],
  ['unknown', 'unknown'],
];

/** `12 states: 1 added, 1 changed, 9 unchanged, 1 failed`; of a plan `1 to add`. */
function countLine({ states, total, failed }: StatesView, style: Style): string {
  const count = (planned: boolean, kind: StateKind): number =>
    states.filter((line) => isPlanned(line) === planned && kindOf(line) === kind).length;
  const text = `${countOf(total, 'state')}: ${listCounts([
    ...DONE.map(([kind, word]) => [count(false, kind), word] as const),
    ...TO_DO.map(([kind, word]) => [count(true, kind), word] as const),
    [count(false, 'unchanged'), 'unchanged'],
    [failed, 'failed'],
  ])}`;
  return failed > 0 ? style.red(text) : text;
}

/** `Plan: 3 to add, 2 to change, 1 unknown on 3 hosts.  Nothing was changed.` */
export function planSummaryLine(view: JobView): string {
  const hosts = Object.values(view.hosts);
  const plans = hosts.flatMap(({ ret }) => (ret === undefined ? [] : (readStateReturns(ret) ?? [])));
  const states = plans.flatMap((plan) => plan.states);
  const planned = states.filter(isPlanned);
  const counts = listCounts([
    ...TO_DO.map(([kind, word]) => [planned.filter((line) => kindOf(line) === kind).length, word] as const),
    [states.filter(({ result }) => result === false).length, 'would fail'],
  ]);
  const unplanned = hosts.length - plans.length;
  if (plans.length === 0)
    return `Plan: none, ${countOf(unplanned, 'host')} could not be planned.  Nothing was changed.`;
  const without = unplanned === 0 ? '' : `, ${countOf(unplanned, 'host')} without a plan`;
  return `Plan: ${counts || 'nothing to change'} on ${countOf(plans.length, 'host')}${without}.  Nothing was changed.`;
}

function isPlanned({ result, notes }: StateLine): boolean {
  return result === null || notes.depends !== undefined;
}

function listCounts(counts: readonly (readonly [count: number, word: string])[]): string {
  return counts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}

function titleOf(line: StateLine, detail: StateDetail): string {
  const subject = line.name === line.id ? line.name : `${line.name} (${line.id})`;
  const words = wordsOf(line, detail);
  return `${line.fun} ${sanitize(oneLine(subject))}${words === '' ? '' : `  ${words}`}`;
}

function titleLine(line: StateLine, title: string, style: Style, detail: StateDetail): string {
  const [sign, paint] = signOf(line, style);
  const took = detail === 'full' && line.durationMs !== undefined ? `  ${formatDuration(line.durationMs)}` : '';
  const place = line.notes.place ?? line.sls;
  return paint(`${sign} ${title}${place === '' ? '' : `   ${sanitize(place)}`}${took}`.trimEnd());
}

const WOULD: Readonly<Record<StateVerb, string>> = {
  add: 'would be added',
  change: 'would change',
  remove: 'would be removed',
  start: 'would start',
  stop: 'would stop',
  restart: 'would restart',
  reload: 'would reload',
  run: 'would run',
  send: 'would send',
  ask: 'would ask',
};
const DID: Readonly<Record<StateVerb, string>> = {
  add: 'added',
  change: 'changed',
  remove: 'removed',
  start: 'started',
  stop: 'stopped',
  restart: 'restarted',
  reload: 'reloaded',
  run: 'ran',
  send: 'sent',
  ask: 'asked',
};

/** What happened or would, why, and what is not known; empty for a state that is as it should be. */
function wordsOf(line: StateLine, detail: StateDetail): string {
  const { result, changed, notes } = line;
  const { verb = 'change', because, depends, guards = [] } = notes;
  if (result === false) return detail === 'plan' ? 'would fail' : '';
  if (notes.isSkipped === true) return `skipped: ${sanitize(guards.join(', '))}`;
  if (depends !== undefined)
    return `may act: depends on ${listCauses(depends)}, whose ${depends.length === 1 ? 'effect is' : 'effects are'} unknown`;
  if (result === true) return changed ? `${DID[verb]}${reason(because, 'changed')}${secretWords(line)}` : '';
  if (because !== undefined) return `${WOULD[verb]}${reason(because, because.length === 1 ? 'changes' : 'change')}`;
  if (verb === 'ask' || kindOf(line) !== 'unknown') return `${WOULD[verb]}${secretWords(line)}`;
  if (verb !== 'run') return 'effect unknown';
  return guards.length > 0
    ? `would run, effect unknown: ${sanitize(guards.join(', '))}`
    : `effect unknown: ${line.fun} cannot plan; add \`creates:\`, \`unless:\` or \`onlyif:\``;
}

/** ` because file: nginx.conf changes (watch)`. */
function reason(because: readonly StateCause[] | undefined, does: string): string {
  if (because === undefined) return '';
  const kinds = [...new Set(because.map(({ requisite }) => requisite))].join(', ');
  const names = because.map(({ state, id }) => sanitize(`${state}: ${id}`)).join(', ');
  return ` because ${names} ${does} (${kinds})`;
}

function listCauses(causes: readonly StateCause[]): string {
  return causes.map(({ requisite, state, id }) => sanitize(`${state}: ${id} (${requisite})`)).join(', ');
}

function secretWords({ changes }: StateLine): string {
  return hasSecret(changes) ? '  (secret changed, not shown)' : '';
}

function hasSecret(changes: JsonValue): boolean {
  return changes !== null && typeof changes === 'object' && Object.values(changes).some((value) => value === SEALED);
}

function signOf(line: StateLine, style: Style): readonly [string, (text: string) => string] {
  const { result, notes, changed } = line;
  if (result === false) return ['✗', style.red];
  if (result === null && notes.because !== undefined) return ['!', style.yellow];
  switch (kindOf(line)) {
    case 'add':
      return ['+', style.green];
    case 'remove':
      return ['-', style.red];
    case 'unknown':
      return ['?', style.yellow];
    case 'change':
      return ['~', result === null ? style.yellow : style.cyan];
    default:
      if (notes.depends !== undefined) return ['?', style.yellow];
      return notes.isSkipped === true && !changed ? ['·', style.dim] : ['✓', style.green];
  }
}

function detailLines(line: StateLine, style: Style, detail: StateDetail): readonly string[] {
  const { result, changed, comment, notes } = line;
  const isExplained = notes.verb === 'run' || notes.because !== undefined;
  const isUnexplained = result === null && !changed && !isExplained;
  return [
    ...(result === false || detail === 'full' || isUnexplained ? textLines(comment) : []),
    ...(changed && !(isAnnounced(line) && detail !== 'full') ? changeLines(line.changes, style) : []),
  ];
}

/** Words say it all: what Salt shows as changes repeats the name, or says nothing before it has run. */
function isAnnounced({ result, notes: { verb } }: StateLine): boolean {
  if (verb === 'run') return result === null;
  return verb === 'start' || verb === 'stop' || verb === 'restart' || verb === 'reload';
}

/** A diff as a diff, old and new values in one line, anything else as a value. */
function changeLines(changes: JsonValue, style: Style): string[] {
  const map = decodeValue(changes);
  if (!(map instanceof PyMap)) return indent(formatValue(changes));
  const object = changes as Record<string, JsonValue>;
  return Object.entries(object).flatMap(([name, change]) => {
    if (change === SEALED) return [];
    if (name === 'diff' && typeof change === 'string') return diffLines(change, style);
    const pair = oldAndNew(change);
    if (pair !== undefined) return [`    ${sanitize(name)}: ${valueOrNone(pair.old)} -> ${valueOrNone(pair.new)}`];
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

/** Salt says with an empty text that there was, or will be, none. */
function valueOrNone(value: JsonValue): string {
  return value === '' ? '(none)' : formatInline(value);
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

/** The first line, with a sign that there are more. */
function oneLine(text: string): string {
  const [first = '', ...more] = text.trim().split('\n');
  return more.length === 0 ? first : `${first} …`;
}

function indent(lines: readonly string[], by = 4): string[] {
  return lines.map((line) => ' '.repeat(by) + line);
}

import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import type { PlannedCall } from '@edge-run/shared/protocol';
import {
  compressHosts,
  type OrchPlan,
  type PlannedStates,
  type PlannedStep,
  type PlanVerdict,
} from '@edge-run/shared/view';
import { countOf } from './errors.ts';
import { renderStates } from './highstate.ts';
import { type Style, sanitize } from './style.ts';
import { formatDuration } from './times.ts';
import { formatInline, formatValue, plainJson } from './values.ts';

/** A lock a run would take, and who has it now. */
export interface LockNow {
  readonly lock: string;
  /** The run that holds it; absent where it is free. */
  readonly run?: string;
  readonly name?: string;
  readonly by?: string;
  /** How many runs wait for it. */
  readonly waiting: number;
}

const WORD_AT_MOST = 100;

interface Options {
  readonly style: Style;
  /** Also the states that stay as they are kept by guards, and full comments. */
  readonly verbose: boolean;
}

/** A plan for people: what would be waited for, each step with its calls and changes in order, and the numbers. */
export function renderOrchPlan(plan: OrchPlan, locks: readonly LockNow[], options: Options): string {
  const { style } = options;
  const lines = [
    style.bold(titleOf(plan)),
    ...locks.map((lock) => `lock       ${sanitize(lockText(lock))}`),
    ...approvalLines(plan),
    '',
    ...renderingLines(plan, style),
    ...plan.steps.flatMap((step) => stepLines(step, options)),
    '',
    summaryOf(plan),
  ];
  return lines.map((line) => `${line}\n`.replace(/ +\n$/, '\n')).join('');
}

/** The same for programs. */
export function orchPlanJson(plan: OrchPlan, locks: readonly LockNow[]): JsonObject {
  return { ...planJson(plan), locks: locks as unknown as JsonValue };
}

function planJson(plan: OrchPlan): JsonObject {
  const { steps, inputs, rendering, ...rest } = plan;
  const given = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, plainJson(value)]));
  return {
    ...(rest as unknown as JsonObject),
    inputs: given,
    rendering: rendering.map(callJson),
    steps: steps.map(stepJson),
  };
}

function callJson({ args, kwargs, ...call }: Pick<PlannedCall, 'args' | 'kwargs'>): JsonObject {
  return {
    ...(call as unknown as JsonObject),
    args: args.map((arg) => plainJson(arg as JsonValue)),
    kwargs: Object.fromEntries(Object.entries(kwargs).map(([name, value]) => [name, plainJson(value as JsonValue)])),
  };
}

function stepJson({ nested, changes, calls, states, ...step }: PlannedStep): JsonObject {
  return {
    ...(step as unknown as JsonObject),
    calls: calls.map(callJson),
    changes: plainJson(changes),
    states: states.map(({ hosts, states: lines, total }) => ({
      ...{ hosts: [...hosts], total },
      states: lines.map((line) => ({ ...(line as unknown as JsonObject), changes: plainJson(line.changes) })),
    })),
    nested: nested.map(planJson),
  };
}

function titleOf({ name, inputs, digest }: OrchPlan): string {
  const given = Object.entries(inputs).flatMap(([key, value]) =>
    key === 'test' || key === 'saltenv' ? [] : [`${key}=${formatInline(value)}`],
  );
  return sanitize(['plan of', name, ...given, ` ${digest.slice(0, 'sha256:'.length + 8)}…`].join(' '));
}

function lockText({ lock, run, name, by, waiting }: LockNow): string {
  const queue = waiting === 0 ? '' : `, ${countOf(waiting, 'run')} waiting`;
  return run === undefined ? `${lock}  free${queue}` : `${lock}  held by ${run} (${name}, ${by})${queue}`;
}

function approvalLines({ options }: OrchPlan): readonly string[] {
  const asked = options?.approvals;
  if (asked === undefined) return [];
  const self = asked.self ? '' : ', not by who starts the run';
  return [`approval   ${asked.count} needed within ${formatDuration(asked.expiresMs)}${self}`];
}

const SIGNS: Readonly<Record<PlanVerdict, string>> = {
  nothing: '·',
  changes: '~',
  unknown: '?',
  fails: '✗',
  skipped: '–',
};

/** What rendering calls, before any step: it was called for the plan too. */
function renderingLines({ rendering }: OrchPlan, style: Style): readonly string[] {
  if (rendering.length === 0) return [];
  const lines = rendering.map(({ effect, place, by, why, ...call }) => {
    const where = place === undefined ? (by === 'pillar' ? '   in the pillar' : '') : `   ${place.file}:${place.line}`;
    const [text = ''] = callLines(call);
    const line = `    ${SIGNS[effect]} ${text}${where}${why === undefined ? '' : `   effect unknown: ${why}`}`;
    return paintOf(effect, style)(sanitize(line));
  });
  return [style.dim('while rendering'), ...lines];
}

function stepLines(step: PlannedStep, options: Options): readonly string[] {
  const { style } = options;
  const place = step.place === undefined ? '' : `   ${step.place.file}:${step.place.line}`;
  const title = `${SIGNS[step.verdict]} ${step.id}  ${step.kind}${wordsOf(step)}${place}`;
  const body = [
    ...step.calls.flatMap((call) => callLines(call)),
    ...whenLines(step),
    ...(step.verdict === 'fails'
      ? step.comment
          .trimEnd()
          .split('\n')
          .map((line) => `would fail: ${line}`)
      : []),
    ...(step.verdict === 'unknown' && step.why !== undefined
      ? [`effect unknown: ${step.why}${step.help === undefined ? '' : `; ${step.help}`}`]
      : []),
    ...(step.waitsFor === undefined
      ? []
      : [`would wait ${step.waitsFor.startsWith('until ') ? '' : 'for '}${step.waitsFor}`]),
    ...(step.brings.length === 0 ? [] : [`would come up: ${compressHosts(step.brings).join(', ')}`]),
    ...changeLines(step),
    ...Object.entries(step.problems).map(([host, why]) => `${host}: ${why}`),
  ].flatMap((text) => text.split('\n').map((line) => `    ${sanitize(line)}`));
  return [
    paintOf(step.verdict, style)(sanitize(title)),
    ...body,
    ...step.states.flatMap((group) => statesLines(group, options)),
    ...step.nested.flatMap((plan) => [
      `    ${style.bold(titleOf(plan))}`,
      ...[...renderingLines(plan, style), ...plan.steps.flatMap((inner) => stepLines(inner, options))].map(
        (line) => `    ${line}`,
      ),
    ]),
  ];
}

function wordsOf({ verdict, waitsFor, kind, calls }: PlannedStep): string {
  if (verdict === 'skipped') return '  would not run';
  if (verdict !== 'nothing') return '';
  if (waitsFor !== undefined) return '  would wait, changes nothing';
  const isLook = /^http\./.test(kind) || (kind === 'salt.function' && calls.length > 0);
  return isLook ? '  would run, changes nothing' : '  nothing to change';
}

/** `state.sls postgresql on prod-db[1-2] (pillarenv=prod)`, and its batches in order. */
function callLines({ to, fun, args, kwargs, target, hosts, coming = [], batches = [], budget }: PlannedCall): string[] {
  const given = [
    ...args.map((arg) => formatInline(arg as JsonValue)),
    ...Object.entries(kwargs).map(([name, value]) => `${name}=${formatInline(value as JsonValue)}`),
  ].map((word) => shortened(word.replaceAll('\n', ' ').trim()));
  const here = hosts === undefined ? [] : compressHosts(hosts);
  const names = [...here, ...(coming.length === 0 ? [] : [`${compressHosts(coming).join(', ')} (would come up)`])];
  const where = to === 'master' ? 'on the master' : target === undefined ? '' : `on ${whereText(target.expr, names)}`;
  const parts = [fun, ...given, where].filter((part) => part !== '');
  return [
    `${parts.join(' ')}${budget === undefined ? '' : `  (${budget})`}`,
    ...batches.map((batch, index) => `  batch ${index + 1}: ${compressHosts(batch).join(', ')}`),
  ];
}

/** All of a command is worth reading; of a mapping of hosts its beginning is. */
function shortened(word: string): string {
  return /^\w+=[[{]/.test(word) && word.length > WORD_AT_MOST ? `${word.slice(0, WORD_AT_MOST)}…` : word;
}

/** `web* = web[1-8]`; the hosts alone where they are what was written. */
function whereText(expression: string, names: readonly string[]): string {
  const isSame = names.length === 1 && names[0]!.replace(' (would come up)', '') === expression;
  return isSame ? names[0]! : [expression, ...(names.length === 0 ? [] : [names.join(', ')])].join(' = ');
}

function whenLines({ onlyIf, undo }: PlannedStep): string[] {
  const does = { onfail: 'fails', onchanges: 'changes something', prereq: 'would change something' } as const;
  return [
    ...(onlyIf === undefined ? [] : [`runs only if ${onlyIf.steps.join(' or ')} ${does[onlyIf.requisite]}`]),
    ...(undo === undefined ? [] : [undo.length === 0 ? 'undo: none, it is kept' : `undo: ${undo.join(', then ')}`]),
  ];
}

function changeLines({ verdict, changes, brings }: PlannedStep): readonly string[] {
  if (verdict !== 'changes' || brings.length > 0) return [];
  const object = changes !== null && typeof changes === 'object' && !Array.isArray(changes) ? changes : {};
  return Object.entries(object as JsonObject).flatMap(([name, change]) => {
    const pair = change as { readonly old?: JsonValue; readonly new?: JsonValue } | null | undefined;
    if (pair?.old !== undefined && pair.new !== undefined)
      return [`${name}: ${formatInline(pair.old)} -> ${formatInline(pair.new)}`];
    const inner = pairsOf(change);
    if (inner !== undefined) return inner.map((line) => `${name}: ${line}`);
    const lines = formatValue(change ?? null);
    return lines.length === 1 ? [`${name}: ${lines[0]}`] : [`${name}:`, ...lines.map((line) => `  ${line}`)];
  });
}

/** `program shop: RUNNING -> STOPPED` for each entry, where all of them are such. */
function pairsOf(change: JsonValue | undefined): readonly string[] | undefined {
  if (change === null || typeof change !== 'object' || Array.isArray(change)) return undefined;
  const entries = Object.entries(change as JsonObject) as (readonly [
    string,
    { old?: JsonValue; new?: JsonValue } | null,
  ])[];
  const isPair = ([, pair]: (typeof entries)[number]): boolean => pair?.old !== undefined && pair.new !== undefined;
  if (entries.length === 0 || !entries.every(isPair)) return undefined;
  return entries.map(([name, pair]) => `${name}: ${formatInline(pair!.old!)} -> ${formatInline(pair!.new!)}`);
}

function statesLines({ hosts, label, states, total }: PlannedStates, { style, verbose }: Options): readonly string[] {
  const shown = states.filter(({ notes }) => verbose || notes.isSkipped !== true);
  if (shown.length === 0) return [`    ${label}   ${countOf(total, 'state')}, nothing to change`];
  const alike = hosts.length > 1 ? `   (${hosts.length} hosts, same plan)` : '';
  const view = { states: shown, total, changed: 0, unchanged: 0, wouldChange: 0, failed: 0 };
  // The last line counts, which the plan does as a whole.
  const lines = renderStates(view, style, verbose ? 'full' : 'plan').slice(0, -1);
  return [`    ${label}${alike}`, ...lines.map((line) => `      ${line}`)];
}

/** `Plan: 14 steps change something, 2 unknown …  Nothing was changed.` */
function summaryOf({ counts, error }: OrchPlan): string {
  const { steps, states, calls, hosts, coming } = counts;
  const listed = (pairs: readonly (readonly [number, string])[]): string =>
    pairs.flatMap(([count, word]) => (count > 0 ? [`${count} ${word}`] : [])).join(', ');
  const inSteps = listed([
    [steps.changes, 'would change something'],
    [steps.unknown, 'unknown'],
    [steps.nothing, 'change nothing'],
    [steps.skipped, 'would not run'],
    [steps.fails, 'would fail'],
  ]);
  const inStates = listed([
    [states.add, 'to add'],
    [states.change, 'to change'],
    [states.remove, 'to remove'],
    [states.unknown, 'unknown'],
    [states.failed, 'would fail'],
  ]);
  const total = Object.values(steps).reduce((sum, count) => sum + count, 0);
  const up = coming === 0 ? '' : `, ${countOf(coming, 'host')} would come up`;
  return [
    `Plan: ${countOf(total, 'step')}: ${inSteps || 'none'}.`,
    ...(inStates === '' ? [] : [`States: ${inStates}.`]),
    `${countOf(calls, 'call')} on ${countOf(hosts, 'host')}${up}.`,
    ...(error === undefined ? [] : [sanitize(error)]),
    ' Nothing was changed.',
  ].join(' ');
}

function paintOf(verdict: PlanVerdict, style: Style): (text: string) => string {
  switch (verdict) {
    case 'changes':
    case 'unknown':
      return style.yellow;
    case 'fails':
      return style.red;
    case 'nothing':
    case 'skipped':
      return style.dim;
  }
}

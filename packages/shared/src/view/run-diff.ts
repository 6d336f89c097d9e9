import type { JsonValue } from '../kernel/index.ts';
import { canonicalJson } from './answer-groups.ts';
import { elapsedMs } from './run-summary.ts';
import type { RunView, StepView } from './run-view.ts';

/** One thing that is not the same in two runs; undefined where only the other run has it. */
export interface Difference {
  readonly what: string;
  readonly a?: JsonValue | undefined;
  readonly b?: JsonValue | undefined;
}

/** A step that is not the same in two runs. */
export interface StepDifference {
  readonly id: string;
  readonly differences: readonly Difference[];
}

/** What differs between two runs, part by part; a part without differences is empty. */
export interface RunDiff {
  /** Name, asker, options, outcome and exit code of the runs themselves. */
  readonly run: readonly Difference[];
  readonly inputs: readonly Difference[];
  /** What the plans were made of. */
  readonly sources: readonly Difference[];
  /** Steps only one of them has, and steps that are written otherwise. */
  readonly plan: readonly StepDifference[];
  /** Steps, and their hosts, that ended otherwise. */
  readonly outcomes: readonly StepDifference[];
  /** How long the runs and the steps took that both have done, in milliseconds; the whole runs first. */
  readonly durations: readonly { readonly id: string; readonly aMs: number; readonly bMs: number }[];
}

/** Key of a step → digest of its arguments. */
export type StepDigests = Readonly<Record<string, string>>;

/** One side of a comparison. */
export interface ComparedRun {
  readonly view: RunView;
  /** Where they are known, a step with other arguments is told from one with the same. */
  readonly digests?: StepDigests;
}

/** Compares two runs: what they were asked and made of, their steps, how these ended and how long they took. */
export function diffRuns(a: ComparedRun, b: ComparedRun): RunDiff {
  const pairs = pairSteps(a.view.steps, b.view.steps);
  return {
    run: differences({
      name: [a.view.name, b.view.name],
      by: [a.view.by, b.view.by],
      outcome: [a.view.status, b.view.status],
      exitCode: [a.view.exitCode, b.view.exitCode],
      options: [a.view.options as JsonValue | undefined, b.view.options as JsonValue | undefined],
    }),
    inputs: keyed(a.view.inputs, b.view.inputs),
    sources: keyed(a.view.sources ?? {}, b.view.sources ?? {}),
    plan: stepDifferences(pairs, (one, other) => planDifferences(one, other, a.digests, b.digests)),
    outcomes: stepDifferences(pairs, outcomeDifferences),
    durations: [...wholeDuration(a.view, b.view), ...pairs.flatMap(([one, other]) => stepDuration(one, other))],
  };
}

/** True when two runs did the same with the same end, however long they took. */
export function isSameRun({ run, inputs, sources, plan, outcomes }: RunDiff): boolean {
  return [run, inputs, sources, plan, outcomes].every((part) => part.length === 0);
}

type Pair = readonly [StepView | undefined, StepView | undefined];

/** A step belongs to the one with its key, or else to one of its id and kind; the order is that of the first run. */
function pairSteps(a: readonly StepView[], b: readonly StepView[]): readonly Pair[] {
  const byKey = new Map(b.map((step) => [step.key, step]));
  const inBoth = new Set(a.filter(({ key }) => byKey.has(key)).map(({ key }) => key));
  const free = new Map(b.filter(({ key }) => !inBoth.has(key)).map((step) => [`${step.kind}\0${step.id}`, step]));
  const taken = new Set<string>();
  const pairs = a.map((step): Pair => {
    const other = byKey.get(step.key) ?? free.get(`${step.kind}\0${step.id}`);
    if (other === undefined || taken.has(other.key)) return [step, undefined];
    taken.add(other.key);
    return [step, other];
  });
  return [...pairs, ...b.filter(({ key }) => !taken.has(key)).map((step): Pair => [undefined, step])];
}

function stepDifferences(
  pairs: readonly Pair[],
  compare: (a: StepView | undefined, b: StepView | undefined) => readonly Difference[],
): readonly StepDifference[] {
  return pairs.flatMap(([a, b]) => {
    const found = compare(a, b);
    return found.length === 0 ? [] : [{ id: (a ?? b)!.id, differences: found }];
  });
}

function planDifferences(
  a: StepView | undefined,
  b: StepView | undefined,
  aDigests: StepDigests = {},
  bDigests: StepDigests = {},
): readonly Difference[] {
  if (a === undefined || b === undefined) return differences({ step: [a?.kind, b?.kind] });
  const known = a.key in aDigests && b.key in bDigests;
  return differences({
    name: [a.name, b.name],
    kind: [a.kind, b.kind],
    target: [a.target, b.target],
    place: [placeOf(a), placeOf(b)],
    ...(known ? { arguments: [aDigests[a.key], bDigests[b.key]] } : {}),
  });
}

function outcomeDifferences(a: StepView | undefined, b: StepView | undefined): readonly Difference[] {
  if (a === undefined || b === undefined) return [];
  const hosts = [...new Set([...Object.keys(a.hosts), ...Object.keys(b.hosts)])];
  return [
    ...differences({ outcome: [a.status, b.status] }),
    ...differences(Object.fromEntries(hosts.map((id) => [id, [a.hosts[id]?.outcome, b.hosts[id]?.outcome]]))),
  ];
}

function wholeDuration(a: RunView, b: RunView): RunDiff['durations'] {
  if (a.endedAt === undefined || b.endedAt === undefined) return [];
  return [{ id: 'run', aMs: elapsedMs(a, a.endedAt) ?? 0, bMs: elapsedMs(b, b.endedAt) ?? 0 }];
}

function stepDuration(a: StepView | undefined, b: StepView | undefined): RunDiff['durations'] {
  if (a?.durationMs === undefined || b?.durationMs === undefined) return [];
  return [{ id: a.id, aMs: a.durationMs, bMs: b.durationMs }];
}

function placeOf({ place }: StepView): string | undefined {
  return place === undefined ? undefined : `${place.file}:${place.line}`;
}

function keyed(a: Readonly<Record<string, JsonValue>>, b: Readonly<Record<string, JsonValue>>): readonly Difference[] {
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return differences(Object.fromEntries(keys.map((key) => [key, [a[key], b[key]]])));
}

function differences(
  sides: Readonly<Record<string, readonly [a: JsonValue | undefined, b: JsonValue | undefined]>>,
): readonly Difference[] {
  return Object.entries(sides)
    .filter(([, [a, b]]) => canonicalJson(a) !== canonicalJson(b))
    .map(([what, [a, b]]) => ({ what, a, b }));
}

import type { JsonValue } from '../kernel/index.ts';
import type {
  ForeseenStep,
  PlanEffect,
  PlannedCall,
  RenderingCall,
  RunJournalEvent,
  RunOptions,
  StepReturn,
  StepSummary,
} from '../protocol/index.ts';
import { groupByAnswer } from './answer-groups.ts';
import { kindOf, readStateReturns, type StateKind, type StateLine, type StatesView } from './state-returns.ts';

/** A plan of an orchestration: what a run of it would do, found without doing it. Plain data. */
export interface OrchPlan {
  /** The run that looked. */
  readonly run: string;
  readonly name: string;
  readonly by: string;
  readonly inputs: Readonly<Record<string, JsonValue>>;
  /** Of what would be run; approvals of a run are bound to the same. */
  readonly digest: string;
  /** Digests of the files and the pillar it was made of. */
  readonly sources: Readonly<Record<string, string>>;
  readonly options: RunOptions | undefined;
  /** What its templates called to render it, in order: for the plan, and again for a run. */
  readonly rendering: readonly RenderingCall[];
  /** In order of the run. */
  readonly steps: readonly PlannedStep[];
  readonly counts: PlanCounts;
  /** Why it could not be made to its end. */
  readonly error: string | undefined;
}

/** What would become of a step: its effect; or it would fail, or not be run at all. */
export type PlanVerdict = PlanEffect | 'fails' | 'skipped';

/** A step of a plan. */
export interface PlannedStep {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly sls: string;
  readonly place?: { readonly file: string; readonly line: number };
  readonly verdict: PlanVerdict;
  readonly comment: string;
  readonly why?: string;
  readonly help?: string;
  readonly waitsFor?: string;
  readonly onlyIf?: NonNullable<StepSummary['onlyIf']>;
  readonly undo?: readonly string[];
  readonly calls: readonly PlannedCall[];
  /** What would change where the step itself says it, encoded. */
  readonly changes: JsonValue;
  /** States of hosts that would not stay as they are, for hosts alike. */
  readonly states: readonly PlannedStates[];
  /** Host → why it could not look. */
  readonly problems: Readonly<Record<string, string>>;
  readonly facts: Readonly<Record<string, string>>;
  /** Hosts it would bring up. */
  readonly brings: readonly string[];
  /** Plans of the orchestrations it would run. */
  readonly nested: readonly OrchPlan[];
}

/** What states would do on hosts that answered alike. */
export interface PlannedStates {
  readonly hosts: readonly string[];
  readonly label: string;
  /** Only what would change, act or fail; the counts are of all. */
  readonly states: readonly StateLine[];
  readonly total: number;
}

/** What a plan amounts to, nested ones included. */
export interface PlanCounts {
  readonly steps: Readonly<Record<PlanVerdict, number>>;
  /** States over all hosts, by what would become of them. */
  readonly states: Readonly<Record<'add' | 'change' | 'remove' | 'unknown' | 'failed', number>>;
  readonly calls: number;
  readonly hosts: number;
  /** Hosts that are not there yet. */
  readonly coming: number;
}

const NO_STEPS: PlanCounts['steps'] = { nothing: 0, changes: 0, unknown: 0, fails: 0, skipped: 0 };
const NO_STATES: PlanCounts['states'] = { add: 0, change: 0, remove: 0, unknown: 0, failed: 0 };

/** Reads a plan from the journal of the run that looked; `nested` answers those of the runs it started. */
export function orchPlanOf(
  events: readonly RunJournalEvent[],
  nested: ReadonlyMap<string, readonly RunJournalEvent[]>,
): OrchPlan | undefined {
  const [planned] = events;
  if (planned?.type !== 'run-planned') return undefined;
  const ends = new Map<string, EndedStep>();
  for (const event of events) if (event.type === 'step-ended' && event.mode !== 'foresee') ends.set(event.step, event);
  const looked = orderedSteps(planned.steps, ends).map((summary) =>
    plannedStep(summary, ends.get(summary.key), nested),
  );
  const steps = looked.map((step) => withDoubt(step, looked));
  const ended = events.find(({ type }) => type === 'run-ended') as Extract<RunJournalEvent, { type: 'run-ended' }>;
  const { run, name, by, inputs, digest = '', sources = {}, options, rendering = [] } = planned;
  return {
    ...{ run, name, by, inputs: inputs as Record<string, JsonValue>, digest, sources, options, rendering, steps },
    counts: countPlan(steps),
    error: ended?.error?.message,
  };
}

/** True where a run would change something, as far as that is known, or may. */
export function hasPlannedChanges({ counts }: OrchPlan): boolean {
  return counts.steps.changes > 0 || counts.steps.unknown > 0;
}

/** How many calls that rendering makes have effects nobody can know, nested plans included. */
export function unknownCallsOf({ rendering, steps }: OrchPlan): number {
  const plans = [{ rendering }, ...allSteps(steps).flatMap((step) => step.nested)];
  return plans.flatMap((plan) => plan.rendering).filter(({ effect }) => effect === 'unknown').length;
}

type EndedStep = Extract<RunJournalEvent, { type: 'step-ended' }>;

/** As they were looked at; steps that were not reached come last. */
function orderedSteps(steps: readonly StepSummary[], ends: ReadonlyMap<string, EndedStep>): readonly StepSummary[] {
  const place = new Map([...ends.keys()].map((key, index) => [key, index]));
  const last = ends.size;
  return [...steps].sort((a, b) => (place.get(a.key) ?? last) - (place.get(b.key) ?? last));
}

function plannedStep(
  { key, id, name, kind, sls, place, onlyIf, undo }: StepSummary,
  ended: EndedStep | undefined,
  nested: ReadonlyMap<string, readonly RunJournalEvent[]>,
): PlannedStep {
  const answer: StepReturn = ended?.answer ?? { result: false, changes: {}, comment: 'was not looked at' };
  const foreseen: Partial<ForeseenStep> = answer.foreseen ?? {};
  const { why, help, waitsFor, calls = [], facts = {}, brings = {}, runs = [] } = foreseen;
  const hosts = statesOf(answer);
  return {
    ...{ key, id, name, kind, sls, calls, facts, verdict: verdictOf(answer, ended?.outcome) },
    ...(place === undefined ? {} : { place }),
    comment: answer.comment,
    ...(why === undefined ? {} : { why }),
    ...(help === undefined ? {} : { help }),
    ...(waitsFor === undefined ? {} : { waitsFor }),
    ...(onlyIf === undefined ? {} : { onlyIf }),
    ...(undo === undefined ? {} : { undo }),
    changes: hosts.length > 0 ? {} : answer.changes,
    states: groupByAnswer(hosts.map(([host, view]) => [host, quietly(view)] as const)).map(
      ({ ids, label, answer }) => ({
        ...{ hosts: ids, label, states: answer.states, total: answer.total },
      }),
    ),
    problems: problemsOf(answer),
    brings: Object.keys(brings),
    nested: runs.flatMap((run) => orchPlanOf(nested.get(run) ?? [], nested) ?? []),
  };
}

/** A step that waits for changes of one whose effect is unknown may run after all. */
function withDoubt(step: PlannedStep, steps: readonly PlannedStep[]): PlannedStep {
  const { verdict, onlyIf } = step;
  if (verdict !== 'skipped' || onlyIf === undefined || onlyIf.requisite === 'onfail') return step;
  const unknown = steps.filter(({ id, verdict: of }) => of === 'unknown' && onlyIf.steps.includes(id));
  if (unknown.length === 0) return step;
  return {
    ...step,
    verdict: 'unknown',
    why: `it runs if ${unknown.map(({ id }) => id).join(' or ')} changes something`,
  };
}

function verdictOf({ result, foreseen }: StepReturn, outcome: EndedStep['outcome'] | undefined): PlanVerdict {
  if (outcome === 'skipped') return result === false ? 'fails' : 'skipped';
  if (result === false) return 'fails';
  return foreseen?.effect ?? 'nothing';
}

function statesOf({ hosts = {} }: StepReturn): readonly (readonly [host: string, view: StatesView])[] {
  return Object.entries(hosts).flatMap(([host, { ret }]) => {
    const view = ret === undefined ? undefined : readStateReturns(ret);
    return view === undefined ? [] : [[host, view] as const];
  });
}

/** What is worth showing of a host's states; times differ everywhere. */
function quietly({ states, total }: StatesView): { readonly states: readonly StateLine[]; readonly total: number } {
  const loud = states.filter((line) => kindOf(line) !== 'unchanged' || line.notes.isSkipped === true);
  return { states: loud.map(({ durationMs: _took, ...line }) => line), total };
}

function problemsOf({ hosts = {} }: StepReturn): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(hosts).flatMap(([host, { outcome, evidence, ret }]) => {
      if (outcome === 'succeeded') return [];
      const said = Array.isArray(ret) ? ret.map(String).join('\n') : evidence;
      return ret !== undefined && readStateReturns(ret) !== undefined ? [] : [[host, said ?? outcome]];
    }),
  );
}

function countPlan(steps: readonly PlannedStep[]): PlanCounts {
  const found = allSteps(steps);
  const counts = { steps: { ...NO_STEPS }, states: { ...NO_STATES } };
  for (const { verdict, nested, states } of found) {
    if (nested.length === 0) counts.steps[verdict] += 1;
    for (const { hosts, states: lines } of states)
      for (const line of lines) {
        const kind: StateKind = kindOf(line);
        if (kind !== 'unchanged') counts.states[kind] += hosts.length;
      }
  }
  const calls = found.flatMap((step) => step.calls);
  const coming = new Set(found.flatMap(({ brings }) => brings));
  const hosts = new Set(calls.flatMap((call) => [...(call.hosts ?? []), ...(call.coming ?? [])]));
  return { ...counts, calls: calls.length, hosts: hosts.size, coming: coming.size };
}

function allSteps(steps: readonly PlannedStep[]): readonly PlannedStep[] {
  return steps.flatMap((step) => [step, ...step.nested.flatMap((plan) => allSteps(plan.steps))]);
}

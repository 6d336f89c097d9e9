import type { RunJournalEvent, StepProgress } from '@edge-run/shared/protocol';
import { foldRun, type OrchestrationDurations, type RunView, unknownRun } from '@edge-run/shared/view';
import type { MasterClient } from '../client.ts';

/** A run with what helps to show it: the runs it has to do with, how long it takes as a rule, what needs what. */
export interface RunFamily {
  readonly view: RunView;
  /** The run that undoes its steps, and those that hold the locks it waits for. */
  readonly related: Readonly<Record<string, RunView>>;
  readonly usual?: OrchestrationDurations;
  /** Key of a step → ids of the steps that come before it. */
  readonly needs?: Readonly<Record<string, readonly string[]>>;
}

/** A run waits for a handful of others; more than that nobody reads. */
const RELATED_RUNS = 8;

/** A run of which nothing is known but its id. */
export function unknownFamily(run: string): RunFamily {
  return { view: unknownRun(run), related: {} };
}

/** The run as its journal has it now. `run` may be a prefix or `@last`. */
export async function readRunView(client: MasterClient, run: string, known?: RunView): Promise<RunView> {
  const answer = await client.ask('orch.show', { run });
  return answer.events.reduce(foldRun, known ?? unknownRun(answer.run));
}

/** The run and those it has to do with as their journals have them now, folded over what is known. */
export async function readFamily(client: MasterClient, run: string, known?: RunFamily): Promise<RunFamily> {
  const view = await readRunView(client, run, known?.view);
  const related: Record<string, RunView> = {};
  for (const id of relatedTo(view)) {
    const before = known?.related[id];
    // What is only told beside the run must not keep the run itself from being shown.
    related[id] = await readRunView(client, id, before).catch(() => before ?? unknownRun(id));
  }
  const isSame = known?.view === view && sameRuns(known.related, related);
  return isSame ? known : { ...known, view, related };
}

/** Adds what is asked for once, where the master can tell: durations of earlier runs and what needs what. */
export async function withBackground(client: MasterClient, family: RunFamily): Promise<RunFamily> {
  const { view } = family;
  if (view.endedAt !== undefined || view.name === '') return family;
  const [durations, graph] = await Promise.all([
    client.ask('orch.durations', { name: view.name }).catch(() => undefined),
    client.ask('orch.graph', { of: view.run }).catch(() => undefined),
  ]);
  const usual = durations?.orchestrations.find(({ name }) => name === view.name);
  const ids = new Map(graph?.steps.map(({ key, id }) => [key, id]));
  const needs: Record<string, string[]> = {};
  for (const { from, to } of graph?.edges ?? []) {
    needs[to] ??= [];
    const id = ids.get(from) ?? from;
    if (!needs[to].includes(id)) needs[to].push(id);
  }
  return { ...family, needs, ...(usual === undefined ? {} : { usual }) };
}

/** The family after an event of one of its runs; the same object when it says nothing new. */
export function foldFamily(family: RunFamily, event: RunJournalEvent | StepProgress): RunFamily {
  const { view, related } = family;
  if (event.run === view.run) {
    const next = foldRun(view, event);
    return next === view ? family : { ...family, view: next };
  }
  const known = related[event.run];
  if (known === undefined) return family;
  const next = foldRun(known, event);
  return next === known ? family : { ...family, related: { ...related, [event.run]: next } };
}

/** The view of the run an event belongs to. */
export function memberOf({ view, related }: RunFamily, run: string): RunView {
  return related[run] ?? view;
}

function relatedTo(view: RunView): readonly string[] {
  const holders = view.lock?.state === 'queued' ? (view.lock.holders ?? []) : [];
  return [
    ...new Set([...(view.rollback === undefined ? [] : [view.rollback.run]), ...holders.map(({ run }) => run)]),
  ].slice(0, RELATED_RUNS);
}

function sameRuns(a: RunFamily['related'], b: RunFamily['related']): boolean {
  const ids = Object.keys(b);
  return ids.length === Object.keys(a).length && ids.every((id) => a[id] === b[id]);
}

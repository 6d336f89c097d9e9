import type { JsonValue } from '../kernel/index.ts';
import { canonicalJson } from './answer-groups.ts';
import { compressHosts } from './host-ranges.ts';
import type { OrchPlan, PlannedStep } from './orch-plan.ts';

const SOURCES: Readonly<Record<string, string>> = {
  states: 'files of the states have changed',
  secrets: 'secrets of the pillar have changed',
};

/** What is not as it was when a plan was saved, in words and by name; empty when a fresh look found the same. */
export function orchPlanMoves(saved: OrchPlan, fresh: OrchPlan): readonly string[] {
  const names = [...new Set([...Object.keys(saved.sources), ...Object.keys(fresh.sources)])];
  const sources = names
    .filter((name) => saved.sources[name] !== fresh.sources[name])
    .map((name) => SOURCES[name] ?? `the ${name} has changed`);
  const moves = [...sources, ...stepMoves(saved.steps, fresh.steps)];
  if (moves.length > 0 || saved.digest === fresh.digest) return moves;
  return ['what the orchestration renders to has changed'];
}

function stepMoves(saved: readonly PlannedStep[], fresh: readonly PlannedStep[]): readonly string[] {
  const before = new Map(saved.map((step) => [step.key, step]));
  const now = new Map(fresh.map((step) => [step.key, step]));
  const gone = saved.filter(({ key }) => !now.has(key)).map(({ id }) => `step ${id} is gone`);
  const found = fresh.flatMap((step) => {
    const was = before.get(step.key);
    return was === undefined ? [`step ${step.id} is new`] : movesOfStep(was, step);
  });
  return [...gone, ...found];
}

function movesOfStep(was: PlannedStep, is: PlannedStep): readonly string[] {
  const hosts = { was: hostsOf(was), is: hostsOf(is) };
  const moves = [
    ...named(
      'would reach also',
      [...hosts.is].filter((id) => !hosts.was.has(id)),
    ),
    ...named(
      'would not reach any more',
      [...hosts.was].filter((id) => !hosts.is.has(id)),
    ),
    ...named(
      'other facts of',
      [...hosts.is].filter((id) => hosts.was.has(id) && was.facts[id] !== is.facts[id]),
    ),
    ...named('would change something else on', changedHosts(was, is, hosts.is)),
  ];
  const nested = is.nested.flatMap((plan, index) => {
    const before = was.nested[index];
    return before === undefined
      ? [`${plan.name} is new`]
      : orchPlanMoves(before, plan).map((move) => `${plan.name}: ${move}`);
  });
  const isOther = canonicalJson(essenceOf(was)) !== canonicalJson(essenceOf(is));
  const all = [...moves, ...nested];
  if (all.length === 0 && isOther)
    all.push(was.verdict === is.verdict ? 'would do something else' : verdictMove(was, is));
  return all.map((move) => `step ${is.id}: ${move}`);
}

function verdictMove(was: PlannedStep, is: PlannedStep): string {
  return `was \`${was.verdict}\` and is \`${is.verdict}\` now`;
}

function named(what: string, hosts: readonly string[]): readonly string[] {
  return hosts.length === 0 ? [] : [`${what} ${compressHosts(hosts).join(', ')}`];
}

function hostsOf({ calls }: PlannedStep): ReadonlySet<string> {
  return new Set(calls.flatMap(({ hosts = [], coming = [] }) => [...hosts, ...coming]));
}

function changedHosts(was: PlannedStep, is: PlannedStep, hosts: ReadonlySet<string>): readonly string[] {
  const [before, now] = [statesByHost(was), statesByHost(is)];
  return [...hosts].filter((id) => before.has(id) && now.has(id) && before.get(id) !== now.get(id));
}

function statesByHost({ states }: PlannedStep): ReadonlyMap<string, string> {
  return new Map(
    states.flatMap(({ hosts, states: lines }) => {
      // Comments may hold times.
      const text = canonicalJson(lines.map(({ comment: _comment, ...line }) => line) as unknown as JsonValue);
      return hosts.map((id) => [id, text] as const);
    }),
  );
}

/** What a step is and does, without what is told of it in words. */
function essenceOf({ key, verdict, calls, changes, undo, onlyIf, brings }: PlannedStep): JsonValue {
  return { key, verdict, calls, changes, undo, onlyIf, brings } as unknown as JsonValue;
}

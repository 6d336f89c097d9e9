import type { JsonValue } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import {
  canonicalJson,
  kindOf,
  type OrchPlan,
  orchPlanOf,
  type PlannedStep,
  readStateReturns,
} from '@edge-run/shared/view';
import { describe, type TestStack } from './stack.ts';

type EndedStep = Extract<RunJournalEvent, { type: 'step-ended' }>;

/** The plan of `orch NAME [k=v…]`. @throws Error unless `orch plan` exits 0 */
export async function planOf(stack: TestStack, ...words: readonly string[]): Promise<OrchPlan> {
  const { value, ...ended } = await stack.json<{ readonly run: string }>('orch', 'plan', ...words);
  if (ended.exitCode !== 0) throw new Error(describe(ended));
  return orchPlanOf((await stack.journal(value.run)) as unknown as readonly RunJournalEvent[], new Map())!;
}

/** What the last run did that its plan did not foretell, step by step; what the plan calls unknown may be anything. */
export async function untold(stack: TestStack, plan: OrchPlan): Promise<readonly string[]> {
  const events = (await stack.journal(await stack.lastRun())) as unknown as readonly RunJournalEvent[];
  return differences(plan, events);
}

/** The differences between a plan and the journal of the run that followed. */
export function differences(plan: OrchPlan, events: readonly RunJournalEvent[]): readonly string[] {
  const ended = new Map(
    events.flatMap((event): [string, EndedStep][] => (event.type === 'step-ended' ? [[event.step, event]] : [])),
  );
  const planned = new Map(plan.steps.map((step) => [step.key, step]));
  const order =
    [...ended.keys()].join('\n') === plan.steps.map(({ key }) => key).join('\n')
      ? []
      : ['other steps, or another order'];
  const steps = [...ended].flatMap(([key, end]) => {
    const step = planned.get(key);
    return step === undefined ? [`${key}: was not planned`] : ofStep(step, end).map((text) => `${step.id}: ${text}`);
  });
  return [...order, ...steps];
}

function ofStep(step: PlannedStep, end: EndedStep): readonly string[] {
  const { answer } = end;
  const mayRun = step.verdict === 'unknown' && step.onlyIf !== undefined;
  if (mayRun && end.outcome === 'skipped') return [];
  if ((step.verdict === 'skipped') !== (end.outcome === 'skipped')) return [`planned ${step.verdict}, ${end.outcome}`];
  if ((step.verdict === 'fails') !== (answer.result === false)) return [`planned ${step.verdict}, ${answer.comment}`];
  const hosts = [...new Set(step.calls.flatMap((call) => [...(call.hosts ?? []), ...(call.coming ?? [])]))].sort();
  const reached = Object.keys(answer.hosts ?? {}).sort();
  if (hosts.join() !== reached.join()) return [`planned for ${hosts.join()}, reached ${reached.join()}`];
  if (step.kind === 'salt.state') return ofStates(step, end);
  // What a function answered is not what it changed.
  if (step.verdict === 'unknown' || step.kind === 'salt.function') return [];
  const foretold = step.verdict === 'changes' ? step.changes : {};
  const real = realChanges(step, answer.changes as JsonValue);
  return same(foretold, real) ? [] : [`planned ${canonicalJson(foretold)}, was ${canonicalJson(real)}`];
}

/** What a step changed, without what Salt shows as changes of calls that only answer. */
function realChanges({ kind, name, brings }: PlannedStep, changes: JsonValue): JsonValue {
  if (kind === 'salt.runner' && name === 'cloud.provision') {
    const { return: answered } = changes as { readonly return: Readonly<Record<string, string>> };
    const up = Object.entries(answered).filter(([, what]) => what !== 'present');
    // The name of the step is that of the runner: what it brings up is what it was asked for.
    return up.length === brings.length ? Object.fromEntries(up) : answered;
  }
  return changes;
}

function ofStates(step: PlannedStep, { answer }: EndedStep): readonly string[] {
  const foretold = new Map(step.states.flatMap(({ hosts, states }) => hosts.map((host) => [host, states] as const)));
  return Object.entries(answer.hosts ?? {}).flatMap(([host, { ret }]) => {
    const real = ret === undefined ? undefined : readStateReturns(ret as JsonValue)?.states;
    if (real === undefined) return [`${host} answered no states`];
    const planned = foretold.get(host);
    // A host that could not look: the plan says so, and knows nothing.
    if (planned === undefined) return step.verdict === 'unknown' ? [] : [`${host} was not looked at`];
    const unknown = new Set(planned.filter((line) => kindOf(line) === 'unknown').map(({ id }) => id));
    const known = planned.filter((line) => line.changed && !unknown.has(line.id));
    const changed = real.filter((line) => line.changed && !unknown.has(line.id));
    const lines = (of: typeof real): readonly string[] =>
      of.map(({ fun, id, changes }) => `${fun} ${id}: ${canonicalJson(changes)}`);
    return lines(known).join('\n') === lines(changed).join('\n')
      ? []
      : [`${host}: planned\n${lines(known).join('\n')}\nwas\n${lines(changed).join('\n')}`];
  });
}

function same(one: JsonValue, other: JsonValue): boolean {
  return canonicalJson(one) === canonicalJson(other);
}

import type { StateCause } from '../../protocol/plain/index.ts';
import type { Chunk, RequisiteKind, StateReturn, StepKey } from '../contract.ts';
import { hasChanges } from './requisites.ts';
import type { StepResult } from './run.ts';
import type { RunState } from './state.ts';
import { itemAt } from './vector.ts';

/** Through which other states a state acted, or may act. */
export interface Causes {
  /** It acted, or would, only because of these. */
  readonly because: readonly StateCause[];
  /** It may act because of these: they would do something, but what is not known. Empty outside of test runs. */
  readonly depends: readonly StateCause[];
}

/** Key of each result → its causes, of those that have any. In time linear in states and requisites. */
export function causesOf(run: RunState, results: readonly StepResult[]): ReadonlyMap<StepKey, Causes> {
  const chunks = new Map(run.plan.chunks.map((chunk) => [chunk.key, chunk]));
  const answers = new Map(results.flatMap((result) => (result.mode === 'react' ? [] : [[result.step, result.answer]])));
  const reacted = new Set(results.flatMap((result) => (result.mode === 'react' ? [result.step] : [])));
  const foreseen = (step: StepKey): StateReturn | undefined => {
    const node = run.graph.foreseeNodes.get(step);
    return node === undefined ? undefined : itemAt(run.records, node).answer;
  };
  const causes = new Map<StepKey, Causes>();
  const doubtful = new Set<StepKey>();
  const isUnknown = (step: StepKey): boolean => {
    const answer = answers.get(step);
    return doubtful.has(step) || (answer?.result === null && answer.verb !== 'ask' && !hasChanges(answer.changes));
  };
  const changed = (step: StepKey): boolean => hasChanges(answers.get(step)?.changes ?? null);
  const named = (
    chunk: Chunk,
    kinds: readonly RequisiteKind[],
    accept: (step: StepKey, kind: RequisiteKind) => boolean,
  ) =>
    chunk.requisites.flatMap(({ kind, targets }) =>
      kinds.includes(kind)
        ? targets.filter((step) => accept(step, kind)).map((step) => causeOf(kind, chunks.get(step)!))
        : [],
    );
  // In order of running: whether what a state depends on is in doubt itself is known by then.
  for (const { key, step, mode, answer } of results) {
    const chunk = chunks.get(step)!;
    const acts = hasChanges(answer.changes) || answer.result === null;
    if (acts) {
      const because = named(chunk, decisiveKinds(mode, answer), (target, kind) =>
        kind === 'prereq' ? foreseen(target)?.result === null || changed(target) : changed(target),
      );
      if (because.length > 0) causes.set(key, { because, depends: [] });
    } else if (answer.result === true && mode !== 'react') {
      const depends = named(chunk, ['watch', 'onchanges'], isUnknown);
      if (depends.length > 0) {
        doubtful.add(step);
        causes.set(key, { because: [], depends });
      }
    }
  }
  // Listeners act when everything else has: what they listen to may have run after them.
  for (const { key, step, mode, answer } of results) {
    if (mode === 'react' || reacted.has(step) || hasChanges(answer.changes) || answer.result === false) continue;
    const depends = named(chunks.get(step)!, ['listen'], isUnknown);
    const known = causes.get(key) ?? { because: [], depends: [] };
    if (depends.length > 0) causes.set(key, { ...known, depends: [...known.depends, ...depends] });
  }
  return causes;
}

/** The requisites without which the state would not have acted. */
function decisiveKinds(mode: StepResult['mode'], answer: StateReturn): readonly RequisiteKind[] {
  if (mode === 'react') return ['listen'];
  return answer.reacted === true ? ['watch', 'onchanges', 'prereq'] : ['onchanges', 'prereq'];
}

function causeOf(kind: RequisiteKind, { state, id }: Chunk): StateCause {
  return { requisite: kind as StateCause['requisite'], state, id };
}

import type { Value } from '../../values/index.ts';
import { PyMap, PySet, PyTuple } from '../../values/index.ts';
import type { Requisite, StateReturn } from '../contract.ts';
import type { RunState } from './state.ts';
import { itemAt } from './vector.ts';

/**
 * What the requisites of a node say once all of them have ended, in Salt's words: `met`; `change`: a watched state
 * changed; `fail`; `pre`: what it is to precede would not change; `onfail`, `onchanges`: not called for.
 */
export type RequisiteStatus = 'met' | 'change' | 'fail' | 'pre' | 'onfail' | 'onchanges';

type Stat = 'fail' | 'onfail' | 'onchanges' | 'onchangesmet' | 'change' | 'premet' | 'pre' | 'met';

/** True when a `changes` return says that something changed. */
export function hasChanges(changes: Value): boolean {
  if (changes instanceof PyMap || changes instanceof PySet) return changes.size > 0;
  if (Array.isArray(changes)) return changes.length > 0;
  if (changes instanceof PyTuple) return changes.items.length > 0;
  return changes !== null && changes !== false && changes !== '' && changes !== 0;
}

/** What its requisites say of a node all of whose needs have ended (Salt 3006 state.py, check_requisite). */
export function wasCalledFor(run: RunState, node: number): RequisiteStatus {
  const { kind, chunk } = run.graph.nodes[node]!;
  if (kind === 'react') return listenStatus(run, chunk.requisites);
  const found = new Set<Stat>();
  for (const requisite of chunk.requisites) {
    if (requisite.kind === 'listen') continue;
    for (const stat of statsOf(run, requisite, kind === 'foresee')) found.add(stat);
  }
  if (prerequiredAnswers(run, node).some((answer) => answer.result === false)) found.add('fail');
  return statusOf(found);
}

/** `SLS.ID` of every state whose failure counts against a node, in the order the requisites name them. */
export function failedRequisites(run: RunState, node: number): readonly string[] {
  const { chunk } = run.graph.nodes[node]!;
  const failed = new Set<string>();
  for (const target of run.graph.needs[node]!) {
    const needed = run.graph.nodes[target]!.chunk;
    if (needed.key !== chunk.key && itemAt(run.records, target).answer?.result === false) {
      failed.add(`${needed.sls}.${needed.id}`);
    }
  }
  return [...failed];
}

function listenStatus(run: RunState, requisites: readonly Requisite[]): RequisiteStatus {
  const changed = requisites.some(
    ({ kind, targets }) =>
      kind === 'listen' &&
      targets.some((target) => {
        const answer = answerOf(run, run.graph.runNodes.get(target));
        return answer !== undefined && hasChanges(answer.changes);
      }),
  );
  return changed ? 'change' : 'met';
}

/** While looking ahead, a target that can only be foreseen itself counts as it was foreseen. */
function statsOf(run: RunState, requisite: Requisite, isForeseeing: boolean): ReadonlySet<Stat> {
  const { foreseeNodes, runNodes } = run.graph;
  const stats = new Set<Stat>();
  for (const target of requisite.targets) {
    const foreseen = answerOf(run, foreseeNodes.get(target));
    const ran = answerOf(run, runNodes.get(target));
    const answer = requisite.kind === 'prereq' ? foreseen : (ran ?? (isForeseeing ? foreseen : undefined));
    // What would change has not failed: in a look ahead the states for that case would not run.
    if (answer?.result === null && requisite.kind === 'onfail' && run.options.testing) stats.add('onfail');
    else if (answer !== undefined) addStat(stats, requisite.kind, answer);
  }
  const met = stats.has('met');
  if (requisite.quantifier === 'any') {
    if (met || stats.has('change')) stats.delete('fail');
    if (stats.has('onchangesmet')) {
      stats.delete('onchanges');
      stats.delete('fail');
    }
    if (met) stats.delete('onfail');
  } else if (requisite.kind === 'onfail' && stats.has('onfail')) stats.delete('met');
  return stats;
}

function addStat(stats: Set<Stat>, kind: Requisite['kind'], answer: StateReturn): void {
  const { result } = answer;
  if (kind === 'onfail' && result === true) stats.add('onfail');
  else if (kind !== 'onfail' && result === false) stats.add('fail');
  else if (kind === 'onchanges') stats.add(hasChanges(answer.changes) ? 'onchangesmet' : 'onchanges');
  else if (kind === 'watch' && hasChanges(answer.changes)) stats.add('change');
  else if (kind === 'prereq') stats.add(result === null ? 'premet' : 'pre');
  else if (answer.ran !== false) stats.add('met');
}

function statusOf(found: ReadonlySet<Stat>): RequisiteStatus {
  if (found.has('fail')) return 'fail';
  if (found.has('pre')) return found.has('premet') ? 'met' : 'pre';
  if (found.has('onfail') && !found.has('onchangesmet')) return 'onfail';
  if (found.has('onchanges') && !found.has('onchangesmet')) return 'onchanges';
  return found.has('change') ? 'change' : 'met';
}

/** Returns of the states that asked to run before this one changes. */
function prerequiredAnswers(run: RunState, node: number): readonly StateReturn[] {
  if (run.graph.nodes[node]!.kind !== 'run') return [];
  return (run.graph.prerequiredBy.get(node) ?? []).flatMap((before) => answerOf(run, before) ?? []);
}

function answerOf(run: RunState, node: number | undefined): StateReturn | undefined {
  return node === undefined ? undefined : itemAt(run.records, node).answer;
}

import type { Chunk, Plan, Requisite, RequisiteKind, StepKey } from '../contract.ts';

/**
 * What can happen to a state in a run: `run` is its turn, `foresee` the look at a target of `prereq` before that turn,
 * `react` the listening state's answer at the end.
 */
export interface RunNode {
  readonly kind: 'run' | 'foresee' | 'react';
  readonly chunk: Chunk;
}

/** A plan as a graph of nodes, numbered; derived from the plan alone and never changed. */
export interface RunGraph {
  readonly nodes: readonly RunNode[];
  /** Nodes that must have ended before each one, in the order Salt runs them in. */
  readonly needs: readonly (readonly number[])[];
  /** The other way round. */
  readonly neededBy: readonly (readonly number[])[];
  /** Step key → number of its node of each kind. */
  readonly runNodes: ReadonlyMap<StepKey, number>;
  readonly foreseeNodes: ReadonlyMap<StepKey, number>;
  readonly reactNodes: ReadonlyMap<StepKey, number>;
  /** Number of a target of `prereq` → the run nodes of the states that have it so. */
  readonly prerequiredBy: ReadonlyMap<number, readonly number[]>;
  /** Every run and foresee node in the order of their turns: compiled order, requisites first. */
  readonly sequence: readonly number[];
  /** Node → its place in `sequence`; listeners have none. */
  readonly turnOf: readonly (number | undefined)[];
  /** Listening nodes in compiled order. */
  readonly listeners: readonly number[];
  /** Requisite paths that lead back to their beginning; each begins with the node that is reached again. */
  readonly cycles: readonly (readonly number[])[];
}

/** Order in which Salt 3006 (`call_chunk`) brings unmet requisites about. */
const TURN: Readonly<Record<RequisiteKind, number>> = {
  require: 0,
  watch: 1,
  prereq: 2,
  onfail: 3,
  onchanges: 4,
  listen: 5,
};

/** The graph of a plan, in time linear in states and requisites. Requisites on unknown keys are left out. */
export function buildGraph(plan: Plan): RunGraph {
  const nodes: RunNode[] = plan.chunks.map((chunk) => ({ kind: 'run', chunk }));
  const runNodes = new Map(plan.chunks.map((chunk, index) => [chunk.key, index] as const));
  const foreseeNodes = new Map<StepKey, number>();
  const reactNodes = new Map<StepKey, number>();
  const prerequiredBy = new Map<number, number[]>();
  const ordered = plan.chunks.map((chunk) => [...chunk.requisites].sort((a, b) => TURN[a.kind] - TURN[b.kind]));

  plan.chunks.forEach((chunk, index) => {
    for (const target of targetsOf(ordered[index]!, 'prereq')) {
      const targetIndex = runNodes.get(target);
      if (targetIndex === undefined) continue;
      if (!foreseeNodes.has(target)) {
        foreseeNodes.set(target, nodes.length);
        nodes.push({ kind: 'foresee', chunk: nodes[targetIndex]!.chunk });
      }
      const waiting = prerequiredBy.get(targetIndex);
      if (waiting === undefined) prerequiredBy.set(targetIndex, [index]);
      else if (waiting.at(-1) !== index) waiting.push(index);
    }
    if (chunk.requisites.some((requisite) => requisite.kind === 'listen')) reactNodes.set(chunk.key, -1);
  });
  for (const key of reactNodes.keys()) {
    reactNodes.set(key, nodes.length);
    nodes.push({ kind: 'react', chunk: nodes[runNodes.get(key)!]!.chunk });
  }

  const lookup = { runNodes, foreseeNodes, prerequiredBy };
  const needs = nodes.map((node) => needsOf(node, ordered[runNodes.get(node.chunk.key)!]!, lookup));
  const neededBy: number[][] = nodes.map(() => []);
  needs.forEach((targets, index) => {
    for (const target of targets) neededBy[target]!.push(index);
  });
  const { sequence, cycles } = linearise(plan.chunks.length, needs);
  const turnOf: (number | undefined)[] = nodes.map(() => undefined);
  sequence.forEach((node, turn) => {
    turnOf[node] = turn;
  });
  return {
    nodes,
    turnOf,
    needs,
    neededBy,
    runNodes,
    foreseeNodes,
    reactNodes,
    prerequiredBy,
    sequence,
    listeners: [...reactNodes.values()],
    cycles,
  };
}

interface Lookup {
  readonly runNodes: ReadonlyMap<StepKey, number>;
  readonly foreseeNodes: ReadonlyMap<StepKey, number>;
  readonly prerequiredBy: ReadonlyMap<number, readonly number[]>;
}

function needsOf(node: RunNode, requisites: readonly Requisite[], lookup: Lookup): readonly number[] {
  if (node.kind === 'react') return [];
  const own = lookup.runNodes.get(node.chunk.key)!;
  const before = lookup.prerequiredBy.get(own) ?? [];
  const needs = new Set<number>();
  for (const { kind, targets } of requisites) {
    if (kind === 'listen') continue;
    for (const target of targets) {
      const index = lookup.runNodes.get(target);
      if (index === undefined) continue;
      const isForeseen = kind === 'prereq' || (node.kind === 'foresee' && isAwaitedWith(before, index, lookup));
      if (isForeseen) needs.add(lookup.foreseeNodes.get(target)!);
      // A target that itself requires the state that waits to hear about it can only be foreseen without it.
      else if (!(node.kind === 'foresee' && before.includes(index))) needs.add(index);
    }
  }
  if (node.kind === 'run') {
    for (const index of before) needs.add(index);
    const foreseen = lookup.foreseeNodes.get(node.chunk.key);
    if (foreseen !== undefined) needs.add(foreseen);
  }
  return [...needs];
}

/** True when a state of `before` waits for both targets: neither can run before it, so both are foreseen. */
function isAwaitedWith(before: readonly number[], target: number, { prerequiredBy }: Lookup): boolean {
  const others = prerequiredBy.get(target);
  return others !== undefined && before.some((index) => others.includes(index));
}

function targetsOf(requisites: readonly Requisite[], kind: RequisiteKind): readonly StepKey[] {
  return requisites.flatMap((requisite) => (requisite.kind === kind ? requisite.targets : []));
}

/** Depth first in compiled order, without recursion: a chain of requisites may be thousands long. */
function linearise(count: number, needs: readonly (readonly number[])[]): Pick<RunGraph, 'sequence' | 'cycles'> {
  const sequence: number[] = [];
  const cycles: number[][] = [];
  const state = new Uint8Array(needs.length);
  const OPEN = 1;
  const DONE = 2;
  for (let root = 0; root < count; root += 1) {
    if (state[root] !== 0) continue;
    const path = [{ node: root, next: 0 }];
    state[root] = OPEN;
    while (path.length > 0) {
      const top = path[path.length - 1]!;
      const target = needs[top.node]![top.next];
      top.next += 1;
      if (target === undefined) {
        state[top.node] = DONE;
        sequence.push(top.node);
        path.pop();
      } else if (state[target] === 0) {
        state[target] = OPEN;
        path.push({ node: target, next: 0 });
      } else if (state[target] === OPEN) {
        const start = path.findIndex((entry) => entry.node === target);
        cycles.push(path.slice(start).map((entry) => entry.node));
      }
    }
  }
  return { sequence, cycles };
}

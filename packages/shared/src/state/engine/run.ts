import { EdgeError } from '../../kernel/index.ts';
import type { Chunk, Plan, RunFact, RunOptions, StateReturn, StepKey, StepMode } from '../contract.ts';
import { buildGraph } from './graph.ts';
import { hasChanges, wasCalledFor } from './requisites.ts';
import type { NodeRecord, RunState } from './state.ts';
import { itemAt, vectorOf, withItems } from './vector.ts';

/** A step that was started and has not ended. */
export interface StartedStep {
  readonly step: StepKey;
  readonly mode: StepMode;
  readonly attempt: number;
  readonly startedAt: number;
}

/** How one step ended, for returns and displays. */
export interface StepResult {
  /** Salt's key in the return; that of a listener differs from its step's key. */
  readonly key: StepKey;
  readonly step: StepKey;
  readonly mode: StepMode | 'skipped';
  readonly number: number;
  readonly answer: StateReturn;
  readonly startedAt: number;
  readonly durationMs: number;
}

/** A run in which nothing has happened yet. @throws EdgeError `EDGE_INTERNAL` for a plan no compiler lets through. */
export function createRun(plan: Plan, options: Partial<RunOptions> = {}): RunState {
  const graph = buildGraph(plan);
  if (graph.cycles.length > 0 || graph.runNodes.size !== plan.chunks.length) {
    throw new EdgeError('EDGE_INTERNAL', 'the plan has recursive requisites or the same step twice');
  }
  const run: RunState = {
    plan,
    options: { testing: false, failhard: false, ...options },
    graph,
    records: vectorOf(
      graph.needs.map((needs): NodeRecord => ({ status: 'waiting', missing: needs.length, attempt: 0 })),
    ),
    turn: 0,
    listenerTurn: 0,
    ready: [],
    active: [],
    unended: graph.sequence.length,
    nextNumber: 0,
    halted: false,
    failed: false,
  };
  return advance(run);
}

/**
 * The run after `fact`. Pure; amortised constant time per fact. A fact that says nothing new (a step that has ended
 * already, a start told twice) leaves the run as it is.
 *
 * @throws EdgeError `EDGE_INTERNAL` for a step the plan does not have.
 */
export function evolve(run: RunState, fact: RunFact): RunState {
  switch (fact.type) {
    case 'step-started':
      return started(run, nodeOf(run, fact.step, fact.mode), fact);
    case 'step-ended':
      return advance(ended(run, nodeOf(run, fact.step, fact.mode), fact));
    case 'step-skipped':
      return advance(skipped(run, fact));
    case 'step-lost':
      return lost(run, nodeOf(run, fact.step, fact.mode));
  }
}

/** The steps somebody started and nobody ended: what to ask after, or to tell `step-lost` of, after a crash. */
export function resumeRun(run: RunState): readonly StartedStep[] {
  return run.active.map((node) => {
    const { mode, attempt, startedAt } = itemAt(run.records, node);
    return { step: run.graph.nodes[node]!.chunk.key, mode: mode!, attempt, startedAt: startedAt! };
  });
}

/** Every step that has ended, in order of `number`; looks ahead for `prereq` are no results. */
export function resultsOf(run: RunState): readonly StepResult[] {
  const results: StepResult[] = [];
  run.graph.nodes.forEach((node, index) => {
    const record = itemAt(run.records, index);
    if (node.kind === 'foresee' || record.answer === undefined) return;
    results.push({
      key: node.kind === 'react' ? listenerKey(node.chunk) : node.chunk.key,
      step: node.chunk.key,
      mode: record.mode ?? 'skipped',
      number: record.number!,
      answer: record.answer,
      startedAt: record.startedAt!,
      durationMs: record.durationMs!,
    });
  });
  return results.sort((a, b) => a.number - b.number);
}

/** Salt's key for what a listening state did at the end (Salt 3006 state.py, call_listen). */
function listenerKey(chunk: Chunk): StepKey {
  return `${chunk.state}_|-listener_${chunk.id}_|-${nameText(chunk)}_|-mod_watch`;
}

/** The name as it stands in the key, whatever it holds. */
function nameText(chunk: Chunk): string {
  const start = `${chunk.state}_|-${chunk.id}_|-`.length;
  return chunk.key.slice(start, chunk.key.length - `_|-${chunk.fun}`.length);
}

function nodeOf(run: RunState, step: StepKey, mode: StepMode): number {
  const { runNodes, foreseeNodes, reactNodes } = run.graph;
  const nodes = mode === 'foresee' ? foreseeNodes : mode === 'react' ? reactNodes : runNodes;
  const node = nodes.get(step);
  if (node === undefined)
    throw new EdgeError('EDGE_INTERNAL', `the plan has no step to ${mode}: ${step}`, { step, mode });
  return node;
}

function started(run: RunState, node: number, fact: Extract<RunFact, { type: 'step-started' }>): RunState {
  const record = itemAt(run.records, node);
  const attempt = fact.attempt ?? 1;
  if (record.status === 'ended') return run;
  if (record.status === 'started') {
    if (attempt <= record.attempt) return run;
    return { ...run, records: withItems(run.records, new Map([[node, { ...record, attempt }]])) };
  }
  // A look ahead has no number of its own, and a step that was lost keeps the one it had.
  const numbered = fact.mode !== 'foresee' && record.number === undefined;
  const next: NodeRecord = {
    ...record,
    status: 'started',
    attempt: Math.max(attempt, record.attempt + 1),
    mode: fact.mode,
    startedAt: fact.at,
    ...(numbered ? { number: run.nextNumber } : {}),
  };
  return {
    ...run,
    records: withItems(run.records, new Map([[node, next]])),
    ready: run.ready.filter((other) => other !== node),
    active: [...run.active, node],
    nextNumber: run.nextNumber + (numbered ? 1 : 0),
  };
}

function lost(run: RunState, node: number): RunState {
  const record = itemAt(run.records, node);
  if (record.status !== 'started') return run;
  const waiting: NodeRecord = { ...record, status: 'waiting' };
  return {
    ...run,
    records: withItems(run.records, new Map([[node, waiting]])),
    ready: isParallel(run, node) ? [...run.ready, node] : run.ready,
    active: run.active.filter((other) => other !== node),
  };
}

function ended(run: RunState, node: number, fact: Extract<RunFact, { type: 'step-ended' }>): RunState {
  const before = itemAt(run.records, node);
  if (before.status === 'ended') return run;
  // Nothing is said to end that nobody said had started, except by a journal that was cut: take it as both.
  const base =
    before.status === 'started'
      ? run
      : started(run, node, { type: 'step-started', step: fact.step, mode: fact.mode, at: fact.at - fact.durationMs });
  const record = itemAt(base.records, node);
  const extraCalls = fact.mode === 'foresee' || isParallel(run, node) ? 0 : (fact.calls ?? 1) - 1;
  const next: NodeRecord = {
    ...record,
    status: 'ended',
    answer: fact.mode === 'foresee' ? foreseen(base, node, fact.answer) : fact.answer,
    durationMs: fact.durationMs,
    ...(record.number === undefined ? {} : { number: record.number + extraCalls }),
  };
  return settle({ ...base, nextNumber: base.nextNumber + extraCalls }, new Map([[node, next]]));
}

/** A foreseen state that would only react to a watched one changes too (Salt 3006 state.py, call_chunk). */
function foreseen(run: RunState, node: number, answer: StateReturn): StateReturn {
  const quiet = answer.result === true && !hasChanges(answer.changes);
  return quiet && wasCalledFor(run, node) === 'change' ? { ...answer, result: null } : answer;
}

function skipped(run: RunState, fact: Extract<RunFact, { type: 'step-skipped' }>): RunState {
  const node = nodeOf(run, fact.step, 'run');
  const record = itemAt(run.records, node);
  if (record.status !== 'waiting') return run;
  const end = { status: 'ended', answer: fact.answer, startedAt: fact.at, durationMs: 0 } as const;
  const updates = new Map<number, NodeRecord>([[node, { ...record, ...end, number: run.nextNumber }]]);
  const foresee = run.graph.foreseeNodes.get(fact.step);
  if (foresee !== undefined) {
    const look = itemAt(run.records, foresee);
    if (look.status === 'waiting') updates.set(foresee, { ...look, ...end });
  }
  return settle({ ...run, nextNumber: run.nextNumber + 1 }, updates);
}

/** Takes ends in: tells who needed them, and whether the run goes on. */
function settle(run: RunState, ends: Map<number, NodeRecord>): RunState {
  const updates = new Map(ends);
  let { halted, failed, unended } = run;
  const ready = run.ready.filter((node) => !ends.has(node));
  for (const [node, { answer }] of ends) {
    const { kind, chunk } = run.graph.nodes[node]!;
    if (kind !== 'react') unended -= 1;
    if (kind !== 'foresee' && answer!.result === false) {
      failed = true;
      if (!run.options.testing && (chunk.options.failhard ?? run.options.failhard)) halted = true;
    }
    for (const waiting of run.graph.neededBy[node]!) {
      const record = updates.get(waiting) ?? itemAt(run.records, waiting);
      const missing = record.missing - 1;
      updates.set(waiting, { ...record, missing });
      const released = isParallel(run, waiting) && hasHadTurn(run, waiting);
      if (missing === 0 && record.status === 'waiting' && released) ready.push(waiting);
    }
  }
  return {
    ...run,
    records: withItems(run.records, updates),
    ready,
    active: run.active.filter((node) => !ends.has(node)),
    unended,
    halted,
    failed,
  };
}

/** Moves the turn past what has ended and past parallel nodes, which are let go when their turn comes. */
function advance(run: RunState): RunState {
  const { graph, records } = run;
  let { turn, listenerTurn } = run;
  const ready: number[] = [];
  for (; turn < graph.sequence.length; turn += 1) {
    const node = graph.sequence[turn]!;
    const record = itemAt(records, node);
    if (record.status === 'ended') continue;
    if (!isParallel(run, node)) break;
    if (record.status === 'waiting' && record.missing === 0) ready.push(node);
  }
  if (run.unended === 0) {
    while (listenerTurn < graph.listeners.length && isListenerDone(run, graph.listeners[listenerTurn]!))
      listenerTurn += 1;
  }
  if (turn === run.turn && listenerTurn === run.listenerTurn) return run;
  return { ...run, turn, listenerTurn, ready: ready.length === 0 ? run.ready : [...run.ready, ...ready] };
}

function isListenerDone(run: RunState, node: number): boolean {
  return itemAt(run.records, node).status === 'ended' || wasCalledFor(run, node) !== 'change';
}

function isParallel(run: RunState, node: number): boolean {
  const { kind, chunk } = run.graph.nodes[node]!;
  return kind === 'run' && chunk.options.parallel;
}

function hasHadTurn(run: RunState, node: number): boolean {
  return (run.graph.turnOf[node] ?? Number.POSITIVE_INFINITY) < run.turn;
}

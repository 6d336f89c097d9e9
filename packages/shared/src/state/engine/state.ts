import type { Plan, RunOptions, StateReturn, StepMode } from '../contract.ts';
import type { RunGraph } from './graph.ts';
import type { Vector } from './vector.ts';

/** How far one node has come. */
export interface NodeRecord {
  readonly status: 'waiting' | 'started' | 'ended';
  /** How many of its needs have not ended. */
  readonly missing: number;
  /** Tries begun. */
  readonly attempt: number;
  /** Salt's `__run_num__`. */
  readonly number?: number;
  readonly mode?: StepMode;
  readonly startedAt?: number;
  readonly answer?: StateReturn;
  readonly durationMs?: number;
}

/** Where a run stands. Made by `createRun` and `evolve` only; every value in it is data, and none is ever changed. */
export interface RunState {
  readonly plan: Plan;
  readonly options: RunOptions;
  readonly graph: RunGraph;
  readonly records: Vector<NodeRecord>;
  /** Place in `graph.sequence` of the turn that is on; its length when only listeners are left. */
  readonly turn: number;
  /** Place in `graph.listeners` of the turn that is on. */
  readonly listenerTurn: number;
  /** Parallel nodes whose turn has come and whose needs have ended. */
  readonly ready: readonly number[];
  /** Started and not ended. */
  readonly active: readonly number[];
  /** Run and foresee nodes that have not ended. */
  readonly unended: number;
  readonly nextNumber: number;
  /** A failure ended the run: nothing is started any more. */
  readonly halted: boolean;
  readonly failed: boolean;
}

import type { JsonValue } from '@edge-run/shared/kernel';
import type { RunJournalEvent, StepOutcome, StepReturn } from '@edge-run/shared/protocol';
import {
  createRun,
  decodePlan,
  evolve,
  type Plan,
  type RunFact,
  type RunState,
  type StepKey,
} from '@edge-run/shared/state';
import { decodeValue, encodeValue, type PyMap } from '@edge-run/shared/values';
import type { StepAnswer } from './step-kind.ts';

/** What a run's first entry holds beside the steps as shown. */
export interface StoredPlan {
  readonly plan: Plan;
  /** The pillar the orchestration was rendered with; steps look up load balancers in it. */
  readonly pillar: PyMap;
}

/** A run as its journal tells it. */
export interface RunRecord {
  readonly id: string;
  readonly name: string;
  readonly by: string;
  readonly inputs: RunInputs;
  readonly stored: StoredPlan;
  readonly state: RunState;
  /** Answers of the steps that ended, in order of ending; a reaction replaces the step's own answer. */
  readonly answers: ReadonlyMap<StepKey, StepReturn>;
  /** How often a master took the run up; hosts refuse jobs of an earlier epoch. */
  readonly epoch: number;
  readonly end: Extract<RunJournalEvent, { type: 'run-ended' }> | undefined;
}

/** The inputs as asked for. */
export interface RunInputs {
  readonly pillarenv?: string;
  readonly saltenv: string;
  readonly test: boolean;
  /** Override of the command line; secrets sealed. */
  readonly pillar?: JsonValue;
}

/** The plan in the form that is journaled. */
export function encodeStoredPlan(stored: StoredPlan, encodePlan: (plan: Plan) => JsonValue): JsonValue {
  return { plan: encodePlan(stored.plan), pillar: encodeValue(stored.pillar) };
}

/** Folds a run's events, oldest first. Undefined for an empty journal. Live runs and resumed ones fold alike. */
export function foldRecord(events: readonly RunJournalEvent[]): RunRecord | undefined {
  return events.reduce<RunRecord | undefined>(foldEvent, undefined);
}

/** The record after one more event. */
export function foldEvent(record: RunRecord | undefined, event: RunJournalEvent): RunRecord | undefined {
  if (event.type === 'run-planned') return newRecord(event);
  if (record === undefined) return undefined;
  switch (event.type) {
    case 'run-adopted':
      return { ...record, epoch: record.epoch + 1 };
    case 'step-started':
      return { ...record, state: evolve(record.state, toFact(event)) };
    case 'step-ended': {
      const answers = new Map(record.answers);
      if (event.mode !== 'foresee') answers.set(event.step, event.answer);
      return { ...record, state: evolve(record.state, toFact(event)), answers };
    }
    case 'run-ended':
      return { ...record, end: event };
  }
}

/** A step's end in the words of the journal: a skipped step has not failed by itself. */
export function outcomeOf(answer: StepAnswer): StepOutcome {
  if (answer.result !== false) return 'succeeded';
  const outcomes = new Set(Object.values(answer.hosts ?? {}).map((host) => host.outcome));
  // One kind of end for all hosts is the step's own; a mixture is a failure.
  const [only] = outcomes;
  return outcomes.size === 1 && only !== undefined && only !== 'succeeded' ? only : 'failed';
}

function newRecord(event: Extract<RunJournalEvent, { type: 'run-planned' }>): RunRecord {
  const { plan, pillar } = event.plan as { plan: JsonValue; pillar: JsonValue };
  const inputs = event.inputs as unknown as RunInputs;
  const stored = { plan: decodePlan(plan), pillar: decodeValue(pillar) as PyMap };
  return {
    id: event.run,
    name: event.name,
    by: event.by,
    inputs,
    stored,
    state: createRun(stored.plan, { testing: inputs.test }),
    answers: new Map(),
    epoch: 0,
    end: undefined,
  };
}

function toFact(event: Extract<RunJournalEvent, { type: 'step-started' | 'step-ended' }>): RunFact {
  const mode = event.mode as RunFactMode;
  if (event.type === 'step-started') return { type: 'step-started', step: event.step, mode, at: event.at };
  const { result, comment, changes, ran } = event.answer;
  const answer = { result, comment, changes: decodeValue(changes), ...(ran === undefined ? {} : { ran }) };
  if (event.outcome === 'skipped') return { type: 'step-skipped', step: event.step, at: event.at, answer };
  const calls = event.calls === undefined ? {} : { calls: event.calls };
  return { type: 'step-ended', step: event.step, mode, at: event.at, answer, durationMs: event.durationMs, ...calls };
}

type RunFactMode = Extract<RunFact, { type: 'step-started' }>['mode'];

import type { InstantMs, JsonObject, JsonValue } from '@edge-run/shared/kernel';
import type { StepPlan, StepSettings } from '@edge-run/shared/orchestration';
import type {
  FailureChoice,
  ForeseenWorld,
  RunJournalEvent,
  RunOptions,
  StepOutcome,
  StepReturn,
  TargetSelection,
} from '@edge-run/shared/protocol';
import {
  createRun,
  decodePlan,
  encodePlan,
  evolve,
  type Plan,
  type RunFact,
  type RunState,
  type StepKey,
} from '@edge-run/shared/state';
import { decodeValue, type EncodeOptions, encodeValue, type PyMap } from '@edge-run/shared/values';
import { GrowingMap } from './growing-map.ts';
import type { Sources } from './sources.ts';
import type { StepAnswer } from './step-kind.ts';

/** What a run's first entry holds beside the steps as shown. */
export interface StoredPlan extends StepPlan {
  /** The pillar the orchestration was rendered with; steps look up load balancers in it. */
  readonly pillar: PyMap;
}

/** An entry of the journal of one type. */
export type EntryOf<T extends RunJournalEvent['type']> = Extract<RunJournalEvent, { type: T }>;

/** A failed step that a person is to decide about. */
export interface Question {
  readonly asked: EntryOf<'run-asked'>;
  readonly choice: FailureChoice | undefined;
  readonly by: string | undefined;
}

/** A run as its journal tells it. */
export interface RunRecord {
  readonly id: string;
  readonly name: string;
  readonly by: string;
  readonly inputs: RunInputs;
  readonly stored: StoredPlan;
  readonly options: RunOptions;
  /** Of the plan; approvals are bound to it. */
  readonly digest: string;
  readonly sources: Sources;
  /** Digest of the bundle of files the run stands on; undefined: the files of the day. */
  readonly bundle: string | undefined;
  /** Whom the targets of the plan selected when it was made; empty where the journal does not say. */
  readonly fleet: readonly TargetSelection[];
  /** The run on whose behalf this one runs; itself where nobody else's. */
  readonly root: string;
  readonly rollbackOf: string | undefined;
  readonly retryOf: string | undefined;
  /** Step → the only hosts it is still to run on. */
  readonly onlyHosts: ReadonlyMap<StepKey, readonly string[]>;
  /** Step → how the hosts fared that earlier attempts of it were done with. */
  readonly doneHosts: ReadonlyMap<StepKey, NonNullable<StepReturn['hosts']>>;
  /** Name → what earlier runs registered under it. */
  readonly inherited: Readonly<Record<string, JsonValue>>;
  /** In the plan of a nested orchestration: what the plan around it foresees. */
  readonly foreseen: ForeseenWorld | undefined;
  readonly plannedAt: InstantMs;
  /** When it had everything it waited for; the deadline counts from here. */
  readonly begunAt: InstantMs | undefined;
  readonly state: RunState;
  /** Answers of the steps that ended, in order of ending; a reaction replaces the step's own answer. */
  readonly answers: GrowingMap<StepKey, StepReturn>;
  /** Steps this run has done itself, in order of ending; those that were skipped or kept are not among them. */
  readonly done: GrowingMap<StepKey, true>;
  /** The last of them. */
  readonly lastDone: { readonly step: StepKey; readonly startedAt: InstantMs; readonly endedAt: InstantMs } | undefined;
  /** How often a master took the run up; hosts refuse jobs of an earlier epoch. */
  readonly epoch: number;
  /** Who drives it, or did last. */
  readonly master: string | undefined;
  readonly locked: boolean;
  /** Who agreed to the plan, in order. */
  readonly approvals: readonly string[];
  /** Step → who agreed to it. */
  readonly stepApprovals: ReadonlyMap<StepKey, readonly string[]>;
  readonly rejected: EntryOf<'run-rejected'> | undefined;
  readonly paused: boolean;
  readonly aborting: EntryOf<'run-aborting'> | undefined;
  readonly questions: ReadonlyMap<StepKey, Question>;
  readonly dropped: ReadonlySet<string>;
  /** Hosts that steps had to do with, and those that failed in one. */
  readonly hosts: { readonly targeted: GrowingMap<string, true>; readonly failed: GrowingMap<string, true> };
  readonly rollback: EntryOf<'run-rolling-back'> | undefined;
  readonly rolledBack: EntryOf<'run-rolled-back'> | undefined;
  readonly end: EntryOf<'run-ended'> | undefined;
}

/** The inputs as asked for. */
export interface RunInputs {
  readonly pillarenv?: string;
  readonly saltenv: string;
  readonly test: boolean;
  /** Override of the command line; secrets sealed. */
  readonly pillar?: JsonValue;
}

/** What a run does that says nothing about itself. */
export const DEFAULT_OPTIONS: RunOptions = { locks: [], onFailure: 'continue', onTargetFailure: 'stop' };

/** The plan in the form that is journaled. Its secrets are sealed unless `options` says otherwise. */
export function encodeStoredPlan(
  { plan, settings, undo, pillar }: StoredPlan,
  options: EncodeOptions = {},
): JsonObject {
  return {
    plan: encodePlan(plan, options),
    pillar: encodeValue(pillar, options),
    ...(Object.keys(settings).length === 0 ? {} : { settings: settings as unknown as JsonValue }),
    ...(undo.chunks.length === 0 ? {} : { undo: encodePlan(undo, options) }),
  };
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
      return { ...record, epoch: record.epoch + 1, master: event.master };
    case 'run-queued':
    case 'run-moved':
      return record;
    case 'run-locked':
      return { ...record, locked: true };
    case 'run-approved':
      return foldApproved(record, event);
    case 'run-rejected':
      return { ...record, rejected: record.rejected ?? event };
    case 'run-paused':
      return { ...record, paused: true };
    case 'run-resumed':
      return { ...record, paused: false };
    case 'run-aborting':
      return { ...record, aborting: record.aborting ?? event };
    case 'run-asked':
      return withQuestion(record, event.step, { asked: event, choice: undefined, by: undefined });
    case 'run-answered': {
      const question = record.questions.get(event.step);
      if (question === undefined || question.choice !== undefined) return record;
      return withQuestion(record, event.step, { ...question, choice: event.choice, by: event.by });
    }
    case 'hosts-dropped':
      return { ...record, dropped: new Set([...record.dropped, ...event.hosts]) };
    case 'run-rolling-back':
      return { ...record, rollback: record.rollback ?? event };
    case 'run-rolled-back':
      return { ...record, rolledBack: record.rolledBack ?? event };
    case 'step-started':
      return {
        ...withQuestion(retried(record, event.step), event.step, undefined),
        begunAt: record.begunAt ?? event.at,
        state: evolve(record.state, toFact(event)),
      };
    case 'step-ended':
      return foldEnded(record, event);
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

/** Hosts of an answer that did not succeed. */
export function failedHostsOf({ hosts = {} }: Pick<StepReturn, 'hosts'>): string[] {
  return Object.entries(hosts).flatMap(([id, { outcome }]) => (outcome === 'succeeded' ? [] : [id]));
}

/** Hosts of an answer that failed as far as the run goes: who was stopped, never started or excused is none of them. */
export function brokenHostsOf({ hosts = {} }: Pick<StepReturn, 'hosts'>): readonly string[] {
  return Object.entries(hosts).flatMap(([id, { outcome, excused }]) =>
    outcome === 'succeeded' || outcome === 'cancelled' || excused === true ? [] : [id],
  );
}

function foldApproved(record: RunRecord, { by, digest, step }: EntryOf<'run-approved'>): RunRecord {
  // Whoever agreed to another plan has not agreed to this one.
  if (digest !== record.digest) return record;
  if (step === undefined)
    return record.approvals.includes(by) ? record : { ...record, approvals: [...record.approvals, by] };
  const known = record.stepApprovals.get(step) ?? [];
  if (known.includes(by)) return record;
  return { ...record, stepApprovals: new Map(record.stepApprovals).set(step, [...known, by]) };
}

/** Costs the same however many steps have ended: a run of thousands of steps folds one of them at a time. */
function foldEnded(record: RunRecord, event: EntryOf<'step-ended'>): RunRecord {
  const { step, mode, answer, outcome } = event;
  const ids = Object.keys(answer.hosts ?? {});
  const failed = answer.result === false || ids.some((id) => record.dropped.has(id)) ? brokenHostsOf(answer) : [];
  const { hosts } = record;
  const isOwn = outcome !== 'skipped' && mode !== 'foresee' && mode !== 'react';
  return {
    ...withQuestion(record, step, undefined),
    state: evolve(record.state, toFact(event)),
    answers: mode === 'foresee' ? record.answers : record.answers.with(step, answer),
    bundle: event.bundle ?? record.bundle,
    done: isOwn ? withKeys(record.done, [step]) : record.done,
    lastDone: isOwn ? { step, startedAt: event.startedAt, endedAt: event.at } : record.lastDone,
    hosts: { targeted: withKeys(hosts.targeted, ids), failed: withKeys(hosts.failed, failed) },
  };
}

function withKeys(known: GrowingMap<string, true>, keys: readonly string[]): GrowingMap<string, true> {
  return keys.reduce((all, key) => (all.has(key) ? all : all.with(key, true)), known);
}

/** A step that is tried again after a person was asked is done only where it failed. */
function retried(record: RunRecord, step: StepKey): RunRecord {
  const answer = record.questions.get(step)?.asked.answer;
  const failed = answer === undefined ? [] : failedHostsOf(answer);
  if (answer?.hosts === undefined || failed.length === 0) return record;
  const done = Object.fromEntries(Object.entries(answer.hosts).filter(([id]) => !failed.includes(id)));
  return {
    ...record,
    onlyHosts: new Map(record.onlyHosts).set(step, failed),
    doneHosts: new Map(record.doneHosts).set(step, done),
  };
}

function withQuestion(record: RunRecord, step: StepKey, question: Question | undefined): RunRecord {
  if (question === undefined && !record.questions.has(step)) return record;
  const questions = new Map(record.questions);
  if (question === undefined) questions.delete(step);
  else questions.set(step, question);
  return { ...record, questions };
}

interface EncodedPlan {
  readonly plan: JsonValue;
  readonly pillar: JsonValue;
  readonly settings?: Readonly<Record<StepKey, StepSettings>>;
  readonly undo?: JsonValue;
}

function newRecord(event: EntryOf<'run-planned'>): RunRecord {
  const { plan, pillar, settings = {}, undo } = event.plan as unknown as EncodedPlan;
  const inputs = event.inputs as unknown as RunInputs;
  const undoPlan: Plan = undo === undefined ? { chunks: [] } : decodePlan(undo);
  const stored = { plan: decodePlan(plan), settings, undo: undoPlan, pillar: decodeValue(pillar) as PyMap };
  const options = event.options ?? DEFAULT_OPTIONS;
  const record: RunRecord = {
    id: event.run,
    name: event.name,
    by: event.by,
    inputs,
    stored,
    options,
    digest: event.digest ?? '',
    sources: event.sources ?? {},
    bundle: event.bundle,
    fleet: event.fleet ?? [],
    root: event.root ?? event.run,
    rollbackOf: event.rollbackOf,
    retryOf: event.retryOf,
    onlyHosts: new Map(Object.entries(event.onlyHosts ?? {})),
    doneHosts: new Map(),
    inherited: (event.registered ?? {}) as Readonly<Record<string, JsonValue>>,
    foreseen: event.foreseen,
    plannedAt: event.at,
    begunAt: undefined,
    state: createRun(stored.plan, { testing: inputs.test }),
    answers: GrowingMap.empty(),
    done: GrowingMap.empty(),
    lastDone: undefined,
    epoch: 0,
    master: undefined,
    locked: false,
    approvals: [],
    stepApprovals: new Map(),
    rejected: undefined,
    paused: false,
    aborting: undefined,
    questions: new Map(),
    dropped: new Set(),
    hosts: { targeted: GrowingMap.empty(), failed: GrowingMap.empty() },
    rollback: undefined,
    rolledBack: undefined,
    end: undefined,
  };
  return (event.kept ?? []).reduce<RunRecord>(
    (kept, { step, answer }) => keepStep(kept, step, answer, event.at),
    record,
  );
}

/** A step that an earlier run has done: ended from the beginning. */
function keepStep(record: RunRecord, step: StepKey, answer: StepReturn, at: InstantMs): RunRecord {
  const fact: RunFact = { type: 'step-skipped', step, at, answer: toStateReturn(answer) };
  return { ...record, state: evolve(record.state, fact), answers: record.answers.with(step, answer) };
}

function toStateReturn({
  result,
  comment,
  changes,
  data,
  ran,
}: StepReturn): Extract<RunFact, { type: 'step-skipped' }>['answer'] {
  return {
    ...{ result, comment, changes: decodeValue(changes) },
    ...(data === undefined ? {} : { data: decodeValue(data) }),
    ...(ran === undefined ? {} : { ran }),
  };
}

function toFact(event: EntryOf<'step-started' | 'step-ended'>): RunFact {
  const mode = event.mode as RunFactMode;
  if (event.type === 'step-started')
    return { type: 'step-started', step: event.step, mode, at: event.at, attempt: event.attempt };
  const answer = toStateReturn(event.answer);
  if (event.outcome === 'skipped') return { type: 'step-skipped', step: event.step, at: event.at, answer };
  const calls = event.calls === undefined ? {} : { calls: event.calls };
  return { type: 'step-ended', step: event.step, mode, at: event.at, answer, durationMs: event.durationMs, ...calls };
}

type RunFactMode = Extract<RunFact, { type: 'step-started' }>['mode'];

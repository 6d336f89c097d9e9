import type { ErrorRecord, InstantMs, JsonValue } from '../kernel/index.ts';
import type { HostResult, RunJournalEvent, StepOutcome, StepProgress, StepReturn } from '../protocol/index.ts';

/** What a run looks like now; plain data, made only by `foldRun`. */
export interface RunView {
  readonly run: string;
  readonly name: string;
  readonly by: string;
  readonly inputs: Readonly<Record<string, JsonValue>>;
  /** `unknown` until the plan has been seen. */
  readonly status: 'unknown' | 'running' | 'succeeded' | 'failed' | 'rolled-back' | 'cancelled' | 'timed-out';
  readonly steps: readonly StepView[];
  readonly startedAt?: InstantMs;
  readonly endedAt?: InstantMs;
  readonly exitCode?: number;
  readonly error?: ErrorRecord;
  /** The master that drives the run, and since when. */
  readonly master?: { readonly id: string; readonly since: InstantMs };
}

/** What is shown of one step of a run. */
export interface StepView {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly sls: string;
  readonly place?: { readonly file: string; readonly line: number };
  readonly target?: string;
  readonly status: 'waiting' | 'running' | StepOutcome;
  /** 0 before it was started. */
  readonly attempt: number;
  /** Modes this attempt was started in, in order. */
  readonly modes: readonly string[];
  readonly startedAt?: InstantMs;
  readonly endedAt?: InstantMs;
  readonly durationMs?: number;
  readonly result?: boolean | null;
  readonly changes?: JsonValue;
  readonly comment?: string;
  /** Progress of the step as a whole. */
  readonly progress?: PhaseView;
  /** Id → how that host fares, in order of appearance. */
  readonly hosts: Readonly<Record<string, HostView>>;
}

/** What a step or one of its hosts is doing. */
export interface PhaseView {
  readonly phase: string;
  readonly detail?: string;
  readonly at: InstantMs;
}

/** What is shown of one host of a step. */
export interface HostView {
  readonly phase?: PhaseView;
  /** When the first sign of this host came. */
  readonly since?: InstantMs;
  readonly outcome?: HostResult['outcome'];
  readonly evidence?: string;
}

/** A run of which nothing is known but its id. */
export function unknownRun(run: string): RunView {
  return { run, name: '', by: '', inputs: {}, status: 'unknown', steps: [] };
}

/**
 * The run after `event`. Folding an event again, or one older than what was folded, changes nothing (the same object
 * comes back), so a snapshot and the live events may overlap.
 */
export function foldRun(view: RunView, event: RunJournalEvent | StepProgress): RunView {
  switch (event.type) {
    case 'run-planned':
      return foldPlanned(view, event);
    case 'run-adopted':
      return view.master !== undefined && view.master.since >= event.at
        ? view
        : { ...view, master: { id: event.master, since: event.at } };
    case 'step-started':
      return changeStep(view, event.step, (step) => foldStarted(step, event));
    case 'step-progress':
      return changeStep(view, event.step, (step) => foldProgress(step, event));
    case 'step-ended':
      return changeStep(view, event.step, (step) => foldEnded(step, event));
    case 'run-ended':
      return view.endedAt !== undefined ? view : foldRunEnded(view, event);
    default:
      return view;
  }
}

type EventOf<T extends RunJournalEvent['type']> = Extract<RunJournalEvent, { type: T }>;

function foldPlanned(view: RunView, event: EventOf<'run-planned'>): RunView {
  if (view.startedAt !== undefined) return view;
  const seen = new Map(view.steps.map((step) => [step.key, step]));
  const steps = event.steps.map((summary) => ({ ...(seen.get(summary.key) ?? waitingStep(summary.key)), ...summary }));
  return {
    ...view,
    name: event.name,
    by: event.by,
    inputs: event.inputs as Record<string, JsonValue>,
    status: view.status === 'unknown' ? 'running' : view.status,
    startedAt: event.at,
    steps,
  };
}

function foldRunEnded(view: RunView, event: EventOf<'run-ended'>): RunView {
  const { outcome, exitCode, at } = event;
  const error = event.error === undefined ? {} : { error: event.error as ErrorRecord };
  return { ...view, status: outcome, exitCode, endedAt: at, ...error };
}

function foldStarted(step: StepView, event: EventOf<'step-started'>): StepView {
  const { attempt, mode, at } = event;
  if (attempt < step.attempt) return step;
  if (attempt > step.attempt) {
    const { endedAt: _ended, durationMs: _took, progress: _progress, ...kept } = step;
    return { ...kept, status: 'running', attempt, modes: [mode], startedAt: at, hosts: {} };
  }
  if (step.modes.includes(mode) || at < lastEnd(step) || (step.modes.length === 0 && at === lastEnd(step))) return step;
  return { ...step, status: 'running', modes: [...step.modes, mode], startedAt: step.startedAt ?? at };
}

function foldProgress(step: StepView, event: StepProgress): StepView {
  // Progress names no attempt: what is older than this attempt belongs to the one before.
  if (event.at <= lastEnd(step) || (step.startedAt !== undefined && event.at < step.startedAt)) return step;
  const phase: PhaseView = {
    phase: event.phase,
    at: event.at,
    ...(event.detail === undefined ? {} : { detail: event.detail }),
  };
  const status = step.status === 'waiting' ? 'running' : step.status;
  if (event.host === undefined) return isNewer(phase, step.progress) ? { ...step, status, progress: phase } : step;
  const host = step.hosts[event.host];
  if (!isNewer(phase, host?.phase)) return step;
  return {
    ...step,
    status,
    hosts: { ...step.hosts, [event.host]: { ...host, phase, since: host?.since ?? event.at } },
  };
}

function foldEnded(step: StepView, event: EventOf<'step-ended'>): StepView {
  const { attempt, answer, at, outcome, startedAt, durationMs } = event;
  if (attempt < step.attempt || (attempt === step.attempt && at <= lastEnd(step))) return step;
  const { progress: _progress, ...kept } = step;
  return {
    ...kept,
    status: outcome,
    attempt,
    modes: attempt > step.attempt ? [] : step.modes,
    startedAt,
    endedAt: at,
    durationMs,
    result: answer.result,
    changes: answer.changes,
    comment: answer.comment,
    hosts: endedHosts(attempt > step.attempt ? {} : step.hosts, answer),
  };
}

function endedHosts(hosts: StepView['hosts'], answer: StepReturn): StepView['hosts'] {
  const ended: Record<string, HostView> = { ...hosts };
  for (const [id, { outcome, evidence }] of Object.entries(answer.hosts ?? {})) {
    ended[id] = { ...ended[id], outcome, ...(evidence === undefined ? {} : { evidence }) };
  }
  return ended;
}

/** Two phases at one instant are ordered by their text, so that the order of arrival does not matter. */
function isNewer(phase: PhaseView, known: PhaseView | undefined): boolean {
  if (known === undefined || phase.at > known.at) return true;
  return phase.at === known.at && phaseText(phase) > phaseText(known);
}

function phaseText(phase: PhaseView): string {
  return `${phase.phase}\0${phase.detail ?? ''}`;
}

function lastEnd(step: StepView): InstantMs {
  return step.endedAt ?? Number.NEGATIVE_INFINITY;
}

function changeStep(view: RunView, key: string, change: (step: StepView) => StepView): RunView {
  const index = view.steps.findIndex((step) => step.key === key);
  const before = view.steps[index] ?? waitingStep(key);
  const after = change(before);
  if (after === before) return view;
  return { ...view, steps: index < 0 ? [...view.steps, after] : view.steps.with(index, after) };
}

function waitingStep(key: string): StepView {
  return { key, id: key, name: key, kind: '', sls: '', status: 'waiting', attempt: 0, modes: [], hosts: {} };
}

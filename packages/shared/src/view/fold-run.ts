import type { ErrorRecord, InstantMs, JsonValue } from '../kernel/index.ts';
import type { RunJournalEvent, StepProgress } from '../protocol/index.ts';
import {
  changeStep,
  foldAnswered,
  foldAsked,
  foldEnded,
  foldKept,
  foldProgress,
  foldStarted,
  foldUndone,
} from './fold-step.ts';
import { statusOf } from './run-status.ts';
import { type ApprovalView, type RunView, waitingStep } from './run-view.ts';

type EventOf<T extends RunJournalEvent['type']> = Extract<RunJournalEvent, { type: T }>;

/**
 * The run after `event`. Folding an event again, or one older than what was folded, changes nothing (the same object
 * comes back), so a snapshot and the live events may overlap.
 */
export function foldRun(view: RunView, event: RunJournalEvent | StepProgress): RunView {
  const folded = fold(view, event);
  if (folded === view) return view;
  const status = statusOf(folded);
  return status === folded.status ? folded : { ...folded, status };
}

function fold(view: RunView, event: RunJournalEvent | StepProgress): RunView {
  switch (event.type) {
    case 'run-planned':
      return foldPlanned(view, event);
    case 'run-adopted':
      return isOlder(event.at, view.master?.since) ? view : { ...view, master: { id: event.master, since: event.at } };
    case 'run-queued':
      return foldQueued(view, event);
    case 'run-locked':
      return foldLocked(view, event);
    case 'run-approved':
      return foldApproved(view, event);
    case 'run-rejected':
      return isOlder(event.at, view.rejection?.at) ? view : { ...view, rejection: approvalOf(event) };
    case 'run-paused':
    case 'run-resumed':
      return foldPause(view, event);
    case 'run-aborting':
      return foldAborting(view, event);
    case 'run-moved':
      return foldMoved(view, event);
    case 'run-asked':
      return changeStep(view, event.step, (step) => foldAsked(step, event));
    case 'run-answered':
      return changeStep(view, event.step, (step) => foldAnswered(step, event));
    case 'hosts-dropped':
      return foldDropped(view, event);
    case 'run-rolling-back':
      return foldRollingBack(view, event);
    case 'run-rolled-back':
      return foldRolledBack(view, event);
    case 'step-started':
      return changeStep(view, event.step, (step) => foldStarted(step, event));
    case 'step-progress':
      return changeStep(view, event.step, (step) => foldProgress(step, event));
    case 'step-ended':
      return changeStep(view, event.step, (step) => foldEnded(step, event));
    case 'run-ended':
      return view.endedAt !== undefined ? view : foldRunEnded(view, event);
    default:
      // A newer master may tell of more than this version knows.
      return view;
  }
}

function isOlder(at: InstantMs, known: InstantMs | undefined): boolean {
  return known !== undefined && at <= known;
}

function foldPlanned(view: RunView, event: EventOf<'run-planned'>): RunView {
  if (view.startedAt !== undefined) return view;
  const seen = new Map(view.steps.map((step) => [step.key, step]));
  const steps = event.steps.map((summary) => {
    const onlyHosts = event.onlyHosts?.[summary.key];
    return {
      ...(seen.get(summary.key) ?? waitingStep(summary.key)),
      ...summary,
      ...(onlyHosts === undefined ? {} : { onlyHosts }),
    };
  });
  const { name, by, options, digest, sources, retryOf, rollbackOf, root } = event;
  const planned: RunView = {
    ...view,
    name,
    by,
    inputs: event.inputs as Record<string, JsonValue>,
    startedAt: event.at,
    steps,
    ...(options === undefined ? {} : { options }),
    ...(digest === undefined ? {} : { digest }),
    ...(sources === undefined ? {} : { sources }),
    ...(retryOf === undefined ? {} : { retryOf }),
    ...(rollbackOf === undefined ? {} : { rollbackOf }),
    ...(root === undefined ? {} : { root }),
  };
  return (event.kept ?? []).reduce(
    (run, { step, answer }) => changeStep(run, step, (kept) => foldKept(kept, answer)),
    planned,
  );
}

function foldMoved(view: RunView, { at, moved, fleet }: EventOf<'run-moved'>): RunView {
  if (isOlder(at, view.moved?.at)) return view;
  return { ...view, moved: { at, inputs: moved, ...(fleet === undefined ? {} : { fleet }) } };
}

/** At one instant a run is queued before it has its locks. */
function foldQueued(view: RunView, { at, locks, position, holders }: EventOf<'run-queued'>): RunView {
  if (isOlder(at, view.lock?.at)) return view;
  const since = view.lock?.state === 'queued' ? view.lock.since : at;
  return { ...view, lock: { state: 'queued', locks, since, at, position, holders } };
}

function foldLocked(view: RunView, { at, locks }: EventOf<'run-locked'>): RunView {
  const { lock } = view;
  if (lock !== undefined && (lock.at > at || (lock.at === at && lock.state === 'held'))) return view;
  return { ...view, lock: { state: 'held', locks, since: at, at } };
}

/** A person agrees to the same thing once, however often they say so. */
function foldApproved(view: RunView, event: EventOf<'run-approved'>): RunView {
  const known = view.approvals ?? [];
  const { by, step, digest } = event;
  if (known.some((other) => other.by === by && other.step === step && other.digest === digest)) return view;
  return { ...view, approvals: [...known, approvalOf(event)] };
}

function approvalOf(event: EventOf<'run-approved' | 'run-rejected'>): ApprovalView {
  const { by, at, step, comment } = event;
  return {
    by,
    at,
    ...('digest' in event ? { digest: event.digest } : {}),
    ...(step === undefined ? {} : { step }),
    ...(comment === undefined ? {} : { comment }),
  };
}

/** At one instant a run is paused before it goes on. */
function foldPause(view: RunView, event: EventOf<'run-paused' | 'run-resumed'>): RunView {
  const { at, by } = event;
  const { pause } = view;
  if (pause !== undefined && (pause.at > at || (pause.at === at && (!pause.isPaused || event.type === 'run-paused'))))
    return view;
  if (event.type === 'run-resumed') return { ...view, pause: { isPaused: false, by, at } };
  const reason = event.reason === undefined ? {} : { reason: event.reason };
  return { ...view, pause: { isPaused: true, by, at, ...reason } };
}

function foldAborting(view: RunView, { at, by, reason }: EventOf<'run-aborting'>): RunView {
  return isOlder(at, view.abort?.at) ? view : { ...view, abort: { at, by, reason } };
}

function foldDropped(view: RunView, { step, hosts }: EventOf<'hosts-dropped'>): RunView {
  const known = view.dropped ?? {};
  const fresh = hosts.filter((host) => known[host] === undefined);
  if (fresh.length === 0) return view;
  return { ...view, dropped: { ...known, ...Object.fromEntries(fresh.map((host) => [host, step])) } };
}

function foldRollingBack(view: RunView, { rollback: run, reason, steps, at }: EventOf<'run-rolling-back'>): RunView {
  if (isOlder(at, view.rollback?.startedAt)) return view;
  return { ...view, rollback: { run, reason, steps, startedAt: at } };
}

function foldRolledBack(view: RunView, { rollback: run, outcome, steps, at }: EventOf<'run-rolled-back'>): RunView {
  const { rollback } = view;
  const known =
    rollback !== undefined && (rollback.run === run ? rollback.endedAt !== undefined : rollback.startedAt >= at);
  if (known) return view;
  const begun = rollback?.run === run ? rollback : { run, reason: '', startedAt: at };
  const ended: RunView = { ...view, rollback: { ...begun, steps, outcome, endedAt: at } };
  return steps.reduce((after, key) => changeStep(after, key, (step) => foldUndone(step, at)), ended);
}

function foldRunEnded(view: RunView, event: EventOf<'run-ended'>): RunView {
  const { outcome, exitCode, at } = event;
  const error = event.error === undefined ? {} : { error: event.error as ErrorRecord };
  return { ...view, outcome, exitCode, endedAt: at, ...error };
}

import type { InstantMs } from '../kernel/index.ts';
import type { RunJournalEvent, StepOutcome, StepProgress, StepReturn } from '../protocol/index.ts';
import { type HostView, type PhaseView, positionOf, type RunView, type StepView, waitingStep } from './run-view.ts';

type EventOf<T extends RunJournalEvent['type']> = Extract<RunJournalEvent, { type: T }>;

/** The run with one step changed; the same object when `change` gives the step back as it was. */
export function changeStep(view: RunView, key: string, change: (step: StepView) => StepView): RunView {
  const index = positionOf(view, key);
  const before = view.steps[index] ?? waitingStep(key);
  const after = change(before);
  if (after === before) return view;
  return {
    ...view,
    steps: index < 0 ? [...view.steps, after] : view.steps.with(index, after),
    lastChanged: index < 0 ? view.steps.length : index,
    running: withKey(view.running, key, after.status === 'running'),
    asking: withKey(view.asking, key, after.asked !== undefined),
    ...(view.begunAt === undefined && after.attempt > 0 && after.startedAt !== undefined
      ? { begunAt: after.startedAt }
      : {}),
  };
}

/** Kept beside the steps, so that the status of a run with thousands of them needs no look at all of them. */
function withKey(keys: readonly string[], key: string, isIn: boolean): readonly string[] {
  if (keys.includes(key) === isIn) return keys;
  return isIn ? [...keys, key] : keys.filter((other) => other !== key);
}

/** The step once it, or another try of it, has begun. */
export function foldStarted(step: StepView, event: EventOf<'step-started'>): StepView {
  const { attempt, mode, at } = event;
  if (attempt < step.attempt) return step;
  if (attempt > step.attempt) {
    const { endedAt: _ended, durationMs: _took, progress: _progress, asked: _asked, ...kept } = step;
    return { ...kept, status: 'running', attempt, modes: [mode], startedAt: at, hosts: {} };
  }
  if (step.modes.includes(mode) || at < lastEnd(step) || (step.modes.length === 0 && at === lastEnd(step))) return step;
  return { ...step, status: 'running', modes: [...step.modes, mode], startedAt: step.startedAt ?? at };
}

/** The step with what it, or one of its hosts, is doing. */
export function foldProgress(step: StepView, event: StepProgress): StepView {
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

/** The step once it has ended; one that was undone since stays so. */
export function foldEnded(step: StepView, event: EventOf<'step-ended'>): StepView {
  const { attempt, answer, at, outcome, startedAt, durationMs } = event;
  if (attempt < step.attempt || (attempt === step.attempt && at <= lastEnd(step))) return step;
  const { progress: _progress, asked, ...kept } = step;
  return {
    ...kept,
    ...(asked !== undefined && asked.at > at ? { asked } : {}),
    status: outcome === 'succeeded' && step.undoneAt !== undefined && step.undoneAt >= at ? 'rolled-back' : outcome,
    attempt,
    modes: attempt > step.attempt ? [] : step.modes,
    startedAt,
    endedAt: at,
    durationMs,
    ...settled(answered(attempt > step.attempt ? {} : step.hosts, answer), outcome),
  };
}

/**
 * Hosts that a step told of while it ran, and says nothing of at its end, fared well when it did: a server that was
 * drained, a host that was brought up. How they fared in one that failed is not known.
 */
function settled<T extends Pick<StepView, 'hosts'>>(step: T, outcome: StepOutcome): T {
  const open = Object.entries(step.hosts).filter(([, host]) => host.outcome === undefined);
  if (open.length === 0 || outcome !== 'succeeded') return step;
  return {
    ...step,
    hosts: { ...step.hosts, ...Object.fromEntries(open.map(([id, host]) => [id, { ...host, outcome }])) },
  };
}

/** The step that failed and waits for a person's word. */
export function foldAsked(step: StepView, event: EventOf<'run-asked'>): StepView {
  const { at, attempt, answer, startedAt } = event;
  const known = Math.max(step.asked?.at ?? 0, step.answered?.at ?? 0, lastEnd(step));
  if (attempt < step.attempt || at <= known) return step;
  const hosts = attempt > step.attempt ? {} : step.hosts;
  return { ...step, status: 'running', attempt, startedAt, asked: { at }, ...answered(hosts, answer) };
}

/** The step once a person has said what becomes of it. */
export function foldAnswered(step: StepView, { at, choice, by }: EventOf<'run-answered'>): StepView {
  if (step.answered !== undefined && step.answered.at >= at) return step;
  const { asked, ...kept } = step;
  return { ...kept, ...(asked !== undefined && asked.at > at ? { asked } : {}), answered: { choice, by, at } };
}

/** The step once it is undone; one that failed goes on to show that it did. */
export function foldUndone(step: StepView, at: InstantMs): StepView {
  if (at <= (step.undoneAt ?? Number.NEGATIVE_INFINITY)) return step;
  const status = step.status === 'succeeded' && lastEnd(step) <= at ? 'rolled-back' : step.status;
  return { ...step, undoneAt: at, status };
}

/** The step that an earlier run has done, unless it is known to run after all. */
export function foldKept(step: StepView, answer: StepReturn): StepView {
  if (step.attempt > 0 || step.status !== 'waiting') return step;
  return { ...step, status: 'succeeded', kept: true, ...answered({}, answer) };
}

function answered(
  hosts: StepView['hosts'],
  { result, changes, comment, hosts: ends = {} }: StepReturn,
): Pick<StepView, 'result' | 'changes' | 'comment' | 'hosts'> {
  const ended: Record<string, HostView> = { ...hosts };
  for (const [id, { outcome, evidence }] of Object.entries(ends)) {
    ended[id] = { ...ended[id], outcome, ...(evidence === undefined ? {} : { evidence }) };
  }
  return { result, changes, comment, hosts: ended };
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

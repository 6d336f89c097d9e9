import { formatDuration, type InstantMs } from '@edge-run/shared/kernel';
import { EXIT, type RunJournalEvent, type StepReturn } from '@edge-run/shared/protocol';
import { type Chunk, decide, type RunAction, type StepKey } from '@edge-run/shared/state';
import { brokenHostsOf, type EntryOf, failedHostsOf, type RunRecord } from './run-record.ts';

/** A step to begin, or to begin again. */
export interface StartAction extends Extract<RunAction, { kind: 'start-step' }> {
  /** Counts from 1. */
  readonly attempt: number;
}

/** What a run is to do next. */
export type RunDecision =
  /** Nothing can start before this: wait for its locks. */
  | { readonly kind: 'lock' }
  | StartAction
  | Extract<RunAction, { kind: 'skip-step' }>
  /** A person has said what becomes of a failed step. */
  | { readonly kind: 'settle'; readonly step: StepKey }
  | { readonly kind: 'abort'; readonly why: Omit<EntryOf<'run-aborting'>, 'type' | 'run' | 'at'> }
  /** Undo these steps, in this order. */
  | { readonly kind: 'roll-back'; readonly steps: readonly StepKey[]; readonly reason: string }
  | { readonly kind: 'end'; readonly end: Omit<EntryOf<'run-ended'>, 'type' | 'run' | 'at'> };

/** What to do, and when to ask again though nothing has happened. */
export interface Decided {
  readonly decisions: readonly RunDecision[];
  readonly wakeAt?: InstantMs;
}

const NOTHING: Decided = { decisions: [] };

/**
 * What a run does next: pure, from what its journal says, how many of its steps run, and the time. Approvals come before
 * locks, so that nobody waits for a run that waits for a person; an abort comes before everything.
 */
export function decideRun(record: RunRecord, running: number, now: InstantMs): Decided {
  const { aborting, options, inputs } = record;
  if (record.end !== undefined) return NOTHING;
  if (record.rejected !== undefined && record.rejected.step === undefined) return end(rejectedEnd(record.rejected));
  if (aborting !== undefined) {
    const open = [...record.questions.keys()].map((step): RunDecision => ({ kind: 'settle', step }));
    return open.length > 0 ? { decisions: open } : running > 0 ? NOTHING : afterAbort(record, aborting);
  }
  if (!inputs.test) {
    const waiting = beforeFirstStep(record, now);
    if (waiting !== undefined) return waiting;
  }
  const stop = inputs.test ? undefined : (overdue(record, now) ?? overBudget(record));
  if (stop !== undefined) return { decisions: [{ kind: 'abort', why: stop }] };
  const deadline = record.begunAt === undefined || options.deadlineMs === undefined;
  const wake = deadline ? {} : { wakeAt: record.begunAt! + options.deadlineMs! };
  const settled = [...record.questions.values()].filter(({ choice }) => choice !== undefined);
  const settle = settled.map(({ asked }): RunDecision => ({ kind: 'settle', step: asked.step }));
  if (record.paused || settle.length > 0) return { decisions: settle, ...wake };
  return { decisions: decide(record.state).map((action) => fromEngine(record, action)), ...wake };
}

function fromEngine(record: RunRecord, action: RunAction): RunDecision {
  switch (action.kind) {
    case 'start-step':
      return { ...action, attempt: 1 };
    case 'skip-step':
      return action;
    case 'end-run':
      return action.succeeded
        ? { kind: 'end', end: { outcome: 'succeeded', exitCode: EXIT.done } }
        : {
            kind: 'end',
            end: { outcome: 'failed', exitCode: record.rollbackOf === undefined ? EXIT.failed : EXIT.rollbackFailed },
          };
  }
}

function beforeFirstStep(record: RunRecord, now: InstantMs): Decided | undefined {
  const { approvals: asked, locks } = record.options;
  if (asked !== undefined && record.approvals.length < asked.count && record.begunAt === undefined) {
    const expiresAt = record.plannedAt + asked.expiresMs;
    if (now < expiresAt) return { decisions: [], wakeAt: expiresAt };
    const message = `${record.approvals.length} of ${asked.count} approvals came within ${formatDuration(asked.expiresMs)}`;
    return end({ outcome: 'cancelled', exitCode: EXIT.notStarted, error: errorOf('EDGE_APPROVAL_EXPIRED', message) });
  }
  return locks.length > 0 && !record.locked ? { decisions: [{ kind: 'lock' }] } : undefined;
}

function rejectedEnd({ by, comment }: EntryOf<'run-rejected'>): Omit<EntryOf<'run-ended'>, 'type' | 'run' | 'at'> {
  const message = `rejected by ${by}${comment === undefined ? '' : `: ${comment}`}`;
  return { outcome: 'cancelled', exitCode: EXIT.notStarted, error: errorOf('EDGE_APPROVAL_REJECTED', message) };
}

function overdue({ begunAt, options }: RunRecord, now: InstantMs): AbortReason | undefined {
  const { deadlineMs } = options;
  if (begunAt === undefined || deadlineMs === undefined || now < begunAt + deadlineMs) return undefined;
  const reason = `the run did not end within ${formatDuration(deadlineMs)}`;
  return { by: 'deadline', reason, outcome: 'timed-out', rollback: options.onFailure === 'rollback' };
}

/** Whether more hosts have failed than the run may lose. */
function overBudget({ options, hosts }: RunRecord): AbortReason | undefined {
  const { maxFailures } = options;
  if (maxFailures === undefined) return undefined;
  const [failed, total] = [hosts.failed.size, hosts.targeted.size];
  const allowed = 'count' in maxFailures ? maxFailures.count : Math.floor(maxFailures.share * total);
  if (failed <= allowed) return undefined;
  const reason = `${failed} of ${total} hosts failed, at most ${allowed} may: ${[...hosts.failed.keys()].sort().join(', ')}`;
  return { by: 'max_failures', reason, outcome: 'failed', rollback: options.onFailure === 'rollback' };
}

type AbortReason = Omit<EntryOf<'run-aborting'>, 'type' | 'run' | 'at'>;

function afterAbort(record: RunRecord, { outcome, reason, rollback, by }: EntryOf<'run-aborting'>): Decided {
  const code = by === 'failure' ? 'EDGE_STEP_FAILED' : ABORT_CODE[outcome];
  const error = errorOf(code, reason);
  if (rollback && record.rolledBack === undefined) {
    const steps = stepsToUndo(record);
    if (steps.length > 0) return { decisions: [{ kind: 'roll-back', steps, reason }] };
  }
  if (record.rolledBack?.outcome === 'succeeded' && record.rolledBack.steps.length > 0)
    return end({ outcome: 'rolled-back', exitCode: EXIT.rolledBack, error });
  if (record.rolledBack?.outcome === 'failed') {
    const message = `${reason}; undoing it failed too: see run ${record.rolledBack.rollback}`;
    return end({ outcome: 'failed', exitCode: EXIT.rollbackFailed, error: errorOf('EDGE_ROLLBACK_FAILED', message) });
  }
  return end({ outcome, exitCode: ABORT_EXIT[outcome], error });
}

const ABORT_EXIT = { cancelled: EXIT.interrupted, 'timed-out': EXIT.timedOut, failed: EXIT.failed } as const;
const ABORT_CODE = {
  cancelled: 'EDGE_CANCELLED',
  'timed-out': 'EDGE_DEADLINE',
  failed: 'EDGE_TOO_MANY_FAILED',
} as const;

/**
 * Steps with an undo that ran in this run, the last one first; what a failed one did halfway is undone too. A nested
 * orchestration is undone by its own steps' undo, unless the step says something else.
 */
export function stepsToUndo({ done, stored, state }: RunRecord): readonly StepKey[] {
  const { nodes, runNodes } = state.graph;
  return [...done.keys()]
    .filter((step) => {
      const { undo } = stored.settings[step] ?? {};
      return undo === undefined ? isNestedRun(nodes[runNodes.get(step)!]!.chunk) : undo.length > 0;
    })
    .reverse();
}

/** True for a step that runs an orchestration of its own. */
export function isNestedRun({ state, fun, name }: Chunk): boolean {
  return state === 'salt' && fun === 'runner' && /^state\.(orchestrate|orch|sls)$/.test(String(name));
}

/** How a step went, as the driver saw it. */
export interface StepEnd {
  readonly step: StepKey;
  readonly mode: EntryOf<'step-ended'>['mode'];
  readonly attempt: number;
  readonly answer: StepReturn;
  readonly outcome: EntryOf<'step-ended'>['outcome'];
  readonly startedAt: InstantMs;
  readonly durationMs: number;
  readonly calls?: number;
  readonly bundle?: string;
}

/**
 * What is journaled when a step has been done: its end, and what a failure leads to. A failure that a person is to
 * decide about is asked instead of ended.
 */
export function judgeStep(record: RunRecord, judged: StepEnd, at: InstantMs): readonly RunJournalEvent[] {
  const earlier = record.doneHosts.get(judged.step);
  const allHosts = { ...earlier, ...judged.answer.hosts };
  const end = earlier === undefined ? judged : { ...judged, answer: { ...judged.answer, hosts: allHosts } };
  const base = { run: record.id, at };
  const ended: RunJournalEvent = { ...base, type: 'step-ended', ...end };
  const isReal = end.mode !== 'foresee' && !record.inputs.test;
  if (!isReal || record.aborting !== undefined) return [ended];
  const { step, mode, attempt, answer, startedAt, durationMs } = end;
  const failed = record.options.onTargetFailure === 'drop' ? hostsToDrop(answer) : [];
  if (failed.length > 0) {
    const comment = `${answer.comment} The run goes on without ${failed.join(', ')}.`;
    const dropped: RunJournalEvent = { ...base, type: 'hosts-dropped', step, hosts: [...failed] };
    return [dropped, { ...ended, outcome: 'succeeded', answer: { ...answer, result: true, comment } }];
  }
  if (answer.result !== false) return [ended];
  const policy = record.stored.settings[step]?.onFailure ?? record.options.onFailure;
  switch (policy) {
    case 'continue':
      return [ended];
    case 'ask':
      return [{ ...base, type: 'run-asked', step, mode, attempt, answer, startedAt, durationMs }];
    case 'hold':
    case 'rollback':
      return [ended, failureAbort(record, end, at, policy === 'rollback')];
  }
}

/**
 * Hosts that the rest of the run is to be done without: those that failed, within the step's own budget too. None where
 * the step has failed as a whole: on every host, or because a limit or a gate of its own stopped it.
 */
function hostsToDrop(answer: StepReturn): readonly string[] {
  const failed = brokenHostsOf(answer);
  if (answer.result !== false) return failed;
  const ends = Object.values(answer.hosts ?? {});
  const wasStopped = ends.some(({ outcome }) => outcome === 'cancelled');
  return wasStopped || failed.length === ends.length ? [] : failed;
}

/** What is journaled once a person has said what becomes of a failed step; `retry` starts it again instead. */
export function settleQuestion(record: RunRecord, step: StepKey, at: InstantMs): readonly RunJournalEvent[] {
  const { asked, choice, by } = record.questions.get(step)!;
  const { mode, attempt, answer, startedAt, durationMs } = asked;
  const failed = failedHostsOf(answer);
  const base = { run: record.id, at } as const;
  const end = { step, mode, attempt, startedAt, durationMs, answer, outcome: 'failed' } as const;
  const ended: RunJournalEvent = { ...base, type: 'step-ended', ...end };
  if (record.aborting !== undefined) return [ended];
  switch (choice) {
    case 'skip': {
      const hosts = failed.length > 0 && failed.length < Object.keys(answer.hosts ?? {}).length ? [...failed] : [];
      const what = hosts.length === 0 ? 'passed over' : `goes on without ${hosts.join(', ')}`;
      const accepted = { ...answer, result: true, comment: `${answer.comment} ${by} decided: ${what}.` };
      const dropped: RunJournalEvent[] = hosts.length === 0 ? [] : [{ ...base, type: 'hosts-dropped', step, hosts }];
      return [...dropped, { ...ended, outcome: 'succeeded', answer: accepted }];
    }
    case 'rollback':
      return [ended, failureAbort(record, end, at, true)];
    case 'abort':
      return [ended, failureAbort(record, end, at, false)];
    default:
      return [{ ...base, type: 'step-started', step, mode, attempt: attempt + 1 }];
  }
}

function failureAbort(
  record: RunRecord,
  { step, answer }: Pick<StepEnd, 'step' | 'answer'>,
  at: InstantMs,
  rollback: boolean,
): RunJournalEvent {
  const id = record.stored.plan.chunks.find(({ key }) => key === step)?.id ?? step;
  const reason = `step ${id} failed: ${answer.comment.split('\n')[0]}`;
  return { run: record.id, at, type: 'run-aborting', by: 'failure', reason, outcome: 'failed', rollback };
}

function end(ended: Omit<EntryOf<'run-ended'>, 'type' | 'run' | 'at'>): Decided {
  return { decisions: [{ kind: 'end', end: ended }] };
}

function errorOf(code: string, message: string): NonNullable<EntryOf<'run-ended'>['error']> {
  return { code, message, details: {} };
}

import type { InstantMs } from '@edge-run/shared/kernel';
import type { RunJournalEvent, StepReturn } from '@edge-run/shared/protocol';
import { encodeValue } from '@edge-run/shared/values';
import { decideRun, type RunDecision, type StartAction, settleQuestion } from './decide-run.ts';
import type { RollbackRequest } from './driver-ports.ts';
import { type EntryOf, foldEvent, type RunRecord } from './run-record.ts';
import type { StepAnswer } from './step-kind.ts';

/** What the next append holds, and what it lets begin. */
export interface Turn {
  readonly events: RunJournalEvent[];
  readonly starts: StartAction[];
  /** The run once the events are stored. */
  readonly record: RunRecord;
  /** Whether the run has to wait for its locks now. */
  readonly lock: boolean;
  readonly rollBack: RollbackRequest | undefined;
  /** When to look again though nothing has happened. */
  readonly wakeAt: InstantMs | undefined;
}

/**
 * What follows from `facts` that have happened: asks what is next until there is nothing more to say, because skipping a
 * step may make others ready. Pure. `running`: how many steps run.
 */
export function nextTurn(
  journaled: RunRecord,
  facts: readonly RunJournalEvent[],
  { running, now }: { readonly running: number; readonly now: InstantMs },
): Turn {
  let record = journaled;
  const events: RunJournalEvent[] = [];
  const starts: StartAction[] = [];
  const note = (...noted: readonly RunJournalEvent[]): void => {
    for (const event of noted) {
      record = foldEvent(record, event)!;
      events.push(event);
    }
  };
  note(...facts);
  for (;;) {
    const { decisions, wakeAt } = decideRun(record, running + starts.length, now);
    const [first] = decisions;
    if (first === undefined || record.end !== undefined)
      return { events, starts, record, wakeAt, lock: false, rollBack: undefined };
    if (first.kind === 'lock') return { events, starts, record, wakeAt, lock: true, rollBack: undefined };
    if (first.kind === 'roll-back') {
      const { steps, reason } = first;
      const rollback = record.rollback?.rollback ?? `${record.id}-rollback`;
      if (record.rollback === undefined)
        note({ type: 'run-rolling-back', run: record.id, at: now, rollback, reason, steps: [...steps] });
      return { events, starts, record, wakeAt, lock: false, rollBack: { rollback, steps, reason } };
    }
    for (const decision of decisions)
      if (decision.kind !== 'lock' && decision.kind !== 'roll-back') note(...eventsOf(record, decision, now, starts));
  }
}

/** What a decision writes into the journal; steps to start are added to `starts`. */
function eventsOf(
  record: RunRecord,
  decision: Exclude<RunDecision, { kind: 'lock' | 'roll-back' }>,
  at: InstantMs,
  starts: StartAction[],
): readonly RunJournalEvent[] {
  const base = { run: record.id, at };
  switch (decision.kind) {
    case 'start-step': {
      const { step, mode, attempt } = decision;
      starts.push(decision);
      return [{ ...base, type: 'step-started', step, mode, attempt }];
    }
    case 'skip-step':
      return [skipped(base, decision)];
    case 'settle': {
      const events = settleQuestion(record, decision.step, at);
      for (const event of events)
        if (event.type === 'step-started')
          starts.push({
            kind: 'start-step',
            step: event.step,
            mode: event.mode as StartAction['mode'],
            attempt: event.attempt,
          });
      return events;
    }
    case 'abort':
      return [{ ...base, type: 'run-aborting', ...decision.why }];
    case 'end':
      return [{ ...base, type: 'run-ended', ...decision.end }];
  }
}

function skipped(
  base: { readonly run: string; readonly at: InstantMs },
  { step, answer }: Extract<RunDecision, { kind: 'skip-step' }>,
): EntryOf<'step-ended'> {
  const end = { step, mode: 'run', attempt: 0, outcome: 'skipped', startedAt: base.at, durationMs: 0 } as const;
  return { ...base, type: 'step-ended', ...end, answer: toReturn(answer) };
}

/** A step's answer as it is journaled. */
export function toReturn({ result, changes, comment, data, ran, hosts, foreseen }: StepAnswer): StepReturn {
  return {
    result,
    changes: encodeValue(changes),
    comment,
    ...(data === undefined ? {} : { data: encodeValue(data) }),
    ...(ran === undefined ? {} : { ran }),
    ...(hosts === undefined ? {} : { hosts: { ...hosts } }),
    ...(foreseen === undefined ? {} : { foreseen }),
  };
}

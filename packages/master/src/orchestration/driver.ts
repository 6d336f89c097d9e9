import { type Clock, EdgeError, type Logger, toErrorRecord } from '@edge-run/shared/kernel';
import { EXIT, type RunJournalEvent, type StepReturn } from '@edge-run/shared/protocol';
import { decide, type RunAction, resumeRun, type StepKey } from '@edge-run/shared/state';
import { encodeValue } from '@edge-run/shared/values';
import type { Journal, Revision } from '../journal/index.ts';
import { foldEvent, outcomeOf, type RunRecord } from './run-record.ts';
import type { StepAnswer } from './step-kind.ts';

/** Reason of an abort that lets a run go without ending it. */
export const RELEASED = new EdgeError('EDGE_CANCELLED', 'this master is stopping; the run goes on with the next');

/** What the driver acts through. */
export interface DriverPorts {
  readonly journal: Journal<RunJournalEvent>;
  /** Runs one step and never throws: what goes wrong is an answer. */
  executeStep(record: RunRecord, action: StartAction, signal: AbortSignal): Promise<StepAnswer>;
  /** Hands journaled events on to whoever watches. */
  publish(events: readonly RunJournalEvent[], revision: Revision): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The decision to start a step. */
export type StartAction = Extract<RunAction, { kind: 'start-step' }>;

/** A run to be driven from where its journal ends. */
export interface DrivenRun {
  readonly record: RunRecord;
  readonly revision: Revision;
}

type Ended = { readonly action: StartAction; readonly answer: StepAnswer; readonly startedAt: number };

/**
 * Takes a run to its end: decide, append, act, append what came of it. Every entry is stored before anything that
 * follows from it happens, so the run can be taken up from the journal at any instant.
 *
 * @throws EdgeError `EDGE_JOURNAL_CONFLICT` when another master took the run over; steps that ran are abandoned
 */
export async function driveRun(run: DrivenRun, ports: DriverPorts, signal: AbortSignal): Promise<RunRecord> {
  const driver = new Driver(run, ports, signal);
  return driver.run();
}

class Driver {
  readonly #ports: DriverPorts;
  readonly #cancel: AbortSignal;
  /** Aborts steps when the run is cancelled or lost. */
  readonly #steps = new AbortController();
  readonly #running = new Map<StepKey, Promise<Ended>>();
  #record: RunRecord;
  #revision: Revision;

  constructor({ record, revision }: DrivenRun, ports: DriverPorts, cancel: AbortSignal) {
    this.#record = record;
    this.#revision = revision;
    this.#ports = ports;
    this.#cancel = cancel;
  }

  async run(): Promise<RunRecord> {
    const abort = (): void => this.#steps.abort(this.#cancel.reason);
    this.#cancel.addEventListener('abort', abort, { once: true });
    if (this.#cancel.aborted) abort();
    try {
      await this.#loop();
      return this.#record;
    } catch (error) {
      this.#steps.abort(error);
      throw error;
    } finally {
      this.#cancel.removeEventListener('abort', abort);
    }
  }

  async #loop(): Promise<void> {
    // Steps that had started when the last master died: their jobs are reattached to, or run again, under the same id.
    for (const action of this.#interrupted()) this.#start(action);
    let facts: RunJournalEvent[] = [];
    while (this.#record.end === undefined) {
      if (this.#cancel.reason === RELEASED) throw RELEASED;
      const { events, starts } = this.#next();
      facts.push(...events);
      if (facts.length > 0) await this.#append(facts);
      facts = [];
      if (this.#record.end !== undefined) return;
      for (const action of starts) this.#start(action);
      if (this.#running.size === 0) throw stuck(this.#record);
      facts = [this.#toEvent(await Promise.race(this.#running.values()))];
      this.#fold(facts);
    }
  }

  /** Asks the engine until it has nothing more to say; skipping a step may make others ready. */
  #next(): { events: RunJournalEvent[]; starts: StartAction[] } {
    const events: RunJournalEvent[] = [];
    const starts: StartAction[] = [];
    const note = (event: RunJournalEvent): void => {
      events.push(event);
      this.#fold([event]);
    };
    if (this.#cancel.aborted) {
      if (this.#running.size === 0) note(this.#endOf('cancelled', EXIT.interrupted));
      return { events, starts };
    }
    while (this.#record.end === undefined) {
      const actions = decide(this.#record.state);
      if (actions.length === 0) break;
      for (const action of actions) {
        const at = this.#ports.clock.now();
        if (action.kind === 'start-step') {
          starts.push(action);
          note({ type: 'step-started', run: this.#record.id, at, step: action.step, mode: action.mode, attempt: 1 });
        } else if (action.kind === 'skip-step') note(this.#skipped(action, at));
        else note(this.#endOf(action.succeeded ? 'succeeded' : 'failed', action.succeeded ? EXIT.done : EXIT.failed));
      }
    }
    return { events, starts };
  }

  #interrupted(): readonly StartAction[] {
    return resumeRun(this.#record.state).map(({ step, mode }) => ({ kind: 'start-step', step, mode }));
  }

  #start(action: StartAction): void {
    const startedAt = this.#ports.clock.now();
    const work = this.#ports.executeStep(this.#record, action, this.#steps.signal).then(
      (answer) => ({ action, answer, startedAt }),
      (error: unknown) => ({ action, answer: faultAnswer(error), startedAt }),
    );
    this.#running.set(action.step, work);
  }

  #toEvent({ action, answer, startedAt }: Ended): RunJournalEvent {
    this.#running.delete(action.step);
    const at = this.#ports.clock.now();
    return {
      type: 'step-ended',
      run: this.#record.id,
      at,
      step: action.step,
      mode: action.mode,
      attempt: 1,
      outcome: this.#cancel.aborted && answer.result === false ? 'cancelled' : outcomeOf(answer),
      answer: toReturn(answer),
      startedAt,
      durationMs: at - startedAt,
      ...(answer.calls === undefined ? {} : { calls: answer.calls }),
    };
  }

  #skipped(action: Extract<RunAction, { kind: 'skip-step' }>, at: number): RunJournalEvent {
    const { step, answer } = action;
    const base = {
      type: 'step-ended',
      run: this.#record.id,
      at,
      step,
      mode: 'run',
      attempt: 0,
      outcome: 'skipped',
    } as const;
    return { ...base, answer: toReturn(answer), startedAt: at, durationMs: 0 };
  }

  #endOf(outcome: 'succeeded' | 'failed' | 'cancelled', exitCode: number): RunJournalEvent {
    return { type: 'run-ended', run: this.#record.id, at: this.#ports.clock.now(), outcome, exitCode };
  }

  #fold(events: readonly RunJournalEvent[]): void {
    for (const event of events) this.#record = foldEvent(this.#record, event)!;
  }

  async #append(events: readonly RunJournalEvent[]): Promise<void> {
    this.#revision = await this.#ports.journal.append(this.#record.id, this.#revision, events);
    this.#ports.publish(events, this.#revision);
  }
}

function toReturn({ result, changes, comment, ran, hosts }: StepAnswer): StepReturn {
  return {
    result,
    changes: encodeValue(changes),
    comment,
    ...(ran === undefined ? {} : { ran }),
    ...(hosts === undefined ? {} : { hosts: { ...hosts } }),
  };
}

function faultAnswer(error: unknown): StepAnswer {
  const { code, message, hint } = toErrorRecord(error);
  return { result: false, changes: null, comment: `${code}: ${message}${hint === undefined ? '' : ` ${hint}`}` };
}

/** The engine promises to end every run; this says so where it would not, instead of waiting for ever. */
function stuck(record: RunRecord): EdgeError {
  return new EdgeError('EDGE_INTERNAL', `run ${record.id} has steps left but none can start`, {
    run: record.id,
    steps: record.answers.size,
  });
}

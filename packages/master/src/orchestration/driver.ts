import { setMaxListeners } from 'node:events';
import { EdgeError, type InstantMs } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { resumeRun, type StepKey } from '@edge-run/shared/state';
import { encodeValue } from '@edge-run/shared/values';
import type { Revision } from '../journal/index.ts';
import { judgeStep, type StartAction } from './decide-run.ts';
import type { DriverPorts, RollbackRequest } from './driver-ports.ts';
import { foldEvent, outcomeOf, type RunRecord } from './run-record.ts';
import type { StepAnswer } from './step-kind.ts';
import { doStep } from './step-work.ts';
import { nextTurn, type Turn, toReturn } from './turn.ts';

/** Reason of an abort that lets a run go without ending it. */
export const RELEASED = new EdgeError('EDGE_CANCELLED', 'this master is stopping; the run goes on with the next');

/** A run to be driven from where its journal ends. */
export interface DrivenRun {
  readonly record: RunRecord;
  readonly revision: Revision;
}

/** What has come of something the driver began. */
type Arrival =
  | { readonly kind: 'step'; readonly action: StartAction; readonly answer: StepAnswer; readonly startedAt: InstantMs }
  | { readonly kind: 'event'; readonly event: RunJournalEvent; stored(): void }
  | { readonly kind: 'fault'; readonly error: unknown }
  /** Somebody else wrote to the journal, or it is time to look again. */
  | { readonly kind: 'look' };

/**
 * Takes a run to its end: decide, append, act, append what came of it. Every entry is stored before anything that
 * follows from it happens, so the run can be taken up from the journal at any instant. Others may append to the journal
 * of a run that is driven (an approval, a pause): the driver reads what they wrote and decides anew.
 */
export class RunDriver {
  readonly #ports: DriverPorts;
  /** Aborts what goes on when the run is aborted or lost. */
  readonly #steps = new AbortController();
  readonly #running = new Set<StepKey>();
  readonly #arrivals: Arrival[] = [];
  /** Aborts when the run has ended or is let go. */
  readonly #over = new AbortController();
  #watchers: (() => void)[] = [];
  #wake: () => void = () => {};
  #isLocking = false;
  #isRollingBack = false;
  /** As the journal has it. */
  #record: RunRecord;
  #revision: Revision;

  constructor({ record, revision }: DrivenRun, ports: DriverPorts) {
    this.#record = record;
    this.#revision = revision;
    this.#ports = ports;
    // Everybody who wants something of the run waits for its end too.
    setMaxListeners(0, this.#over.signal, this.#steps.signal);
  }

  /** The run as journaled so far. */
  get record(): RunRecord {
    return this.#record;
  }

  /** An entry of this run is in the journal; those of others are read. */
  observe(revision: Revision): void {
    if (revision > this.#revision) this.#arrive({ kind: 'look' });
  }

  /** Appends what somebody wants of the run; resolves once it is stored. @throws EdgeError `EDGE_RUN_ENDED` */
  submit(event: RunJournalEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#over.signal.addEventListener('abort', () => reject(this.#over.signal.reason), { once: true });
      this.#arrive({ kind: 'event', event, stored: resolve });
    });
  }

  /** Resolves when the journal has grown, or the run is no longer driven here. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push(resolve);
      if (this.#over.signal.aborted) resolve();
    });
  }

  /**
   * Drives the run until it ends or `signal` aborts, which lets go of it.
   *
   * @throws EdgeError `EDGE_JOURNAL_CONFLICT` when another master took the run over; steps that ran are abandoned
   */
  async run(signal: AbortSignal): Promise<RunRecord> {
    const release = (): void => {
      this.#steps.abort(signal.reason);
      this.#arrive({ kind: 'look' });
    };
    signal.addEventListener('abort', release, { once: true });
    if (signal.aborted) release();
    try {
      await this.#loop(signal);
      return this.#record;
    } catch (error) {
      this.#steps.abort(error);
      throw error;
    } finally {
      signal.removeEventListener('abort', release);
      const { id: run } = this.#record;
      this.#over.abort(new EdgeError('EDGE_RUN_ENDED', `run ${run} has ended already`, { run }));
      this.#tellWatchers();
    }
  }

  async #loop(signal: AbortSignal): Promise<void> {
    let facts: RunJournalEvent[] = this.#takeUp();
    let arrivals: readonly Arrival[] = [];
    for (;;) {
      if (signal.aborted) throw signal.reason;
      const now = this.#ports.clock.now();
      const turn = nextTurn(this.#record, facts, { running: this.#running.size, now });
      if (turn.events.length > 0 && !(await this.#append(turn))) continue;
      for (const arrival of arrivals) if (arrival.kind === 'event') arrival.stored();
      if (this.#record.end !== undefined) return;
      this.#act(turn);
      if (this.#isIdle(turn)) throw stuck(this.#record);
      arrivals = await this.#arrived(turn.wakeAt);
      facts = this.#toEvents(arrivals);
    }
  }

  /**
   * Steps that had started when the last master died: their jobs are reattached to, or run again, under the same id; or
   * a person is asked.
   */
  #takeUp(): RunJournalEvent[] {
    const record = this.#record;
    const facts: RunJournalEvent[] = [];
    for (const { step, mode, attempt, startedAt } of resumeRun(record.state)) {
      if (record.questions.has(step)) continue;
      if (this.#ports.afterCrash(record, step) === 'ask' && !record.inputs.test) {
        const comment = 'the master died while this step ran; whether it was done is not known';
        const answer = { result: false, changes: encodeValue(null), comment };
        const at = this.#ports.clock.now();
        const durationMs = at - startedAt;
        facts.push({ type: 'run-asked', run: record.id, at, step, mode, attempt, answer, startedAt, durationMs });
      } else this.#start({ kind: 'start-step', step, mode, attempt }, startedAt);
    }
    return facts;
  }

  /** False when others wrote to the journal meanwhile: what they wrote is known then, and all is to be decided anew. */
  async #append({ events, record }: Turn): Promise<boolean> {
    const { journal, publish } = this.#ports;
    try {
      this.#revision = await journal.append(record.id, this.#revision, events);
    } catch (error) {
      if (!(error instanceof EdgeError) || error.code !== 'EDGE_JOURNAL_CONFLICT') throw error;
      await this.#readOthers(error);
      return false;
    }
    this.#record = record;
    publish(events, this.#revision);
    this.#tellWatchers();
    return true;
  }

  /** @throws the conflict when another master has adopted the run */
  async #readOthers(conflict: EdgeError): Promise<void> {
    const entries = await this.#ports.journal.read(this.#record.id);
    for (const { revision, events } of entries) {
      if (revision <= this.#revision) continue;
      if (events.some(({ type }) => type === 'run-adopted' || type === 'run-ended')) throw conflict;
      for (const event of events) this.#record = foldEvent(this.#record, event)!;
      this.#revision = revision;
    }
  }

  #tellWatchers(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const tell of watchers) tell();
  }

  #act({ starts, lock, rollBack }: Turn): void {
    const { aborting } = this.#record;
    // What failed by itself is let run out; what is cancelled or late is not.
    if (aborting !== undefined && aborting.outcome !== 'failed' && !this.#steps.signal.aborted)
      this.#steps.abort(new EdgeError('EDGE_CANCELLED', `${aborting.reason} (${aborting.by})`));
    for (const action of starts) this.#start(action, this.#ports.clock.now());
    if (lock && !this.#isLocking) this.#lock();
    if (rollBack !== undefined && !this.#isRollingBack) this.#rollBack(rollBack);
  }

  #lock(): void {
    this.#isLocking = true;
    const record = this.#record;
    const { id: run } = record;
    const { locks } = record.options;
    const now = (): InstantMs => this.#ports.clock.now();
    let queued = false;
    this.#ports
      .lock(record, this.#steps.signal, ({ position, holders }) => {
        // The journal says once that it waits; the place in the queue changes too often for it.
        if (!queued)
          this.#note({ type: 'run-queued', run, at: now(), locks: [...locks], position, holders: [...holders] });
        queued = true;
      })
      .then(
        () => this.#note({ type: 'run-locked', run, at: now(), locks: [...locks] }),
        // A wait that ended because the run was aborted is no fault.
        (error: unknown) => {
          if (!this.#steps.signal.aborted) this.#arrive({ kind: 'fault', error });
        },
      );
  }

  #rollBack(request: RollbackRequest): void {
    this.#isRollingBack = true;
    const run = this.#record.id;
    // Not under the signal of the steps, which an abort has stopped.
    this.#ports.rollBack(this.#record, request, this.#over.signal).then(
      ({ outcome, steps }) =>
        this.#note({
          ...{ type: 'run-rolled-back', run, at: this.#ports.clock.now() },
          ...{ rollback: request.rollback, outcome, steps: [...steps] },
        }),
      (error: unknown) => this.#arrive({ kind: 'fault', error }),
    );
  }

  #note(event: RunJournalEvent): void {
    this.#arrive({ kind: 'event', event, stored: () => {} });
  }

  #start(action: StartAction, startedAt: InstantMs): void {
    this.#running.add(action.step);
    const work = doStep(this.#record, action, startedAt, this.#ports, this.#steps.signal);
    void work.then((answer) => this.#arrive({ kind: 'step', action, answer, startedAt }));
  }

  #toEvents(arrivals: readonly Arrival[]): RunJournalEvent[] {
    let record = this.#record;
    return arrivals.flatMap((arrival) => {
      const events = this.#eventsOf(record, arrival);
      for (const event of events) record = foldEvent(record, event)!;
      return events;
    });
  }

  #eventsOf(record: RunRecord, arrival: Arrival): readonly RunJournalEvent[] {
    switch (arrival.kind) {
      case 'look':
        return [];
      case 'event':
        return [arrival.event];
      case 'fault':
        throw arrival.error;
      case 'step': {
        const { action, answer, startedAt } = arrival;
        const { step, mode, attempt } = action;
        this.#running.delete(step);
        const at = this.#ports.clock.now();
        const outcome = answer.timedOut
          ? 'timed-out'
          : this.#steps.signal.aborted && answer.result === false
            ? 'cancelled'
            : outcomeOf(answer);
        const { calls, bundle } = answer;
        const further = { ...(calls === undefined ? {} : { calls }), ...(bundle === undefined ? {} : { bundle }) };
        const durationMs = at - startedAt;
        const end = { step, mode, attempt, answer: toReturn(answer), outcome, startedAt, durationMs, ...further };
        return judgeStep(record, end, at);
      }
    }
  }

  #arrive(arrival: Arrival): void {
    this.#arrivals.push(arrival);
    this.#wake();
  }

  /** What has arrived; waits for something, at most until `wakeAt`. */
  async #arrived(wakeAt: InstantMs | undefined): Promise<readonly Arrival[]> {
    if (this.#arrivals.length === 0) {
      const awake = new AbortController();
      const something = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const { clock } = this.#ports;
      const timer =
        wakeAt === undefined
          ? []
          : [clock.sleep(Math.max(0, wakeAt - clock.now()), awake.signal).catch(() => undefined)];
      await Promise.race([something, ...timer]);
      awake.abort();
    }
    return this.#arrivals.splice(0);
  }

  /** Nothing goes on and nobody is waited for. */
  #isIdle({ wakeAt, lock, rollBack }: Turn): boolean {
    const { paused, questions, rejected } = this.#record;
    const waits = paused || questions.size > 0 || rejected !== undefined || lock || rollBack !== undefined;
    return this.#running.size === 0 && this.#arrivals.length === 0 && wakeAt === undefined && !waits;
  }
}

/** The engine promises to end every run; this says so where it would not, instead of waiting for ever. */
function stuck(record: RunRecord): EdgeError {
  return new EdgeError('EDGE_INTERNAL', `run ${record.id} has steps left but none can start`, {
    run: record.id,
    steps: record.answers.size,
  });
}

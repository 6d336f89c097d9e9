import { type Clock, EdgeError, type JsonValue, type Logger, newId } from '@edge-run/shared/kernel';
import type { RunJournalEvent, StepSummary } from '@edge-run/shared/protocol';
import { encodePlan } from '@edge-run/shared/state';
import { encodeValue, type PyMap } from '@edge-run/shared/values';
import type { Journal, Revision } from '../journal/index.ts';
import { type DriverPorts, driveRun, RELEASED } from './driver.ts';
import { encodeStoredPlan, foldRecord, type RunRecord, type StoredPlan } from './run-record.ts';

/** What somebody asks to be run. */
export interface RunRequest {
  /** Name of the orchestration: `deploy-environment`. */
  readonly name: string;
  readonly saltenv?: string;
  readonly pillarenv?: string;
  /** Laid over the pillar and wins. */
  readonly pillar?: PyMap;
  /** Only look. */
  readonly test?: boolean;
  /** `user`, `schedule:name`, `reactor:name`, `run:id`. */
  readonly by: string;
  /** Event that led here. */
  readonly causedBy?: string;
  /** Id to use: starting the same run twice attaches to the first. */
  readonly id?: string;
}

/** An orchestration rendered and compiled. */
export interface CompiledOrchestration {
  /** Its full name: `orch.deploy-environment`. */
  readonly name: string;
  readonly stored: StoredPlan;
  readonly steps: readonly StepSummary[];
}

/** What runs are compiled, journaled and driven with. */
export interface RunServiceOptions {
  readonly journal: Journal<RunJournalEvent>;
  readonly master: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Renders and compiles. @throws DiagnosticsError; nothing has been touched then, but for calls of the template */
  compile(request: RunRequest): Promise<CompiledOrchestration>;
  readonly executeStep: DriverPorts['executeStep'];
  readonly publish: DriverPorts['publish'];
}

interface ActiveRun {
  readonly done: Promise<RunRecord>;
  readonly cancel: AbortController;
}

/** Starts, drives, resumes and ends runs. */
export class RunService {
  readonly #options: RunServiceOptions;
  readonly #active = new Map<string, ActiveRun>();
  #stopping = false;

  constructor(options: RunServiceOptions) {
    this.#options = options;
  }

  /** Ids of the runs this master drives. */
  get active(): readonly string[] {
    return [...this.#active.keys()];
  }

  /**
   * Renders, compiles and journals the plan, and only then answers the run's id; the run goes on by itself.
   *
   * @throws DiagnosticsError when the orchestration does not compile: no step has run
   */
  async start(request: RunRequest): Promise<string> {
    const id = request.id ?? newId();
    if (request.id !== undefined && (await this.#options.journal.read(id)).length > 0) return id;
    const { name, stored, steps } = await this.#options.compile(request);
    const planned: RunJournalEvent = {
      type: 'run-planned',
      run: id,
      at: this.#options.clock.now(),
      name,
      by: request.by,
      inputs: inputsOf(request),
      steps: [...steps],
      plan: encodeStoredPlan(stored, encodePlan),
      ...(request.causedBy === undefined ? {} : { causedBy: request.causedBy }),
    };
    try {
      await this.#adopt(id, 0, [planned], []);
    } catch (error) {
      // Asked for twice at once: the other call has started it.
      if (request.id === undefined || !(error instanceof EdgeError) || error.code !== 'EDGE_JOURNAL_CONFLICT')
        throw error;
    }
    return id;
  }

  /** Waits for the end of a run, whoever drives it. @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_CANCELLED` */
  async wait(id: string, signal: AbortSignal): Promise<RunRecord> {
    const active = this.#active.get(id);
    if (active !== undefined) return active.done;
    const record = await this.find(id);
    if (record === undefined) throw unknownRun(id);
    if (record.end !== undefined) return record;
    // Another master drives it: follow the journal.
    const events: RunJournalEvent[] = [];
    for await (const entry of this.#options.journal.tail(signal)) {
      if (entry.run !== id) continue;
      events.push(...entry.events);
      if (events.at(-1)?.type === 'run-ended') return foldRecord(events)!;
    }
    throw new EdgeError('EDGE_CANCELLED', `stopped waiting for run ${id}`, { run: id });
  }

  /** A run as its journal tells it; undefined when there is none. */
  async find(id: string): Promise<RunRecord | undefined> {
    return foldRecord(await this.events(id));
  }

  /** The journaled events of a run, oldest first. */
  async events(id: string): Promise<readonly RunJournalEvent[]> {
    return (await this.#options.journal.read(id)).flatMap((entry) => entry.events);
  }

  /** Stops a run: steps that run are cancelled, nothing further starts. @throws EdgeError `EDGE_UNKNOWN_RUN` */
  async cancel(id: string, by: string): Promise<void> {
    const active = this.#active.get(id);
    if (active === undefined) {
      const record = await this.find(id);
      if (record === undefined) throw unknownRun(id);
      if (record.end !== undefined) throw new EdgeError('EDGE_RUN_ENDED', `run ${id} has ended already`, { run: id });
      throw new EdgeError('EDGE_NOT_ALLOWED', `run ${id} is driven by another master`, { run: id });
    }
    active.cancel.abort(new EdgeError('EDGE_CANCELLED', `cancelled by ${by}`));
    await active.done;
  }

  /** Takes up every run whose journal has no end. Called when a master starts. */
  async resumeOpen(): Promise<readonly string[]> {
    const open = (await this.#options.journal.latest()).filter(
      ({ run, events }) => events.at(-1)?.type !== 'run-ended' && !this.#active.has(run),
    );
    for (const { run, revision } of open) {
      const events = await this.events(run);
      this.#options.log.info('taking a run up where its journal ends', { run, revision });
      await this.#adopt(run, revision, [], events);
    }
    return open.map(({ run }) => run);
  }

  /** Lets go of every run without ending it: the next master takes them up. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { cancel } of this.#active.values()) cancel.abort(RELEASED);
    await Promise.allSettled([...this.#active.values()].map(({ done }) => done));
  }

  async #adopt(
    id: string,
    expected: Revision,
    fresh: readonly RunJournalEvent[],
    journaled: readonly RunJournalEvent[],
  ): Promise<void> {
    if (this.#stopping)
      throw new EdgeError('EDGE_CANCELLED', 'this master is stopping', {}, { hint: 'Ask again in a moment.' });
    const adopted: RunJournalEvent = {
      type: 'run-adopted',
      run: id,
      at: this.#options.clock.now(),
      master: this.#options.master,
    };
    const events = [...fresh, adopted];
    const revision = await this.#options.journal.append(id, expected, events);
    this.#options.publish(events, revision);
    const record = foldRecord([...journaled, ...events])!;
    const cancel = new AbortController();
    const done = this.#drive({ record, revision }, cancel.signal);
    this.#active.set(id, { done, cancel });
    // `wait` is how a failure is heard of; nobody waiting is no crash.
    done.catch(() => undefined).finally(() => this.#active.delete(id));
  }

  async #drive(run: { record: RunRecord; revision: Revision }, signal: AbortSignal): Promise<RunRecord> {
    const { journal, executeStep, publish, clock, log } = this.#options;
    try {
      return await driveRun(run, { journal, executeStep, publish, clock, log }, signal);
    } catch (error) {
      log.warn('a run was given up here', {
        run: run.record.id,
        reason: error instanceof Error ? error.message : String(error),
      });
      throw error;
    }
  }
}

function inputsOf(request: RunRequest): Record<string, JsonValue> {
  return {
    saltenv: request.saltenv ?? 'base',
    test: request.test ?? false,
    ...(request.pillarenv === undefined ? {} : { pillarenv: request.pillarenv }),
    ...(request.pillar === undefined ? {} : { pillar: encodeValue(request.pillar) }),
  };
}

function unknownRun(id: string): EdgeError {
  return new EdgeError('EDGE_UNKNOWN_RUN', `no run ${id}`, { run: id }, { hint: "List runs with 'edge-run orch ls'." });
}

import { type Clock, EdgeError, errorMessage, type InstantMs, type Logger, newId } from '@edge-run/shared/kernel';
import type { RunJournalEvent, RunOptions } from '@edge-run/shared/protocol';
import type { StepKey } from '@edge-run/shared/state';
import { isDamaged, type Journal, type JournalEntry, type Revision } from '../journal/index.ts';
import type { Locks, MasterLease } from '../leases/index.ts';
import { stepsToUndo } from './decide-run.ts';
import { RELEASED, RunDriver } from './driver.ts';
import type { DriverPorts, RollbackEnd, RollbackRequest } from './driver-ports.ts';
import { type SelectHosts, selectionsOf } from './fleet.ts';
import { type Moved, movedEvents, whatMoved } from './moved.ts';
import { bundleOf, type NewRun, plannedEntry } from './new-run.ts';
import { planRetry, type RetryRequest } from './plan-retry.ts';
import { rollbackEnd, rollbackPlan } from './rollback.ts';
import { encodeStoredPlan, foldRecord, type RunRecord, type StoredPlan } from './run-record.ts';
import { type CompiledOrchestration, idOf, inputsOf, type RunRequest } from './run-request.ts';
import { digestOf, refuseOther, type Sources } from './sources.ts';
import { stepJobId } from './step-states.ts';

/** What runs are compiled, journaled and driven with. */
export interface RunServiceOptions {
  readonly journal: Journal<RunJournalEvent>;
  readonly master: string;
  readonly lease: MasterLease;
  readonly locks: Locks;
  readonly clock: Clock;
  readonly log: Logger;
  /** Renders and compiles. @throws DiagnosticsError; nothing has been touched then, but for calls of the template */
  compile(request: RunRequest): Promise<CompiledOrchestration>;
  /** What the plan of a run would be made of now. */
  sources(record: RunRecord): Promise<Sources>;
  readonly select: SelectHosts;
  readonly executeStep: DriverPorts['executeStep'];
  readonly afterCrash: DriverPorts['afterCrash'];
  readonly publish: DriverPorts['publish'];
}

interface ActiveRun {
  readonly driver: RunDriver;
  readonly done: Promise<RunRecord>;
  readonly release: AbortController;
}

/** Starts, drives and resumes runs. What people want of a run goes through `RunCommands`. */
export class RunService {
  readonly #options: RunServiceOptions;
  readonly #active = new Map<string, ActiveRun>();
  /** Runs whose journal has no end, as far as it was heard. */
  readonly #open = new Set<string>();
  readonly #damaged = new Set<string>();
  #searching: Promise<unknown> = Promise.resolve();
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
   * @throws DiagnosticsError when the orchestration does not compile: no step has run; EdgeError `EDGE_PLAN_STALE` when
   * it is not the plan that was expected
   */
  async start(request: RunRequest): Promise<string> {
    const id = idOf(request);
    if (request.id !== undefined && (await this.#isKnown(id))) return id;
    const parent = await this.#runThatAsks(request.by);
    const asked = parent?.bundle === undefined ? request : { ...request, bundle: parent.bundle };
    const { name, stored, options, steps, sources, bundle, rendering = [] } = await this.#options.compile(asked);
    if (request.expect !== undefined) refuseOther(request.expect, digestOf(encodeStoredPlan(stored)), sources);
    const { by, causedBy, foreseen } = request;
    // A run that only looks is never taken up by a person.
    const fleet = request.test === true ? {} : await this.#fleetOf(stored);
    return this.#plan(id, {
      ...{
        name,
        by,
        inputs: inputsOf(request, stored.pillar),
        options,
        stored,
        steps,
        sources: { ...sources },
        ...fleet,
      },
      ...(causedBy === undefined ? {} : { causedBy }),
      ...(foreseen === undefined ? {} : { foreseen }),
      ...bundleOf({ bundle }),
      // What it starts shares its locks.
      ...(parent === undefined ? {} : { root: parent.root }),
      ...(rendering.length === 0 ? {} : { rendering: [...rendering] }),
    });
  }

  /**
   * Starts a run that does what an ended one has not done. The plan is the one that was stored then; `current` makes it
   * anew of today's files and pillar.
   *
   * @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_BAD_ARGUMENT` while it has not ended or for steps it does not have
   */
  async retry(id: string, by: string, wishes: Omit<RetryRequest, 'by'>): Promise<string> {
    const { planned, moved } = await planRetry(await this.ended(id), { ...wishes, by }, this.#options);
    return this.#plan(newId(), planned, moved);
  }

  /**
   * Undoes what a run did: an active one is ended first, an ended one gets a run that undoes it. Answers the run to
   * follow.
   *
   * @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_BAD_ARGUMENT` where no step that ran says how it is undone
   */
  async rollback(id: string, by: string): Promise<string> {
    const record = await this.#get(id);
    if (record.end === undefined) {
      await this.command(id, ({ id: run }) => abortOf(run, by, this.#options.clock.now(), true));
      return id;
    }
    const steps = stepsToUndo(record);
    if (record.rolledBack !== undefined || steps.length === 0) {
      const [why, hint] =
        record.rolledBack === undefined
          ? [`no step that run ${id} did has an \`undo\``, 'Say in the orchestration how steps are undone.']
          : [`run ${id} has been rolled back`, `See: edge-run orch show ${record.rolledBack.rollback}`];
      throw new EdgeError('EDGE_BAD_ARGUMENT', why, { run: id }, { hint });
    }
    return this.#startRollback(record, { rollback: rollbackId(record), steps, reason: `asked by ${by}` }, by);
  }

  /** Waits for the end of a run, whoever drives it. @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_CANCELLED` */
  async wait(id: string, signal: AbortSignal): Promise<RunRecord> {
    const active = this.#active.get(id);
    if (active !== undefined) return active.done;
    const record = await this.#get(id);
    if (record.end !== undefined) return record;
    // Another master drives it: follow the journal.
    for await (const { run, events } of this.#options.journal.tail(signal)) {
      if (run === id && events.at(-1)?.type === 'run-ended') return this.#get(id);
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

  /** Hears every entry of the journal: others write to it too. */
  observe({ run, revision, events }: JournalEntry<RunJournalEvent>): void {
    if (events.at(-1)?.type === 'run-ended') this.#open.delete(run);
    else this.#open.add(run);
    this.#active.get(run)?.driver.observe(revision);
  }

  /**
   * Appends what somebody wants of a run to its journal: through its driver here, or for the master that drives it.
   *
   * @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_RUN_ENDED`, and what `eventOf` throws
   */
  async command(id: string, eventOf: (record: RunRecord) => RunJournalEvent): Promise<void> {
    const { journal, publish } = this.#options;
    for (;;) {
      const active = this.#active.get(id);
      if (active !== undefined && active.driver.record.end === undefined) {
        await active.driver.submit(eventOf(active.driver.record));
        return;
      }
      const record = await this.unended(id);
      const event = eventOf(record);
      const revision = (await journal.read(id)).at(-1)!.revision;
      try {
        publish([event], await journal.append(id, revision, [event]));
        return;
      } catch (error) {
        if (!(error instanceof EdgeError) || error.code !== 'EDGE_JOURNAL_CONFLICT') throw error;
      }
    }
  }

  /** What is no longer as it was when the plan of a run was made. */
  moved(record: RunRecord): Promise<Moved> {
    return whatMoved(record, this.#options);
  }

  /** Has the journal of a run that goes on say what has moved since it was planned. @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_RUN_ENDED` */
  async tellMoved(id: string): Promise<void> {
    const [told] = await this.#tellMoved(await this.unended(id));
    if (told !== undefined) await this.command(id, () => told);
  }

  /**
   * Takes up the runs whose journal has no end and that no living master drives. Called when a master starts, and again
   * and again: a master that dies leaves its runs to the others.
   */
  async takeUp(): Promise<readonly string[]> {
    const latest = await this.#options.journal.latest();
    const open = latest.filter(({ events }) => events.at(-1)?.type !== 'run-ended').map(({ run }) => run);
    return this.#takeUpAll(open, await this.#options.lease.alive());
  }

  /** As `takeUp`, of the runs that `observe` has heard of; `alive` are the masters whose lease has not run out. */
  takeUpOrphans(alive: ReadonlySet<string>): Promise<readonly string[]> {
    return this.#takeUpAll([...this.#open], alive);
  }

  /** One search after the other: two would take the same run. */
  #takeUpAll(runs: readonly string[], alive: ReadonlySet<string>): Promise<readonly string[]> {
    const search = this.#searching.then(() => this.#takeUp(runs, alive));
    this.#searching = search.catch(() => undefined);
    return search;
  }

  async #takeUp(runs: readonly string[], alive: ReadonlySet<string>): Promise<readonly string[]> {
    const { log, master } = this.#options;
    const open = runs.filter((run) => !this.#active.has(run));
    if (open.length === 0 || this.#stopping) return [];
    const taken: string[] = [];
    for (const run of open) {
      const entries = await this.#readable(run);
      if (entries === undefined) continue;
      const events = entries.flatMap((entry) => entry.events);
      const revision = entries.at(-1)?.revision ?? 0;
      const record = foldRecord(events);
      const owner = record?.master;
      if (record === undefined || record.end !== undefined || this.#active.has(run)) continue;
      if (owner !== undefined && owner !== master && alive.has(owner)) continue;
      log.info('taking a run up where its journal ends', { run, revision, ...(owner === undefined ? {} : { owner }) });
      try {
        await this.#adopt(run, revision, await this.#tellMoved(record), events);
        // Whoever appended the last entry may have died before it told anybody; who has heard it knows it by its id.
        this.#options.publish(entries.at(-1)!.events, revision);
        taken.push(run);
      } catch (error) {
        // Another master was faster.
        if (!(error instanceof EdgeError) || error.code !== 'EDGE_JOURNAL_CONFLICT') throw error;
      }
    }
    return taken;
  }

  /** The entries of a run; undefined, said once, where they cannot be read: nobody can go on with it then. */
  async #readable(run: string): Promise<readonly JournalEntry<RunJournalEvent>[] | undefined> {
    if (this.#damaged.has(run)) return undefined;
    try {
      return await this.#options.journal.read(run);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      this.#damaged.add(run);
      this.#options.log.error('a run cannot be taken up: its journal is damaged', { run, reason: error.message });
      return undefined;
    }
  }

  /** Lets go of every run without ending it: the next master takes them up. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { release } of this.#active.values()) release.abort(RELEASED);
    await Promise.allSettled([...this.#active.values()].map(({ done }) => done));
  }

  async #plan(id: string, run: NewRun, moved?: Moved): Promise<string> {
    const planned = plannedEntry(id, run, this.#options.clock.now());
    try {
      await this.#adopt(id, 0, [planned, ...(moved === undefined ? [] : movedEvents(id, moved, planned.at))], []);
    } catch (error) {
      // Asked for twice at once: the other call has started it.
      if (!(error instanceof EdgeError) || error.code !== 'EDGE_JOURNAL_CONFLICT') throw error;
    }
    return id;
  }

  async #startRollback(record: RunRecord, request: RollbackRequest, by: string): Promise<string> {
    const { rollback, steps } = request;
    if (await this.#isKnown(rollback)) return rollback;
    const { stored, steps: summaries, registered } = rollbackPlan(record, steps, await this.#nestedRuns(record, steps));
    const options: RunOptions = { locks: record.options.locks, onFailure: 'continue', onTargetFailure: 'stop' };
    return this.#plan(rollback, {
      ...{ name: record.name, by, options, stored, steps: summaries, registered: { ...registered } },
      ...{ inputs: { ...record.inputs } as NewRun['inputs'], rollbackOf: record.id, root: record.root },
      ...bundleOf(record),
      ...(await this.#fleetOf(stored)),
    });
  }

  /** Step → the run it started, where something of that can be undone. */
  async #nestedRuns(record: RunRecord, steps: readonly StepKey[]): Promise<ReadonlyMap<StepKey, string>> {
    const nested = new Map<StepKey, string>();
    for (const step of steps) {
      if (record.stored.settings[step]?.undo !== undefined) continue;
      const run = stepJobId(record.id, step, 'run', '1');
      const child = await this.find(run);
      if (child !== undefined && child.rolledBack === undefined && stepsToUndo(child).length > 0) nested.set(step, run);
    }
    return nested;
  }

  async #rollBack(record: RunRecord, request: RollbackRequest, signal: AbortSignal): Promise<RollbackEnd> {
    const planned = record.rollback === undefined || !(await this.#isKnown(request.rollback));
    const nested = planned ? await this.#nestedRuns(record, request.steps) : new Map();
    const isEmpty = request.steps.every(
      (step) => record.stored.settings[step]?.undo === undefined && !nested.has(step),
    );
    if (planned && isEmpty) return { outcome: 'succeeded', steps: [] };
    const id = await this.#startRollback(record, request, `run:${record.id}`);
    const undone = await this.wait(id, signal);
    return rollbackEnd(record, request.steps, undone);
  }

  async #isKnown(id: string): Promise<boolean> {
    return (await this.#options.journal.read(id)).length > 0;
  }

  async #get(id: string): Promise<RunRecord> {
    const record = await this.find(id);
    if (record === undefined) throw unknownRun(id);
    return record;
  }

  /** A run that this master drives, as it stands now; `changed` resolves when it has gone on. */
  driven(id: string): { readonly record: RunRecord; changed(): Promise<void> } | undefined {
    return this.#active.get(id)?.driver;
  }

  /** A run that has not ended. @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_RUN_ENDED` */
  async unended(id: string): Promise<RunRecord> {
    const record = await this.#get(id);
    if (record.end === undefined) return record;
    throw new EdgeError('EDGE_RUN_ENDED', `run ${id} has ended already`, { run: id });
  }

  /** A run that has ended. @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_BAD_ARGUMENT` */
  async ended(id: string): Promise<RunRecord> {
    const record = await this.#get(id);
    if (record.end !== undefined) return record;
    const hint = `Wait for it, or end it: edge-run orch abort ${id}`;
    throw new EdgeError('EDGE_BAD_ARGUMENT', `run ${id} has not ended`, { run: id }, { hint });
  }

  /** Where the journal of a run ends: its revision there, and when that was. @throws EdgeError `EDGE_UNKNOWN_RUN` */
  async lastEntry(id: string): Promise<{ readonly entry: Revision; readonly at: InstantMs }> {
    const last = (await this.#options.journal.read(id)).at(-1);
    if (last === undefined) throw unknownRun(id);
    return { entry: last.revision, at: last.events.at(-1)!.at };
  }

  async #runThatAsks(by: string): Promise<RunRecord | undefined> {
    const parent = /^run:(.+)$/.exec(by)?.[1];
    if (parent === undefined) return undefined;
    return this.#active.get(parent)?.driver.record ?? (await this.find(parent));
  }

  async #fleetOf({ plan }: StoredPlan): Promise<Pick<NewRun, 'fleet'>> {
    return { fleet: [...(await selectionsOf(plan.chunks, this.#options.select))] };
  }

  async #tellMoved(record: RunRecord): Promise<readonly RunJournalEvent[]> {
    return movedEvents(record.id, await this.moved(record), this.#options.clock.now());
  }

  async #adopt(
    id: string,
    expected: Revision,
    fresh: readonly RunJournalEvent[],
    journaled: readonly RunJournalEvent[],
  ): Promise<void> {
    if (this.#stopping)
      throw new EdgeError('EDGE_CANCELLED', 'this master is stopping', {}, { hint: 'Ask again in a moment.' });
    const { clock, master, journal, publish } = this.#options;
    const adopted: RunJournalEvent = { type: 'run-adopted', run: id, at: clock.now(), master };
    const events = [...fresh, adopted];
    const revision = await journal.append(id, expected, events);
    publish(events, revision);
    const record = foldRecord([...journaled, ...events])!;
    const release = new AbortController();
    const driver = new RunDriver({ record, revision }, this.#ports());
    const done = this.#drive(driver, release.signal);
    this.#active.set(id, { driver, done, release });
    // `wait` is how a failure is heard of; nobody waiting is no crash.
    done.catch(() => undefined).finally(() => this.#active.delete(id));
  }

  #ports(): DriverPorts {
    const { journal, executeStep, afterCrash, publish, clock, log, lease, locks } = this.#options;
    return {
      ...{ journal, executeStep, afterCrash, publish, clock, log },
      fence: (signal) => lease.holds(signal),
      lock: ({ id: run, root, name, by, options }, signal, onQueued) =>
        locks.acquire({ run, root, name, by, locks: options.locks, at: clock.now() }, signal, onQueued),
      rollBack: (record, request, signal) => this.#rollBack(record, request, signal),
    };
  }

  async #drive(driver: RunDriver, signal: AbortSignal): Promise<RunRecord> {
    const { log, locks } = this.#options;
    const { id: run } = driver.record;
    try {
      const record = await driver.run(signal);
      if (record.options.locks.length > 0)
        await locks.release(run).catch((error: unknown) =>
          // Whoever waits for them finds that the run has ended.
          log.warn('the locks of a run could not be given back', { run, reason: errorMessage(error) }),
        );
      return record;
    } catch (error) {
      log.warn('a run was given up here', { run, reason: errorMessage(error) });
      throw error;
    }
  }
}

/** The entry that ends a run because `by` wants so. */
export function abortOf(run: string, by: string, at: InstantMs, rollback: boolean): RunJournalEvent {
  return { type: 'run-aborting', run, at, by, reason: `cancelled by ${by}`, outcome: 'cancelled', rollback };
}

function rollbackId({ id }: RunRecord): string {
  return `${id}-rollback`;
}

function unknownRun(id: string): EdgeError {
  return new EdgeError('EDGE_UNKNOWN_RUN', `no run ${id}`, { run: id }, { hint: "List runs with 'edge-run orch ls'." });
}

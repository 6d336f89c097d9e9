import { join } from 'node:path';
import { RuntimeExecutor } from '@edge-run/shared/execute';
import { errorMessage, type JsonValue, newId } from '@edge-run/shared/kernel';
import type { StepChecks } from '@edge-run/shared/orchestration';
import type { RunJournalEvent, StepProgress } from '@edge-run/shared/protocol';
import type { StepKey } from '@edge-run/shared/state';
import { encodeValue } from '@edge-run/shared/values';
import { createLocalCloud, type LocalCloudOptions, type SwitchedOn, switchOnLocalHosts } from '../cloud/index.ts';
import type { JobService } from '../jobs/index.ts';
import { isDamaged } from '../journal/index.ts';
import { kvLockStore, Locks, Reservations, reservationTables } from '../leases/index.ts';
import {
  afterCrash,
  type CompiledOrchestration,
  type CompileParts,
  compileOrchestration,
  createStepExecutor,
  currentSources,
  type PlannableCalls,
  RunCommands,
  RunHistory,
  type RunnerCalls,
  RunPreviews,
  type RunRecord,
  type RunRequest,
  RunService,
  STEP_KINDS,
  type WheelCalls,
  withoutPlan,
} from '../orchestration/index.ts';
import { createRunnerCalls, keyWheels, masterRunners } from '../runners/index.ts';
import { createBalancers } from './balancers.ts';
import type { Core } from './core.ts';
import type { Fleet } from './fleet.ts';
import type { SshHosts } from './ssh-hosts.ts';

/** What orchestrations are run by, and what they and everybody else call on the master. */
export interface Runs {
  readonly runs: RunService;
  readonly commands: RunCommands;
  readonly previews: RunPreviews;
  readonly locks: Locks;
  readonly history: RunHistory;
  readonly runners: RunnerCalls;
  readonly wheels: WheelCalls;
  readonly compile: (request: RunRequest) => Promise<CompiledOrchestration>;
  /** Starts the hosts of the local fleet that are off. */
  switchOn(): Promise<readonly SwitchedOn[]>;
}

const SWITCH_ON_DEADLINE_MS = 30_000;

/** Makes the engine and the runners; each needs the other, so they meet through functions. */
export async function createRuns(core: Core, fleet: Fleet): Promise<Runs> {
  const { config, clock, log, signal, events, journal, lease, background, secretKey } = core;
  const { runtime, dispatcher, nodes, presence, jobs, selectKnown, mine, fileServer, bundles } = fleet;
  const publish = publisher(core);
  const returners = new Map(Object.entries(config.returners).map(([name, { type }]) => [name, type]));
  const checks: StepChecks = {
    returners,
    functions: runtime.catalog.functions,
    runners: { has: (name) => runners.has(name), names: () => runners.names() },
    select: selectKnown,
  };
  const history = new RunHistory();
  const ended = async (ids: readonly string[]): Promise<ReadonlySet<string>> => {
    const isEnded = async (id: string): Promise<boolean> => {
      try {
        const record = await runs.find(id);
        return record === undefined || record.end !== undefined;
      } catch (error) {
        // What it was in the middle of, nobody can tell: what it holds stays held until somebody has looked.
        if (isDamaged(error)) return false;
        throw error;
      }
    };
    const found = await Promise.all(ids.map(isEnded));
    return new Set(ids.filter((_, index) => found[index]));
  };
  const locks = new Locks({ store: kvLockStore(core.leases.locks), ended, clock });
  const compiling = (): CompileParts => ({
    ...{ runtime, checks, secretKey, signal },
    calls: { runner: runners, wheel: wheels },
  });
  const compile: Runs['compile'] = (request) => compileOrchestration(request, compiling());
  const parts = {
    ...{ master: config.id, lease, clock, log, compile },
    sources: (record: RunRecord) => currentSources(record, { runtime, secretKey, signal }),
    select: selectKnown,
    afterCrash: (record: RunRecord, step: StepKey) => afterCrash(record, step, STEP_KINDS),
  };
  const runs: RunService = new RunService({
    ...{ ...parts, journal, locks },
    compile: async (request) =>
      compileOrchestration(request, { ...compiling(), bundle: await bundles.forRun(request) }),
    executeStep: (record, action, stepSignal) => executeStep(record, action, stepSignal),
    publish: publish.journaled,
  });
  const commands = new RunCommands(runs, clock);
  const previews = new RunPreviews({ ...parts, runs });
  const local = config.fleet.driver === 'local' ? localCloudOptions(core, fleet) : undefined;
  const cloud = local === undefined ? fleet.ssh.cloud : createLocalCloud(local);
  const executor = new RuntimeExecutor(runtime);
  const runners: PlannableCalls = createRunnerCalls(
    masterRunners({
      ...{ runs, commands, master: config.id, cloud, jobs, nodes, presence, events, executor, runtime, log },
      ...{ mine, fileServer },
    }),
  );
  const wheels = createRunnerCalls(keyWheels(fleet.keyring));
  fleet.meetCalls({ runners, wheels });
  const executeStep = createStepExecutor({
    kinds: STEP_KINDS,
    runtime,
    ports: {
      jobs: dispatcher,
      runners,
      wheels,
      events: {
        listen: (listenSignal, wanted) => events.listen(listenSignal, wanted),
        send: async (tag, data, causedBy) => {
          await events.send({ tag, data: encodeValue(data), ...(causedBy === undefined ? {} : { causedBy }) });
        },
      },
      balancer: createBalancers(dispatcher, clock),
      reservations: new Reservations({ storeOf: reservationTables(core.leases.locks), lease, ended, clock }),
      fleet: { factsOf: (id) => nodes.factsOf(id), nodegroups: config.nodegroups },
      approved: (run, step, options, stepSignal) => commands.approved(run, step, options, stepSignal),
      returners,
      isRosterHost: (id) => nodes.kindOf(id) === 'ssh',
      clock,
    },
    takeBundle: async (saltenv) => (await bundles.take(saltenv)).digest,
    publishProgress: publish.progress,
    clock,
    log,
    random: Math.random,
  });
  background.run(history.follow(journal, signal, { log, clock }, (entry) => runs.observe(entry)));
  background.run(takeUpOrphans({ runs, locks, jobs, ssh: fleet.ssh }, core));
  const switchOn: Runs['switchOn'] = async () => {
    if (local === undefined) return [];
    return switchOnLocalHosts(join(config.data_dir, 'fleet'), { deadlineMs: SWITCH_ON_DEADLINE_MS, signal }, local);
  };
  return { runs, commands, previews, locks, history, runners, wheels, compile, switchOn };
}

/** What a master looks after that others may leave behind. */
interface Heritage {
  readonly runs: RunService;
  readonly locks: Locks;
  readonly jobs: Pick<JobService, 'resume'>;
  readonly ssh: Pick<SshHosts, 'claim'>;
}

/**
 * Looks again and again for runs and jobs whose master is gone, and for locks of runs that have ended, until the master
 * stops.
 */
async function takeUpOrphans({ runs, locks, jobs, ssh }: Heritage, core: Core): Promise<void> {
  const { lease, clock, signal, log, config } = core;
  let before = await lease.alive();
  while (!signal.aborted) {
    await clock.sleep(config.lease * 500, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const alive = await lease.alive();
      // First, so that what is taken up then finds them.
      await ssh.claim();
      const gone = [...before].filter((id) => !alive.has(id));
      if (gone.length > 0) {
        log.warn('a master is gone: taking over what it did', { gone });
        await jobs.resume();
      }
      before = alive;
      await runs.takeUpOrphans(alive);
      await locks.dropEnded();
    } catch (error) {
      log.warn('could not look for what other masters left', { reason: errorMessage(error) });
    }
  }
}

function localCloudOptions(
  { minionCommand, clock, log, connections }: Core,
  { nodes, presence, dispatcher }: Fleet,
): LocalCloudOptions {
  const { keyring, url, caFile, admission } = connections;
  return {
    minionCommand,
    access: {
      servers: [url],
      ...admission,
      ...(caFile === undefined ? {} : { caFile }),
      trustedKeys: [keyring.jobSigner.publicKey],
      joinToken: async (id) => (await keyring.createToken({ name: `fleet-${id}-${newId()}`, ids: id })).token,
    },
    isUp: async (id) => nodes.hasFacts(id) && presence.goneSince(id) === undefined,
    ask: async (id, signal) => {
      const ping = { target: id, targetType: 'list', fun: 'test.ping', by: 'cloud', timeoutMs: 5_000 };
      return (await dispatcher.run(ping, signal)).targets.get(id)?.outcome === 'succeeded';
    },
    clock,
    log,
  };
}

/** Turns journaled events and progress into events for everybody who watches. */
function publisher({ events, background }: Core): {
  journaled(entries: readonly RunJournalEvent[], revision: number): void;
  progress(progress: StepProgress): void;
} {
  const send = (event: RunJournalEvent | StepProgress, id: string): void => {
    const data = event.type === 'step-progress' ? event : withoutPlan(event);
    background.run(
      events.send({ tag: `run/${event.run}/${event.type}`, id, at: event.at, data: data as unknown as JsonValue }),
    );
  };
  return {
    journaled: (entries, revision) => {
      for (const [index, event] of entries.entries()) send(event, `${event.run}-${revision}-${index}`);
    },
    progress: (progress) => send(progress, newId()),
  };
}

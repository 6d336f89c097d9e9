import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Bundles, createMemoryContents } from '@edge-run/master/bundles';
import { createDispatcher, type JobService } from '@edge-run/master/jobs';
import { createMemoryJournal } from '@edge-run/master/journal';
import { soleLease } from '@edge-run/master/leases';
import type { LoadBalancer } from '@edge-run/master/loadbalancer';
import { FactsStore, MemoryMineStore, MineService, Nodes } from '@edge-run/master/nodes';
import {
  compileOrchestration,
  createStepExecutor,
  type PlannableCalls,
  RELEASED,
  RunCommands,
  type RunnerCalls,
  RunService,
  STEP_KINDS,
  type StepPorts,
} from '@edge-run/master/orchestration';
import { createRunnerCalls, keyWheels, masterRunners, templateRunners } from '@edge-run/master/runners';
import {
  createCatalog,
  createPillarCompiler,
  HostRuntime,
  type JobExecutor,
  RuntimeExecutor,
  type RuntimeOptions,
  stateFunctions,
} from '@edge-run/shared/execute';
import { LocalRoots, rootsOf } from '@edge-run/shared/files';
import { LocalHost } from '@edge-run/shared/host';
import { EdgeError, type JsonObject, newId, silentLogger, systemClock } from '@edge-run/shared/kernel';
import {
  type Catalog,
  defineRead,
  type ExecutionModule,
  type Jobs,
  NO_MINE,
  type Runners,
} from '@edge-run/shared/modules/contract';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { encodeValue, fromPlain, PyMap, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import { LocalJobs } from './local-jobs.ts';
import { MemoryEvents } from './memory-events.ts';
import { MovingClock } from './moving-clock.ts';
import { renderData, renderText } from './render.ts';
import { freeLocks, freeReservations } from './run-service.ts';

export interface OrchestraOptions {
  /** Path below the directory → text; `salt/` and `pillar/` are the base roots, `sdev/` and `pdev/` those of dev. */
  readonly files: Readonly<Record<string, string>>;
  readonly master: string;
  /** Grains of the master and of every minion. */
  readonly grains: JsonObject;
  /** Id → grains of its own. */
  readonly minions: Readonly<Record<string, JsonObject>>;
  /** Name → the load balancer steps find under it. */
  readonly balancers?: Readonly<Record<string, { readonly balancer: LoadBalancer; readonly pool: string }>>;
  /** Shared with the orchestras that stand for other masters of the same load balancers. */
  readonly reservations?: StepPorts['reservations'];
  /** Name → type. */
  readonly returners?: ReadonlyMap<string, string>;
  /** Functions of this test beside, or in place of, the real ones. */
  readonly functions?: readonly ExecutionModule[];
  /** Those of the minions that are hosts of the roster. */
  readonly roster?: readonly string[];
  /** What runs the jobs of minions that are elsewhere; they run in this process when absent. */
  readonly jobs?: JobService;
}

type HostBase = Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>;

/**
 * A master and its minions in one process: the orchestration code of the master as it is, with jobs handed over
 * directly, the journal and events in memory, and a clock that does not keep anybody waiting. Everybody shares this
 * machine and one directory.
 */
export class LocalOrchestra {
  readonly dir: string;
  readonly clock = new MovingClock();
  readonly events = new MemoryEvents(this.clock);
  readonly #options: OrchestraOptions;
  readonly #stop = new AbortController();
  readonly journal = createMemoryJournal<RunJournalEvent>();
  /** The master's own host. */
  readonly runtime: HostRuntime;
  readonly runs: RunService;
  readonly commands: RunCommands;
  readonly #runners: RunnerCalls;
  readonly #files: LocalRoots;
  readonly #bundles: Bundles;
  #known: readonly string[];

  private constructor(dir: string, options: OrchestraOptions, facts: FactsStore) {
    this.dir = dir;
    this.#options = options;
    this.#files = new LocalRoots(rootsOf({ base: [join(dir, 'salt')], dev: [join(dir, 'sdev')] }));
    this.#bundles = new Bundles(this.#files, createMemoryContents());
    this.#known = Object.keys(options.minions);
    const { runtime, runs, commands, runners } = this.#compose(facts);
    this.runtime = runtime;
    this.runs = runs;
    this.commands = commands;
    this.#runners = runners;
  }

  /** Writes the files and brings everybody up; end with `dispose`. */
  static async start(options: OrchestraOptions): Promise<LocalOrchestra> {
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'edge-orch-')));
    for (const [path, text] of Object.entries(options.files)) {
      await mkdir(dirname(join(dir, path)), { recursive: true });
      await writeFile(join(dir, path), text.replaceAll('@TMP@', dir));
    }
    const facts = new FactsStore(join(dir, 'facts'), systemClock);
    for (const id of Object.keys(options.minions)) await facts.set(id, grainsOf(id, options));
    return new LocalOrchestra(dir, options, facts);
  }

  /** Calls a runner, as `salt-run` does. @throws EdgeError what the runner throws */
  async call(name: string, args: readonly Value[], kwargs: ReadonlyMap<string, Value>): Promise<Value> {
    const { signal } = this.#stop;
    const request = { name, args, kwargs, by: 'test', key: newId(), signal, report: () => {} };
    return (await this.#runners.call(request)).answer;
  }

  /** From now on only these of the minions are known. */
  know(ids: readonly string[]): void {
    this.#known = ids;
  }

  async dispose(): Promise<void> {
    this.#stop.abort(new EdgeError('EDGE_CANCELLED', 'the test is over'));
    await rm(this.dir, { recursive: true, force: true });
  }

  #compose(facts: FactsStore): {
    runtime: HostRuntime;
    runs: RunService;
    commands: RunCommands;
    runners: RunnerCalls;
  } {
    const { master, minions } = this.#options;
    const { clock, events } = this;
    const ids = Object.keys(minions);
    const hosts = new Map(ids.map((id): [string, JobExecutor] => [id, new RuntimeExecutor(this.#runtime(id))]));
    const nodes = this.#nodes(facts);
    const select = async (target: string, type: string): Promise<readonly string[]> => {
      const expression = type === 'list' ? target.split(',') : target;
      return (await nodes.select(expression, type)).matched.map(({ id }) => id);
    };
    const local = { hosts, select, clock, master: () => new RuntimeExecutor(runtime) };
    const jobs = this.#options.jobs ?? new LocalJobs(local);
    const dispatcher = createDispatcher({
      jobs,
      select,
      isRelease: (reason) => reason === RELEASED,
    });
    const runtime: HostRuntime = this.#runtime(
      master,
      { run: (request, signal) => dispatcher.run({ ...request, by: 'template' }, signal) },
      templateRunners(() => ({ runners, wheels })),
    );
    const log = silentLogger;
    const returners = this.#options.returners ?? new Map<string, string>();
    const checks = {
      returners,
      functions: runtime.catalog.functions,
      runners: { has: (name: string) => runners.has(name), names: () => runners.names() },
      select,
    };
    const runs: RunService = new RunService({
      journal: this.journal,
      ...{ master, clock, log, lease: soleLease(master), locks: freeLocks(clock) },
      sources: async () => ({}),
      select,
      afterCrash: () => 'rerun',
      compile: async (request) =>
        compileOrchestration(request, {
          ...{ runtime, checks, signal: this.#stop.signal },
          calls: { runner: runners, wheel: wheels },
          bundle: await this.#bundles.forRun(request),
        }),
      executeStep: (record, action, signal) => executeStep(record, action, signal),
      publish: () => {},
    });
    const commands = new RunCommands(runs, clock);
    const runners: PlannableCalls = createRunnerCalls(
      masterRunners({
        runs,
        commands,
        master,
        cloud: { kind: 'none', provision: noCloud, foresee: noCloud },
        jobs,
        nodes,
        presence: { goneSince: () => undefined, find: () => undefined, list: () => [], seen: () => {} },
        events,
        executor: new RuntimeExecutor(runtime),
        runtime,
        log,
        mine: new MineService({ store: new MemoryMineStore(), nodes, clock, log }),
        fileServer: { files: runtime.options.files, update: async () => [] },
      }),
    );
    const wheels = createRunnerCalls(keyWheels(fixedKeys(ids)));
    const executeStep = createStepExecutor({
      kinds: STEP_KINDS,
      runtime,
      ports: {
        jobs: dispatcher,
        runners,
        wheels,
        events: {
          listen: (signal, wanted) => events.listen(signal, wanted),
          send: async (tag, data) => void (await events.send({ tag, data: encodeValue(data) })),
        },
        returners,
        isRosterHost: (id) => this.#options.roster?.includes(id) === true,
        fleet: { factsOf: (id) => nodes.factsOf(id), nodegroups: {} },
        balancer: async (name) => {
          const found = this.#options.balancers?.[name];
          if (found !== undefined) return { ...found, id: name };
          throw new EdgeError('EDGE_UNKNOWN_LOAD_BALANCER', `no load balancer ${name}`);
        },
        reservations: this.#options.reservations ?? freeReservations(master, clock),
        approved: (run, step, options, signal) => commands.approved(run, step, options, signal),
        clock,
      },
      takeBundle: async (saltenv) => (await this.#bundles.take(saltenv)).digest,
      publishProgress: () => {},
      clock,
      log,
      random: () => 0,
    });
    return { runtime, runs, commands, runners };
  }

  #nodes(facts: FactsStore): Nodes {
    return new Nodes({
      minions: () => this.#known,
      isMinion: (id) => this.#known.includes(id),
      sshHosts: () => new Map(),
      facts,
      roleOf: () => undefined,
      nodegroups: () => ({}),
      pillarOf: (id) => this.#pillarOf(this.#base(id))(this.#pillarQuery(id)),
    });
  }

  #runtime(id: string, jobs?: Jobs, runners?: Runners): HostRuntime {
    const base = this.#base(id);
    const pillarOf = this.#pillarOf(base);
    return new HostRuntime(
      {
        ...base,
        ...(jobs === undefined ? {} : { jobs }),
        ...(runners === undefined ? {} : { runners }),
        facts: async () => grainsOf(id, this.#options),
        pillar: ({ saltenv: _saltenv, ...query }) => pillarOf({ ...this.#pillarQuery(id), ...query }),
      },
      stateFunctions,
    );
  }

  #base(id: string): HostBase {
    return {
      host: new LocalHost({ id }),
      catalog: withFunctions(createCatalog(), [...(this.#options.functions ?? []), sleepBy(this.clock)]),
      files: this.#files,
      filesOf: (bundle) => this.#bundles.files(bundle),
      renderData,
      renderText,
      opts: fromPlain({ id, saltenv: 'base', __role: id === this.#options.master ? 'master' : 'minion' }) as PyMap,
      events: { send: async (tag, data) => void (await this.events.send({ tag, data: encodeValue(data) })) },
      mine: NO_MINE,
      log: silentLogger,
    };
  }

  #pillarOf(base: HostBase): ReturnType<typeof createPillarCompiler> {
    const files = new LocalRoots(rootsOf({ base: [join(this.dir, 'pillar')], dev: [join(this.dir, 'pdev')] }));
    return createPillarCompiler({ files, settings: new PyMap(), base });
  }

  #pillarQuery(id: string): { id: string; grains: PyMap; pillarenv: undefined } {
    return { id, grains: grainsOf(id, this.#options), pillarenv: undefined };
  }
}

function grainsOf(id: string, { grains, minions }: OrchestraOptions): PyMap {
  return fromPlain({ ...grains, ...minions[id], id }) as PyMap;
}

function noCloud(): Promise<never> {
  return Promise.reject(new EdgeError('EDGE_CLOUD_FAILED', 'no cloud here'));
}

/** Hosts that sleep by the clock of the test. */
function sleepBy(clock: MovingClock): ExecutionModule {
  return defineRead({
    name: 'test.sleep',
    summary: 'Wait by the clock of the test, then answer true.',
    args: z.object({ length: z.number().describe('Seconds.') }),
    returns: 'True.',
    examples: [],
    async run({ length }, { signal }) {
      await clock.sleep(length * 1_000, signal);
      return true;
    },
  });
}

function withFunctions(catalog: Catalog, functions: readonly ExecutionModule[]): Catalog {
  return {
    ...catalog,
    functions: new Map([...catalog.functions, ...functions.map((one) => [one.name, one] as const)]),
  };
}

/** The keys of minions that are all accepted, and stay so. */
function fixedKeys(ids: readonly string[]): Parameters<typeof keyWheels>[0] {
  const refuse = (id: string): Promise<never> =>
    Promise.reject(new EdgeError('EDGE_NOT_ALLOWED', `the key of ${id} stays as it is`));
  return {
    list: async () => ids.map((id) => ({ id, state: 'accepted' as const, fingerprint: `SHA256:${id}` })),
    accept: refuse,
    reject: refuse,
    delete: refuse,
  };
}

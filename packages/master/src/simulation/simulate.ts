import { HostRuntime, stateFunctions } from '@edge-run/shared/execute';
import { compiled, EdgeError, formatDuration, type Logger, newId } from '@edge-run/shared/kernel';
import type { Catalog } from '@edge-run/shared/modules/contract';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { globMatches } from '@edge-run/shared/target';
import { PyMap, type Value } from '@edge-run/shared/values';
import { createMemoryJournal } from '../journal/index.ts';
import { Locks, memoryLockStore, memoryReservationTables, Reservations, soleLease } from '../leases/index.ts';
import {
  compileOrchestration,
  createStepExecutor,
  failedHostsOf,
  type PlannableCalls,
  RunCommands,
  type RunRequest,
  RunService,
  STEP_KINDS,
  type StepAnswer,
  type StepPorts,
} from '../orchestration/index.ts';
import { createRunnerCalls, stateRunners } from '../runners/index.ts';
import { SimulatedClock } from './clock.ts';
import { durationOn, FakeJobs, type Faults, failsOn, USUAL_MS } from './fake-fleet.ts';
import { Pool, type PoolResult } from './pool.ts';
import { familyOf, grownPillar, largestFamily } from './scale.ts';

/** What to simulate. */
export interface SimulationRequest extends RunRequest {
  /** How many hosts the largest family of the pillar is to have; as the pillar says when absent. */
  readonly hosts?: number;
  readonly faults: Faults;
}

/** What is simulated with. */
export interface SimulationParts {
  /** The master's own host: files, templates and the pillar. */
  readonly runtime: HostRuntime;
  /** Ids of the real hosts, which take part under their names. */
  readonly known: () => readonly string[];
  readonly log: Logger;
}

/** How a simulated run went. */
export interface Simulation {
  readonly outcome: string;
  readonly exitCode: number;
  readonly reason?: string;
  /** Simulated milliseconds from the plan to the end. */
  readonly tookMs: number;
  readonly hosts: number;
  readonly steps: number;
  /** What happened, in simulated milliseconds since the plan. */
  readonly timeline: readonly { readonly atMs: number; readonly text: string }[];
  /** Pool → how many members it has, and the fewest that took traffic, when that was first so. */
  readonly pools: Readonly<Record<string, PoolResult>>;
}

/**
 * Runs an orchestration with the true engine on hosts and load balancers that do not exist, by a clock that keeps nobody
 * waiting. Nothing outside is touched: calls of templates that would be are answered with nothing.
 *
 * @throws DiagnosticsError when the orchestration does not compile
 */
export async function simulate(request: SimulationRequest, parts: SimulationParts): Promise<Simulation> {
  return new Stage(request, parts, await pillarOf(request, parts)).run();
}

/** Functions that look at, or change, the world outside. */
const OUTSIDE = /^(http|cmd|network|dnsutil|git|service|pkg)\./;

class Stage {
  readonly #request: SimulationRequest;
  readonly #parts: SimulationParts;
  readonly #clock = new SimulatedClock();
  readonly #stop = new AbortController();
  readonly #pillar: PyMap;
  readonly #ids: readonly string[];
  /** What tells that the id of a step names a host. */
  readonly #mentions: readonly { readonly id: string; readonly pattern: RegExp }[];
  readonly #timeline: { atMs: number; text: string }[] = [];
  readonly #pools = new Map<string, Pool>();
  #steps = 0;

  constructor(request: SimulationRequest, parts: SimulationParts, pillar: PyMap) {
    this.#request = request;
    this.#parts = parts;
    const family = largestFamily(pillar);
    if (request.hosts !== undefined && family === undefined) {
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        '--hosts: the pillar lists no hosts such as app1, app2',
        {},
        { hint: 'Leave --hosts out, or say which hosts there are in the pillar.' },
      );
    }
    const isGrown = request.hosts !== undefined && family !== undefined;
    this.#pillar = isGrown ? grownPillar(pillar, family, request.hosts!) : pillar;
    this.#ids = [...new Set([...parts.known(), ...idsOf(this.#pillar)])].sort();
    this.#mentions = this.#ids.map((id) => ({ id, pattern: new RegExp(`(^|[^\\w])${escaped(id)}([^\\w]|$)`) }));
  }

  async run(): Promise<Simulation> {
    const log = this.#parts.log;
    const clock = this.#clock;
    const select = async (target: string, type: string): Promise<readonly string[]> => this.#select(target, type);
    const jobs = new FakeJobs(clock, this.#request.faults, select);
    const lease = soleLease('simulation');
    const ended = async (): Promise<ReadonlySet<string>> => new Set();
    const runtime = this.#runtime(jobs);
    const runs: RunService = new RunService({
      ...{ journal: createMemoryJournal<RunJournalEvent>(), master: 'simulation', clock, log },
      lease,
      locks: new Locks({ store: memoryLockStore(), ended, clock }),
      compile: (asked) =>
        compileOrchestration(asked, {
          runtime,
          checks: {
            functions: this.#parts.runtime.catalog.functions,
            runners: { has: () => true, names: () => [] },
            select,
          },
          signal: this.#stop.signal,
        }),
      sources: async () => ({}),
      select,
      afterCrash: () => 'rerun',
      publish: (events) => this.#note(events),
      executeStep: (record, action, signal) => this.#step(record, action, signal, executeStep),
    });
    const commands = new RunCommands(runs, clock);
    const nested = createRunnerCalls(stateRunners(runs, commands, 'simulation'));
    const ports: StepPorts = {
      ...{ jobs, clock, wheels: nested, runners: this.#runners(nested) },
      events: { listen: () => Promise.reject(notHere()), send: async () => {} },
      balancer: async (name) => ({ balancer: this.#pool(name), pool: name, id: name }),
      reservations: new Reservations({ storeOf: memoryReservationTables(), lease, ended, clock }),
      approved: async () => ['simulation'],
      ...{ returners: undefined, isRosterHost: () => true },
      fleet: { factsOf: () => new PyMap(), nodegroups: {} },
    };
    const executeStep = createStepExecutor({
      ...{ kinds: STEP_KINDS, runtime, ports, clock, log, random: () => 0, publishProgress: () => {} },
    });
    const { faults: _faults, hosts: _hosts, ...request } = this.#request;
    // Nobody is there to agree to a simulation.
    const options = new PyMap([...(request.options ?? []), ['approvals', 0]] as [Value, Value][]);
    const run = await runs.start({ ...request, id: newId(), options });
    const record = await runs.wait(run, this.#stop.signal);
    const end = record.end!;
    return {
      ...{ outcome: end.outcome, exitCode: end.exitCode, tookMs: end.at - record.plannedAt },
      ...(end.error === undefined ? {} : { reason: end.error.message }),
      ...{ hosts: record.hosts.targeted.size, steps: this.#steps, timeline: this.#timeline },
      pools: Object.fromEntries([...this.#pools].map(([name, pool]) => [name, pool.result()])),
    };
  }

  /** The master's host with the pillar of the simulation; it touches nothing outside. */
  #runtime(jobs: FakeJobs): HostRuntime {
    const { options } = this.#parts.runtime;
    const { functions, states } = options.catalog;
    return new HostRuntime(
      {
        ...options,
        catalog: { functions: muted(functions), states },
        pillar: async () => compiled(this.#pillar, []),
        jobs: { run: (request, signal) => jobs.run({ ...request, by: 'template' }, signal) },
      },
      stateFunctions,
    );
  }

  /** Steps that have to do with hosts, load balancers and other runs are done as they are; others take their time. */
  async #step(
    record: Parameters<StepExecution>[0],
    action: Parameters<StepExecution>[1],
    signal: AbortSignal,
    executeStep: StepExecution,
  ): Promise<StepAnswer> {
    const { graph } = record.state;
    const { chunk } = graph.nodes[graph.runNodes.get(action.step)!]!;
    if (chunk.state === 'lb') this.#pool(String(chunk.args.get('balancer'))).meet(memberOf(chunk));
    const host = this.#mentions.find(({ pattern }) => pattern.test(chunk.id))?.id;
    const isTrue = /^(salt\.(function|state|runner|parallel_runners)|lb\.)/.test(`${chunk.state}.${chunk.fun}`);
    if (isTrue && !(chunk.state === 'lb' && failsOn(this.#request.faults, host ?? '', chunk.id)))
      return executeStep(record, action, signal);
    await this.#clock.sleep(host === undefined ? USUAL_MS : durationOn(this.#request.faults, host), signal);
    const fails = failsOn(this.#request.faults, host ?? '', chunk.id);
    const comment = fails ? 'failed, as the simulation was told' : 'simulated';
    return { result: !fails, changes: new PyMap(), comment };
  }

  #runners(nested: PlannableCalls): PlannableCalls {
    return {
      has: () => true,
      names: () => nested.names(),
      onlyLooks: (name) => nested.onlyLooks(name),
      call: async (request) => {
        if (nested.has(request.name)) return nested.call(request);
        await this.#clock.sleep(USUAL_MS, request.signal);
        return { answer: true, result: true };
      },
      plan: async (request) => {
        if (nested.has(request.name)) return nested.plan(request);
        return { foreseen: { effect: 'unknown' }, result: null, changes: new PyMap(), comment: 'not simulated' };
      },
    };
  }

  #select(target: string, type: string): readonly string[] {
    if (type === 'list') return target.split(',').filter((id) => this.#ids.includes(id));
    if (type === 'glob') return this.#ids.filter((id) => globMatches(target, id));
    // Facts of hosts that do not exist are not known: the pillar's own words about its hosts stand for them.
    const wanted = [...target.matchAll(/(?:G@|I@)?([\w-]+):([\w.*-]+)/g)];
    const hosts = this.#pillar.get('hosts');
    return this.#ids.filter((id) => {
      const said = hosts instanceof PyMap ? hosts.get(id) : undefined;
      return wanted.every(([, key, value]) => {
        const own = said instanceof PyMap ? said.get(key!) : undefined;
        return globMatches(value!, String(own ?? this.#pillar.get(key!) ?? ''));
      });
    });
  }

  #pool(name: string): Pool {
    let pool = this.#pools.get(name);
    if (pool === undefined) {
      pool = new Pool(name, this.#ids, { clock: this.#clock, familyOf: (id) => familyOf(id, this.#ids) });
      this.#pools.set(name, pool);
    }
    return pool;
  }

  #note(events: readonly RunJournalEvent[]): void {
    for (const event of events) {
      const text = textOf(event);
      if (event.type === 'step-ended' && event.outcome !== 'skipped') this.#steps += 1;
      if (text !== undefined) this.#timeline.push({ atMs: event.at, text });
    }
  }
}

type StepExecution = ReturnType<typeof createStepExecutor>;

/** The pillar the orchestration would get. @throws DiagnosticsError */
async function pillarOf(request: RunRequest, { runtime, log }: SimulationParts): Promise<PyMap> {
  const { ctx } = await runtime.workplace({
    ...{ signal: new AbortController().signal, log, saltenv: request.saltenv ?? 'base' },
    ...(request.pillarenv === undefined ? {} : { pillarenv: request.pillarenv }),
    pillar: request.pillar === undefined ? {} : { override: request.pillar },
  });
  return ctx.pillar.data;
}

function muted(functions: Catalog['functions']): Catalog['functions'] {
  return new Map(
    [...functions].map(([name, module]) =>
      OUTSIDE.test(name)
        ? [name, { ...module, access: 'read', run: async () => new PyMap() } as typeof module]
        : [name, module],
    ),
  );
}

/** Hosts that the pillar lists. */
function idsOf(pillar: PyMap): readonly string[] {
  const hosts = pillar.get('hosts');
  const family = largestFamily(pillar)?.ids ?? [];
  return [...(hosts instanceof PyMap ? [...hosts.keys()].map(String) : []), ...family];
}

/** The member that a step of a load balancer is about; undefined for one that looks at all of them. */
function memberOf({
  fun,
  name,
  args,
}: {
  readonly fun: string;
  readonly name: Value;
  readonly args: PyMap;
}): string | undefined {
  const member = args.get('member') ?? (fun === 'drain' || fun === 'enable' ? name : undefined);
  return member === undefined ? undefined : String(member);
}

function textOf(event: RunJournalEvent): string | undefined {
  switch (event.type) {
    case 'step-ended': {
      const id = event.step.split('_|-')[1] ?? event.step;
      if (event.outcome === 'skipped') return undefined;
      const missed = failedHostsOf(event.answer).sort().join(', ');
      const isGood = event.outcome === 'succeeded';
      const why = isGood ? (missed === '' ? '' : `, not on ${missed}`) : `: ${event.answer.comment.split('\n')[0]}`;
      return `${id} ${event.outcome} in ${formatDuration(event.durationMs)}${why}`;
    }
    case 'run-rolling-back':
      return `rolling back ${event.steps.length} steps: ${event.reason}`;
    case 'run-aborting':
      return `stopping: ${event.reason}`;
    case 'hosts-dropped':
      return `going on without ${event.hosts.join(', ')}`;
    case 'run-ended':
      return `run ${event.outcome}, exit code ${event.exitCode}`;
    default:
      return undefined;
  }
}

function notHere(): EdgeError {
  return new EdgeError('EDGE_NOT_SUPPORTED', 'no events come in a simulation');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

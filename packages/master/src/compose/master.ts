import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RuntimeExecutor } from '@edge-run/shared/execute';
import { type Clock, EDGE_VERSION, type JsonValue, type Logger, newId } from '@edge-run/shared/kernel';
import type { RunJournalEvent, StepProgress } from '@edge-run/shared/protocol';
import { createRenderer } from '@edge-run/shared/render';
import { encodeValue, type PyMap } from '@edge-run/shared/values';
import { createLocalCloud } from '../cloud/index.ts';
import type { LoadedMasterConfig } from '../config/index.ts';
import { type Events, openEvents } from '../events/index.ts';
import { serveGateway } from '../gateway/index.ts';
import { createDispatcher, createJobs, openJobStreams, trackPresence } from '../jobs/index.ts';
import { openJetStreamJournal } from '../journal/index.ts';
import { serveEnrolment } from '../keys/index.ts';
import { FactsStore, Nodes } from '../nodes/index.ts';
import {
  fleetOperations,
  jobOperations,
  masterOperations,
  orchOperations,
  renderOperations,
} from '../operations/index.ts';
import {
  compileOrchestration,
  createStepExecutor,
  RELEASED,
  RunHistory,
  type RunnerCalls,
  RunService,
  STEP_KINDS,
  type StepChecks,
} from '../orchestration/index.ts';
import { createRunnerCalls, keyWheels, masterRunners } from '../runners/index.ts';
import { startAutomation } from './automation.ts';
import { createBalancers } from './balancers.ts';
import { type Connections, openConnections } from './broker.ts';
import { masterFacts, masterRuntime, runtimeBase } from './master-host.ts';
import { createPillars } from './pillars.ts';
import { minionRpc } from './rpc.ts';
import { openSshHosts } from './ssh-hosts.ts';

/** What a master is started with. */
export interface MasterOptions {
  readonly config: LoadedMasterConfig;
  /** How the local fleet starts a minion. */
  readonly minionCommand: readonly [string, ...string[]];
  readonly clock: Clock;
  readonly log: Logger;
}

/** A master that runs. */
export interface RunningMaster {
  readonly url: string;
  readonly isBrokerManaged: boolean;
  /** Credentials for the command line of this machine: new ones, the file everybody uses, or none. */
  readonly operator: { readonly creds: string } | { readonly file: string } | undefined;
  /** Lets go of everything; runs go on with the next master. */
  stop(): Promise<void>;
}

/** Wires a master together and starts it. */
export async function startMaster({ config, minionCommand, clock, log }: MasterOptions): Promise<RunningMaster> {
  await mkdir(config.data_dir, { recursive: true, mode: 0o755 });
  const stop = new AbortController();
  const { signal } = stop;
  // Everything that listens on the bus listens for the end too.
  setMaxListeners(0, signal);
  const startedAt = clock.now();
  const connections = await openConnections(config, clock, log);
  const { bus, system, keyring } = connections;
  const background = new Background(log);
  const { connection } = bus;

  const events = await openEvents({ bus, connection, clock, log, source: `master:${config.id}` });
  const journal = await openJetStreamJournal<RunJournalEvent>({ connection, clock });
  const { returns, records } = await openJobStreams(bus, clock);

  const renderer = createRenderer();
  const base = runtimeBase(
    config,
    renderer,
    { send: async (tag, data) => void (await events.send({ tag, data: encodeValue(data) })) },
    log,
  );
  const facts = masterFacts(base, config);
  const compilePillar = createPillars(config, base);

  const presence = trackPresence({
    ...(system === undefined ? {} : { system }),
    account: keyring.account,
    idOf: keyring.idOf,
    clock,
    log,
    signal,
  });
  const factsStore = new FactsStore(join(config.data_dir, 'facts'));
  const pillarOf = (id: string, query: { pillarenv: string | undefined; override: PyMap | undefined }) =>
    compilePillar({
      id,
      grains: nodes.factsOf(id),
      pillarenv: query.pillarenv ?? pillarenvOf(nodes.factsOf(id)),
      ...(query.override === undefined ? {} : { override: query.override }),
    });
  const ssh = await openSshHosts({
    version: EDGE_VERSION,
    config,
    base,
    bus,
    keyring,
    clock,
    log,
    signal,
    facts: factsStore,
    pillarOf,
  });
  const nodes: Nodes = new Nodes({
    // Where nobody is let in one by one, who told us of himself is who there is.
    minions: () =>
      connections.admission.knock === undefined
        ? factsStore.ids().filter((id) => !ssh.grains.has(id))
        : keyring.accepted(),
    sshHosts: () => ssh.grains,
    facts: factsStore,
    nodegroups: config.nodegroups,
    pillarOf: (id) => pillarOf(id, { pillarenv: undefined, override: undefined }),
  });
  const selection = (target: string, type: string): ReturnType<Nodes['select']> =>
    nodes.select(type === 'list' ? target.split(',').map((id) => id.trim()) : target, type);
  const selectKnown = async (target: string, type: string): Promise<readonly string[]> =>
    (await selection(target, type)).matched.map(({ id }) => id);
  // A host that is called by its name and that nobody knows is one that does not answer, not one to leave out.
  const select = async (target: string, type: string): Promise<readonly string[]> => {
    const { matched, missing } = await selection(target, type);
    return matched.length === 0 ? [] : [...matched.map(({ id }) => id), ...missing];
  };
  const jobs = createJobs({
    bus,
    returns,
    records,
    signer: keyring.jobSigner,
    clock,
    log,
    presence: ssh.presence(presence),
    resolveTargets: async (target, type) => ({ ids: await select(target, type) }),
    publishEvent: (tag, data, causedBy) =>
      background.run(events.send({ tag, data, ...(causedBy === undefined ? {} : { causedBy }) })),
  });
  const dispatcher = createDispatcher({
    jobs,
    select,
    random: Math.random,
    isRelease: (reason) => reason === RELEASED,
  });
  const runtime = masterRuntime(base, {
    facts,
    jobs: {
      run: (request, jobSignal) =>
        dispatcher.run(
          { ...request, by: 'template', timeoutMs: request.timeoutMs ?? config.deadline * 1000 },
          jobSignal,
        ),
    },
    pillarOf: async ({ pillarenv, override }) =>
      compilePillar({
        id: config.id,
        grains: await facts(),
        pillarenv,
        ...(override === undefined ? {} : { override }),
      }),
  });

  const publish = publisher(events, background);
  // Functions, not values: a nested run is checked as the first one is, and the runners start runs.
  const checks: StepChecks = {
    functions: runtime.catalog.functions,
    runners: { has: (name) => runners.has(name), names: () => runners.names() },
    select: selectKnown,
  };
  const runs: RunService = new RunService({
    journal,
    master: config.id,
    clock,
    log,
    compile: (request) => compileOrchestration(request, runtime, checks, signal),
    executeStep: (record, action, stepSignal) => executeStep(record, action, stepSignal),
    publish: publish.journaled,
  });
  const cloud = createLocalCloud({
    minionCommand,
    access: {
      servers: [connections.url],
      ...connections.admission,
      trustedKeys: [keyring.jobSigner.publicKey],
      joinToken: async (id) => (await keyring.createToken({ name: `fleet-${id}-${newId()}`, ids: id })).token,
    },
    isUp: async (id) => nodes.hasFacts(id) && presence.goneSince(id) === undefined,
    ask: async (id, askSignal) => {
      const answer = await dispatcher.run(
        { target: id, targetType: 'list', fun: 'test.ping', by: 'cloud', timeoutMs: 5_000 },
        askSignal,
      );
      return answer.targets.get(id)?.outcome === 'succeeded';
    },
    clock,
    log,
  });
  const executor = new RuntimeExecutor(runtime);
  const driver = config.fleet.driver === 'local' ? cloud : ssh.cloud;
  const runners: RunnerCalls = createRunnerCalls(
    masterRunners({ runs, master: config.id, cloud: driver, jobs, nodes, presence, events, executor, runtime, log }),
  );
  const executeStep = createStepExecutor({
    kinds: STEP_KINDS,
    runtime,
    ports: {
      jobs: dispatcher,
      runners,
      wheels: createRunnerCalls(keyWheels(keyring)),
      events: {
        listen: (listenSignal) => events.listen(listenSignal),
        send: async (tag, data, causedBy) =>
          void (await events.send({ tag, data: encodeValue(data), ...(causedBy === undefined ? {} : { causedBy }) })),
      },
      balancer: createBalancers(dispatcher, clock),
      clock,
    },
    publishProgress: publish.progress,
    clock,
    log,
    random: Math.random,
  });

  const history = new RunHistory();
  background.run(history.follow(journal, signal, log));
  const automation = await startAutomation({
    config,
    connection,
    events,
    base,
    facts,
    dispatcher,
    runners,
    clock,
    log,
    signal,
  });
  const operations = {
    ...orchOperations(runs, history),
    ...jobOperations({
      jobs,
      dispatcher,
      checkCall: (fun, call) => runtime.checkCall(fun, call),
      deadlineMs: config.deadline * 1000,
    }),
    ...fleetOperations({
      access: { servers: [connections.url], ...connections.admission },
      keyring,
      nodes,
      presence,
      sshFleet: ssh.fleet,
      pillarOf,
    }),
    ...renderOperations({ base, nodes, facts, master: config.id, pillarOf }),
    ...masterOperations({
      id: config.id,
      version: EDGE_VERSION,
      startedAt,
      clock,
      events,
      runners,
      runs,
      history,
      keyring,
      presence,
      ...automation,
    }),
  };
  background.run(serveEnrolment({ bus, keyring, signal, log }));
  background.run(
    serveGateway({
      bus,
      clock,
      log,
      signal,
      operations,
      rpc: minionRpc({ files: base.files, jobs, nodes, pillarOf }),
      onMinionEvent: (id) => presence.seen(id),
    }),
  );
  await bus.flush();
  await jobs.resume();
  const resumed = await runs.resumeOpen();
  log.info('the master is ready', { id: config.id, url: connections.url, resumed: [...resumed] });

  return {
    url: connections.url,
    isBrokerManaged: connections.isManaged,
    operator: operatorAccess(connections),
    async stop() {
      await runs.stop();
      stop.abort();
      await automation.stop();
      await jobs.close();
      await ssh.close();
      await background.idle();
      await connections.close();
    },
  };
}

function operatorAccess({ admission, keyring }: Connections): RunningMaster['operator'] {
  if (admission.knock !== undefined) return { creds: keyring.operatorCreds('operator') };
  return admission.credentials === undefined ? undefined : { file: admission.credentials };
}

/** The environment a host belongs to by its grains is the one its pillar comes from, unless it is asked for another. */
function pillarenvOf(facts: PyMap): string | undefined {
  const own = facts.get('pillarenv');
  return typeof own === 'string' ? own : undefined;
}

/** Turns journaled events and progress into events for everybody who watches. */
function publisher(
  events: Events,
  background: Background,
): { journaled(entries: readonly RunJournalEvent[], revision: number): void; progress(progress: StepProgress): void } {
  const send = (event: RunJournalEvent | StepProgress, id: string): void => {
    const data = event.type === 'run-planned' ? { ...event, plan: null } : event;
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

/** Work that nobody waits for, until the master stops. */
class Background {
  readonly #log: Logger;
  readonly #work = new Set<Promise<void>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  run(work: Promise<unknown>): void {
    const done: Promise<void> = work
      .then(() => undefined)
      .catch((error: unknown) => this.#log.error('work in the background failed', { reason: String(error) }))
      .finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  async idle(): Promise<void> {
    await Promise.all(this.#work);
  }
}

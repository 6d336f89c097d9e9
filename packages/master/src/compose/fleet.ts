import { join } from 'node:path';
import {
  type CompilePillarOf,
  type HostRuntime,
  type JobExecutor,
  onlyLooks,
  RuntimeExecutor,
} from '@edge-run/shared/execute';
import { LocalHost } from '@edge-run/shared/host';
import { EDGE_VERSION } from '@edge-run/shared/kernel';
import type { Mine, Runners } from '@edge-run/shared/modules/contract';
import { createRenderer } from '@edge-run/shared/render';
import { encodeValue, type PyMap } from '@edge-run/shared/values';
import { Bundles } from '../bundles/index.ts';
import {
  createDispatcher,
  createJobs,
  type Dispatcher,
  type JobService,
  type Presence,
  trackPresence,
} from '../jobs/index.ts';
import type { Keyring } from '../keys/index.ts';
import { dutyTable } from '../leases/index.ts';
import { FactsStore, MineService, Nodes, openMineStore, shareFacts } from '../nodes/index.ts';
import { RELEASED } from '../orchestration/index.ts';
import { type MasterCalls, templateRunners } from '../runners/index.ts';
import { judgeJobs } from './command-policy.ts';
import type { Core } from './core.ts';
import { createFileServer, type FileServer } from './fileserver.ts';
import { masterFacts, masterRuntime, type RuntimeBase, runtimeBase } from './master-host.ts';
import { createPillars } from './pillars.ts';
import { groupTargets } from './rosters.ts';
import { openSshHosts, type SshHosts } from './ssh-hosts.ts';

/** Compiles the pillar of a host as its grains and the query say. */
export type PillarOf = (
  id: string,
  query: {
    readonly pillarenv: string | undefined;
    readonly override: PyMap | undefined;
    readonly layers?: boolean;
    /** Those of a host that is not of ours; what it told of itself when absent. */
    readonly grains?: PyMap;
  },
) => ReturnType<CompilePillarOf>;

/** Who there is, and how they are made to do something: minions, SSH hosts and the master's own host. */
export interface Fleet {
  readonly base: RuntimeBase;
  readonly fileServer: FileServer;
  /** The files that runs stand on. */
  readonly bundles: Bundles;
  readonly mine: MineService;
  /** Admission as it is asked of this master: a host whose key goes is forgotten with all that it told. */
  readonly keyring: Keyring;
  /** The master's own facts. */
  readonly facts: () => Promise<PyMap>;
  /** What orchestrations are rendered by, and where their own states run. */
  readonly runtime: HostRuntime;
  /** Gives the runtimes of the master its runners, which are made after them. */
  meetCalls(calls: MasterCalls): void;
  /** The runners, for templates. */
  readonly runners: Runners;
  readonly pillarOf: PillarOf;
  readonly presence: Presence;
  readonly nodes: Nodes;
  readonly ssh: SshHosts;
  readonly jobs: JobService;
  readonly dispatcher: Dispatcher;
  /** Ids of the known hosts that a target selects. */
  selectKnown(target: string, targetType: string): Promise<readonly string[]>;
}

/** Opens the roster and starts publishing jobs. */
export async function openFleet(core: Core): Promise<Fleet> {
  const { config, clock, log, signal, events, connections } = core;
  const { bus, system, keyring } = connections;
  const sendEvent = async (tag: string, data: Parameters<typeof encodeValue>[0]): Promise<void> => {
    await events.send({ tag, data: encodeValue(data) });
  };
  const host = new LocalHost({ id: config.id });
  const fileServer = createFileServer(config, { host, clock, log });
  core.background.run(fileServer.keepUpdated(signal));
  const bundles = new Bundles(fileServer.files, core.contents);
  const base = runtimeBase(config, {
    ...createRenderer(),
    ...{ host, log, files: fileServer.files, filesOf: (bundle) => bundles.files(bundle), events: { send: sendEvent } },
    // What asks for the mine is made before the hosts that are chosen from are known.
    mine: deferredMine(() => mine.forHost(config.id, { pillars: 'all' })),
  });
  const facts = masterFacts(base, config, clock);
  const compilePillar = createPillars(config, base, (id) => mine.forHost(id, { host: id, pillars: 'none' }));
  const presence = trackPresence({
    ...(system === undefined ? {} : { system }),
    account: keyring.account,
    idOf: keyring.idOf,
    clock,
    log,
    signal,
  });
  const factsStore = new FactsStore(join(config.data_dir, 'facts'), clock);
  await shareFacts(factsStore, core.connections.bus.connection, { clock, log, signal });
  const pillarOf: PillarOf = (id, { pillarenv, override, layers = false, grains = nodes.factsOf(id) }) =>
    compilePillar({
      id,
      grains,
      pillarenv: pillarenv ?? pillarenvOf(grains),
      layers,
      ...(override === undefined ? {} : { override }),
    });
  const shared = { config, base, bus, clock, log, signal };
  const mineOf = (id: string): Mine => deferredMine(() => mine.forHost(id, { host: id, pillars: 'exact' }));
  const ssh = await openSshHosts({
    ...{ ...shared, version: EDGE_VERSION, facts: factsStore, pillarOf, mineOf },
    ...{ lease: core.lease, duties: dutyTable(core.leases.locks) },
    isMinion: (id) => nodes.kindOf(id) === 'minion',
  });
  const nodes: Nodes = new Nodes({
    // Where nobody is let in one by one, who told us of himself is who there is.
    minions: () =>
      connections.admission.knock === undefined
        ? factsStore.ids().filter((id) => !ssh.grains.has(id))
        : keyring.accepted(),
    isMinion: (id) =>
      connections.admission.knock === undefined
        ? factsStore.get(id) !== undefined && !ssh.grains.has(id)
        : keyring.isAccepted(id),
    sshHosts: () => ssh.grains,
    facts: factsStore,
    roleOf: (id) => keyring.roleOf(id),
    nodegroups: () => ({ ...groupTargets(ssh.groups()), ...config.nodegroups }),
    pillarOf: (id) => pillarOf(id, { pillarenv: undefined, override: undefined }),
  });
  const mine = new MineService({ store: await openMineStore(connections.bus.connection, clock), nodes, clock, log });
  const judge = judgeJobs(config.command_policy, { nodes, catalog: base.catalog });
  const { jobs, dispatcher, selectKnown } = openJobs(core, nodes, {
    presence: ssh.presence(presence),
    selectIn: (selection) => ssh.selectIn(selection),
    requireAllowed: judge,
    onlyLooks: (fun) => onlyLooks(base.catalog, fun),
    executeHere: (job, options) => new RuntimeExecutor(runtime).execute(job, options),
  });
  let calls: MasterCalls | undefined;
  const runners = templateRunners(() => calls);
  const runtime: HostRuntime = masterRuntime(base, {
    facts,
    runners,
    jobs: {
      run: ({ timeoutMs = config.deadline * 1000, ...request }, jobSignal) =>
        dispatcher.run({ ...request, by: 'template', timeoutMs }, jobSignal),
    },
    pillarOf: async (query) => compilePillar({ id: config.id, grains: await facts.current(), ...query }),
  });
  return {
    ...{ base, fileServer, bundles, mine, keyring: forgettingKeyring(keyring, nodes, mine) },
    facts: () => facts.current(),
    ...{ runtime, runners, pillarOf, presence, nodes, ssh, jobs, dispatcher, selectKnown },
    meetCalls: (made) => {
      calls = made;
    },
  };
}

function openJobs(
  { returns, records, batches, clock, log, events, background, connections }: Core,
  nodes: Nodes,
  {
    presence,
    selectIn,
    requireAllowed,
    onlyLooks,
    executeHere,
  }: {
    readonly presence: Presence;
    readonly selectIn: SshHosts['selectIn'];
    readonly requireAllowed: ReturnType<typeof judgeJobs>;
    readonly onlyLooks: (fun: string) => boolean;
    readonly executeHere: JobExecutor['execute'];
  },
): Pick<Fleet, 'jobs' | 'dispatcher' | 'selectKnown'> {
  const selection = (target: string, type: string, delimiter?: string): ReturnType<Nodes['select']> =>
    nodes.select(type === 'list' ? target.split(',').map((id) => id.trim()) : target, type, { delimiter });
  // A host that is called by its name and that nobody knows is one that does not answer, not one to leave out.
  const select = async (target: string, type: string, delimiter?: string): Promise<readonly string[]> => {
    const { matched, missing } = await selection(target, type, delimiter);
    return matched.length === 0 ? [] : [...matched.map(({ id }) => id), ...missing];
  };
  const jobs = createJobs({
    bus: connections.bus,
    returns,
    records,
    batches,
    signer: connections.keyring.jobSigner,
    clock,
    log,
    presence,
    onlyLooks,
    resolveTargets: async (target, type, delimiter, { transport, roster }) => {
      if (roster !== undefined) return { ids: await selectIn({ roster, target, type, delimiter }) };
      const ids = await select(target, type, delimiter);
      // A name nobody knows is one that does not answer, over SSH too.
      return { ids: transport === 'ssh' ? ids.filter((id) => nodes.kindOf(id) !== 'minion') : ids };
    },
    requireAllowed,
    publishEvent: (event) => background.run(events.send(event)),
    callMaster: (job, signal) => executeHere(job, { signal, log }),
  });
  const isRelease = (reason: unknown): boolean => reason === RELEASED;
  return {
    jobs,
    dispatcher: createDispatcher({ jobs, select, isRelease }),
    selectKnown: async (target, type) => (await selection(target, type)).matched.map(({ id }) => id),
  };
}

/** The environment a host belongs to by its grains is the one its pillar comes from, unless it is asked for another. */
function pillarenvOf(facts: PyMap): string | undefined {
  const own = facts.get('pillarenv');
  return typeof own === 'string' ? own : undefined;
}

/** A mine that is there when it is used. */
function deferredMine(mine: () => Mine): Mine {
  return {
    get: (target, name, type) => mine().get(target, name, type),
    update: (entries, options) => mine().update(entries, options),
    remove: (names) => mine().remove(names),
  };
}

/** Before the key goes, so that nothing stays when this is killed; and after it, for what the host sent meanwhile. */
function forgettingKeyring(keyring: Keyring, nodes: Nodes, mine: MineService): Keyring {
  const forget = async (id: string): Promise<void> => {
    await mine.remove(id);
    await nodes.forget(id);
  };
  return {
    ...keyring,
    async delete(id) {
      await forget(id);
      await keyring.delete(id);
      await forget(id);
    },
  };
}

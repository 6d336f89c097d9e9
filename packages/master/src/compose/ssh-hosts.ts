import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@edge-run/shared/bus';
import { HostRuntime, type JobExecutor, RuntimeExecutor, stateFunctions } from '@edge-run/shared/execute';
import { type Clock, type Compiled, EdgeError, errorMessage, type Logger, newId } from '@edge-run/shared/kernel';
import type { Mine } from '@edge-run/shared/modules/contract';
import { gatherGrains, KeptFacts } from '@edge-run/shared/modules/facts';
import { requireAllowed } from '@edge-run/shared/policy';
import { fromPlain, PyMap, Redactor } from '@edge-run/shared/values';
import type { CloudDriver } from '../cloud/index.ts';
import type { LoadedMasterConfig } from '../config/index.ts';
import type { Presence } from '../jobs/index.ts';
import type { Keyring } from '../keys/index.ts';
import type { FactsStore } from '../nodes/index.ts';
import { createSshFleet, JobHost, type SshFleet, type SshHost, type SshTarget, serveSshHosts } from '../ssh/index.ts';
import { policyHost } from './command-policy.ts';
import type { RuntimeBase } from './master-host.ts';
import { loadRosters, type RosterReading, rememberTarget } from './rosters.ts';

/** What the hosts of the roster share with the rest of the master. */
export interface SshHostsOptions {
  readonly config: LoadedMasterConfig;
  readonly base: RuntimeBase;
  readonly bus: Bus;
  readonly keyring: Keyring;
  readonly facts: FactsStore;
  pillarOf(id: string, query: { pillarenv: string | undefined; override: PyMap | undefined }): Promise<Compiled<PyMap>>;
  mineOf(id: string): Mine;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Channels of one connection are few: sshd's MaxSessions is 10 by default. */
const JOBS_PER_HOST = 8;
const MINE_TIMEOUT_MS = 300_000;

/** The hosts of the roster as targets like any other. */
export interface SshHosts {
  readonly fleet: SshFleet;
  /** Id → grains the roster gives. */
  readonly grains: ReadonlyMap<string, PyMap>;
  /** Group of a roster → its hosts. */
  readonly groups: () => Readonly<Record<string, readonly string[]>>;
  /** Reads the rosters again: new hosts can be targets, those that changed are connected to anew. @throws as loading */
  refresh(): Promise<void>;
  readonly cloud: CloudDriver;
  /** Presence with the roster's hosts in it: whether one can be reached shows when it is. */
  presence(of: Presence): Presence;
  close(): Promise<void>;
}

/** Opens the roster and takes the jobs of its hosts: they are executed from here, over SSH. */
export async function openSshHosts(options: SshHostsOptions): Promise<SshHosts> {
  const { config, bus, keyring, clock, log, signal } = options;
  const reading: RosterReading = { config, renderData: options.base.renderData, log, signal };
  let rosters = await loadRosters(reading);
  const agent = config.ssh.agent ?? process.env.SSH_AUTH_SOCK;
  const fleet = createSshFleet({
    roster: rosters.targets,
    hostKeys: { mode: config.ssh.host_keys, files: [atHome(config.ssh.known_hosts ?? '~/.ssh/known_hosts')] },
    credentials: { keyFiles: config.ssh.identities.map(atHome), ...(agent === undefined ? {} : { agent }) },
    clock,
    log,
  });
  const grains = new Map(rosters.targets.map((target) => [target.id, grainsOf(target)]));
  const executors = new Map<string, Promise<JobExecutor>>();
  const executorOf = async (id: string): Promise<JobExecutor> => {
    const known = executors.get(id);
    if (known !== undefined) {
      const executor = await known;
      await (await fleet.host(id)).answering();
      return executor;
    }
    const made = createExecutor(id, fleet, grains.get(id) ?? new PyMap(), options);
    executors.set(id, made);
    // A host that could not be reached is tried again with the next job.
    made.catch(() => executors.delete(id));
    return made;
  };
  const served = new Set<string>();
  const stops: (() => Promise<void>)[] = [];
  const serve = (ids: readonly string[]): void => {
    const fresh = ids.filter((id) => !served.has(id));
    for (const id of fresh) served.add(id);
    stops.push(
      serveSshHosts({
        ...{ bus, ids: fresh, executorOf, clock, log, signal },
        dir: join(config.data_dir, 'ssh-jobs'),
        signers: [keyring.jobSigner.publicKey],
        concurrency: JOBS_PER_HOST,
        version: options.version,
      }),
    );
  };
  serve([...grains.keys()]);
  const refresh = async (): Promise<void> => {
    rosters = await loadRosters(reading);
    for (const id of await fleet.update(rosters.targets)) executors.delete(id);
    grains.clear();
    for (const target of rosters.targets) grains.set(target.id, grainsOf(target));
    serve([...grains.keys()]);
  };
  void keepRefreshed(refresh, options);
  const requireListed = (host: string): void => {
    if (grains.has(host)) return;
    throw new EdgeError(
      'EDGE_CLOUD_FAILED',
      `the roster has no host ${host}`,
      { host },
      { hint: 'Add it to a source of `roster` in the configuration of the master.' },
    );
  };
  return {
    fleet,
    grains,
    groups: () => rosters.groups,
    refresh,
    cloud: {
      kind: 'roster',
      async provision(host) {
        requireListed(host.id);
        await executorOf(host.id);
        return 'present';
      },
      async foresee(host) {
        requireListed(host.id);
        return 'present';
      },
    },
    presence: (of) => ({ ...of, goneSince: (id) => (grains.has(id) ? undefined : of.goneSince(id)) }),
    async close() {
      await Promise.all(stops.map((stop) => stop()));
      await fleet.close();
    },
  };
}

async function createExecutor(
  id: string,
  fleet: SshFleet,
  grains: PyMap,
  { base, config, facts, pillarOf, mineOf, clock, log, signal }: SshHostsOptions,
): Promise<JobExecutor> {
  const host = await fleet.host(id);
  rememberTarget(config, fleet.target(id));
  const places = placesOf(grains);
  const mineFunctions = fromPlain(fleet.target(id).minionOpts.mine_functions ?? {});
  const kept = new KeptFacts({
    gather: () => gatherGrains(host, { file: places.grains_file, configured: grains }, log),
    keepMs: Number.POSITIVE_INFINITY,
    clock,
    onChange: (changed) => facts.set(id, changed),
  });
  const gathered = await kept.current();
  await facts.set(id, gathered);
  const pillarenv = gathered.get('pillarenv');
  const belongs = policyHost(id, new PyMap([...gathered, ...grains]));
  const runtime = new HostRuntime(
    {
      ...base,
      redactor: new Redactor(),
      host,
      log: log.child({ host: id }),
      requireAllowed: (command) => requireAllowed(config.command_policy, command, belongs),
      opts: new PyMap([...base.opts, ['mine_functions', mineFunctions], ['id', id], ...Object.entries(places)]),
      mine: mineOf(id),
      facts: () => kept.current(),
      refreshFacts: () => kept.refresh(),
      pillar: (query) => pillarOf(id, { pillarenv: query.pillarenv, override: query.override }),
      ...(typeof pillarenv === 'string' ? { pillarenv } : {}),
    },
    stateFunctions,
  );
  const executor = sshExecutor(host, new RuntimeExecutor(runtime));
  const everyMs = config.mine_interval * 60_000;
  void keepMineUpdated(executor, { everyMs, clock, log: log.child({ host: id }), signal });
  return executor;
}

/** Runs jobs so that each ends as its connection allows to say. */
function sshExecutor(host: SshHost, runtime: RuntimeExecutor): JobExecutor {
  return {
    facts: () => runtime.facts(),
    refreshFacts: () => runtime.refreshFacts(),
    onlyLooks: (fun) => runtime.onlyLooks(fun),
    async execute(job, work) {
      const seen = new JobHost(host);
      return seen.judge(await runtime.execute(job, { ...work, host: seen }));
    },
  };
}

/** What a minion does for itself: publishes in the mine what its pillar says, now and from time to time. */
async function keepMineUpdated(
  executor: JobExecutor,
  { everyMs, clock, log, signal }: { everyMs: number; clock: Clock; log: Logger; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    const job = { jid: `mine-${newId()}`, fun: 'mine.update', args: [], kwargs: new Map(), timeoutMs: MINE_TIMEOUT_MS };
    const { outcome, ret } = await executor.execute(job, { signal, log });
    if (outcome !== 'succeeded') log.debug(`the mine was not updated: ${String(ret)}`);
    await clock.sleep(everyMs, signal).catch(() => undefined);
  }
}

/**
 * Where a host without an agent keeps what an agent would have in its data directory: below its home where its roster
 * says one, else where root's daemons have theirs. Services without an init system are declared there too.
 */
function placesOf(grains: PyMap): { readonly grains_file: string; readonly cachedir: string } & Record<string, string> {
  const home = grains.get('home');
  if (typeof home !== 'string') return { grains_file: '/etc/edge/grains', cachedir: '/var/cache/edge' };
  return {
    grains_file: `${home}/grains`,
    cachedir: `${home}/cache`,
    services_dir: `${home}/services`,
    services_run_dir: `${home}/run`,
  };
}

function grainsOf({ grains }: SshTarget): PyMap {
  return fromPlain(grains) as PyMap;
}

function atHome(file: string): string {
  return file.startsWith('~/') ? join(homedir(), file.slice(2)) : file;
}

/** Instances of a cloud come and go: they are asked for from time to time. */
async function keepRefreshed(
  refresh: () => Promise<void>,
  { config, clock, log, signal }: SshHostsOptions,
): Promise<void> {
  const minutes = config.roster.flatMap((source) => (source.kind === 'cloud' ? [source.refresh] : []));
  if (minutes.length === 0) return;
  while (!signal.aborted) {
    await clock.sleep(Math.min(...minutes) * 60_000, signal).catch(() => undefined);
    if (signal.aborted) return;
    await refresh().catch((error: unknown) => log.warn(`the rosters could not be read again: ${errorMessage(error)}`));
  }
}

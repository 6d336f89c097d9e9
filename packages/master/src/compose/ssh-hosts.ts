import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@edge-run/shared/bus';
import { type JobExecutor, JobStore, onlyLooks } from '@edge-run/shared/execute';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { PyMap } from '@edge-run/shared/values';
import type { CloudDriver } from '../cloud/index.ts';
import type { Presence } from '../jobs/index.ts';
import type { DutiesOptions, MasterLease } from '../leases/index.ts';
import { createSshFleet, idOfDirectory, type SshFleet } from '../ssh/index.ts';
import { OtherRosters, type RosterSelection } from './other-rosters.ts';
import { grainsById, type LoadedRosters, loadRosters, type RosterReading } from './rosters.ts';
import { ServedHosts } from './served-hosts.ts';
import { SshExecutors, type SshExecutorsOptions } from './ssh-executors.ts';

/** What the hosts of the roster share with the rest of the master. */
export interface SshHostsOptions extends Omit<SshExecutorsOptions, 'fleet' | 'grains' | 'areConfigured' | 'pillarOf'> {
  readonly bus: Bus;
  readonly lease: MasterLease;
  /** Which master works on which host. */
  readonly duties: DutiesOptions['store'];
  /** `grains`: those of a host that is not of the configuration. */
  pillarOf(
    id: string,
    query: Parameters<SshExecutorsOptions['pillarOf']>[1] & { grains?: PyMap },
  ): ReturnType<SshExecutorsOptions['pillarOf']>;
  isMinion(id: string): boolean;
  readonly version: string;
}

/** Channels of one connection are few: sshd's MaxSessions is 10 by default. */
const JOBS_PER_HOST = 8;

/** The hosts of the roster as targets like any other. */
export interface SshHosts {
  readonly fleet: SshFleet;
  /** Id → grains the roster gives. */
  readonly grains: ReadonlyMap<string, PyMap>;
  /** Group of a roster → its hosts. */
  readonly groups: () => Readonly<Record<string, readonly string[]>>;
  /** Reads the rosters again: new hosts can be targets, those that changed are connected to anew. @throws as loading */
  refresh(): Promise<void>;
  /** Takes over the hosts that a master worked on which is gone. */
  claim(): Promise<void>;
  readonly cloud: CloudDriver;
  /**
   * Who is meant of another roster, which is read now; jobs that name it go there from now on.
   * @throws EdgeError, DiagnosticsError for one that cannot be used, or a target that is not valid
   */
  selectIn(selection: RosterSelection): Promise<readonly string[]>;
  /** Presence with the roster's hosts in it: whether one can be reached shows when it is. */
  presence(of: Presence): Presence;
  close(): Promise<void>;
}

/** Opens the roster and takes the jobs of its hosts: they are executed from here, over SSH. */
export async function openSshHosts(options: SshHostsOptions): Promise<SshHosts> {
  const { config, bus, clock, log, signal } = options;
  const reading: RosterReading = { config, renderData: options.base.renderData, log, signal };
  let rosters = await loadRosters(reading);
  const agent = config.ssh.agent ?? process.env.SSH_AUTH_SOCK;
  const fleetOf = ({ targets }: LoadedRosters): SshFleet =>
    createSshFleet({
      roster: targets,
      hostKeys: { mode: config.ssh.host_keys, files: [atHome(config.ssh.known_hosts ?? '~/.ssh/known_hosts')] },
      credentials: { keyFiles: config.ssh.identities.map(atHome), ...(agent === undefined ? {} : { agent }) },
      clock,
      log,
    });
  const fleet = fleetOf(rosters);
  const grains = grainsById(rosters);
  const executors = new SshExecutors({ ...options, fleet, grains, areConfigured: true });
  const others = new OtherRosters({ ...options, reading, fleetOf });
  const executorOf = (id: string, roster: string | undefined): Promise<JobExecutor> =>
    roster === undefined ? executors.of(id) : others.executorOf(id, roster);
  const dir = join(config.data_dir, 'ssh-jobs');
  const served = new ServedHosts({
    ...{ bus, executorOf, clock, log, dir, lease: options.lease, store: options.duties, master: config.id },
    onlyLooks: (fun) => onlyLooks(options.base.catalog, fun),
    concurrency: JOBS_PER_HOST,
    version: options.version,
  });
  await served.add([...grains.keys(), ...interruptedElsewhere(dir, grains)]);
  const refresh = async (): Promise<void> => {
    rosters = await loadRosters(reading);
    for (const id of await fleet.update(rosters.targets)) executors.forget(id);
    grains.clear();
    for (const [id, given] of grainsById(rosters)) grains.set(id, given);
    await served.add(grains.keys());
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
    claim: () => served.claim(),
    async selectIn(selection) {
      const ids = await others.select(selection);
      await served.add(ids);
      return ids;
    },
    cloud: {
      kind: 'roster',
      async provision(host) {
        requireListed(host.id);
        await executors.of(host.id);
        return 'present';
      },
      async foresee(host) {
        requireListed(host.id);
        return 'present';
      },
    },
    presence: (of) => ({ ...of, goneSince: (id) => (served.has(id) ? undefined : of.goneSince(id)) }),
    async close() {
      await served.close();
      await fleet.close();
      await others.close();
    },
  };
}

/** Hosts of other rosters whose jobs a former master left in the middle: who asks for them is told so. */
function interruptedElsewhere(dir: string, grains: ReadonlyMap<string, PyMap>): readonly string[] {
  const names = existsSync(dir) ? readdirSync(dir) : [];
  return names
    .filter((name) => !grains.has(idOfDirectory(name)))
    .filter((name) => new JobStore(join(dir, name)).interrupted().some(({ job }) => job.roster !== undefined))
    .map(idOfDirectory);
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

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { JobExecutor } from '@edge-run/shared/execute';
import { EdgeError } from '@edge-run/shared/kernel';
import type { PyMap } from '@edge-run/shared/values';
import { FactsStore, Nodes } from '../nodes/index.ts';
import type { SshFleet } from '../ssh/index.ts';
import { rosterSourceOf } from './roster-source.ts';
import { grainsById, groupTargets, type LoadedRosters, loadRosters, type RosterReading } from './rosters.ts';
import { SshExecutors } from './ssh-executors.ts';
import type { SshHostsOptions } from './ssh-hosts.ts';

/** Hosts of another roster. */
export interface RosterSelection {
  /** Its path, `KIND:PATH` where the kind does not show. */
  readonly roster: string;
  readonly target: string;
  readonly type: string;
  readonly delimiter: string | undefined;
}

/** What other rosters are read and used with. */
export interface OtherRostersOptions extends SshHostsOptions {
  readonly reading: RosterReading;
  fleetOf(loaded: LoadedRosters): SshFleet;
}

interface Open {
  readonly fleet: SshFleet;
  readonly grains: Map<string, PyMap>;
  readonly executors: SshExecutors;
  readonly nodes: Nodes;
  groups: LoadedRosters['groups'];
}

/**
 * Rosters that jobs name instead of the configured one. Their hosts may have ids that the master knows otherwise: they
 * have connections and facts of their own, and are told apart by the roster a job names.
 */
export class OtherRosters {
  readonly #options: OtherRostersOptions;
  /** Roster, as jobs name it → what it has become. */
  readonly #open = new Map<string, Promise<Open>>();

  constructor(options: OtherRostersOptions) {
    this.#options = options;
  }

  /** Ids that a target means in a roster, which is read anew. @throws EdgeError, DiagnosticsError */
  async select({ roster, target, type, delimiter }: RosterSelection): Promise<readonly string[]> {
    const { nodes } = await this.#read(roster);
    const expression = type === 'list' ? target.split(',').map((id) => id.trim()) : target;
    const { matched, missing } = await nodes.select(expression, type, { delimiter });
    if (missing.length > 0) throw notIn(roster, missing[0]!);
    const ids = matched.map(({ id }) => id);
    const minion = ids.find((id) => this.#options.isMinion(id));
    if (minion !== undefined) throw isMinion(roster, minion);
    return ids;
  }

  /** What runs a job on one of its hosts. @throws EdgeError when that cannot be reached, or the roster not be read */
  async executorOf(id: string, roster: string): Promise<JobExecutor> {
    // A master that has been started meanwhile has not read it.
    const { executors } = await (this.#open.get(roster) ?? this.#read(roster));
    return executors.of(id);
  }

  async close(): Promise<void> {
    for (const opening of this.#open.values()) await (await opening.catch(() => undefined))?.fleet.close();
  }

  async #read(roster: string): Promise<Open> {
    const { reading } = this.#options;
    const source = rosterSourceOf(roster);
    const loaded = await loadRosters({ ...reading, config: { ...reading.config, roster: [source] } });
    const known = this.#open.get(roster);
    const open = known ?? Promise.resolve(this.#make(roster, loaded));
    this.#open.set(roster, open);
    const made = await open;
    for (const id of await made.fleet.update(loaded.targets)) made.executors.forget(id);
    made.grains.clear();
    for (const [id, given] of grainsById(loaded)) made.grains.set(id, given);
    made.groups = loaded.groups;
    return made;
  }

  #make(roster: string, loaded: LoadedRosters): Open {
    const { config, clock, fleetOf, pillarOf } = this.#options;
    const fleet = fleetOf(loaded);
    const grains = new Map<string, PyMap>();
    const digest = createHash('sha256').update(roster).digest('hex').slice(0, 32);
    const facts = new FactsStore(join(config.data_dir, 'roster-facts', digest), clock);
    const open: Open = {
      fleet,
      grains,
      groups: loaded.groups,
      executors: new SshExecutors({
        ...{ ...this.#options, fleet, grains, facts, areConfigured: false },
        pillarOf: (id, query) => pillarOf(id, { ...query, grains: open.nodes.factsOf(id) }),
      }),
      nodes: new Nodes({
        minions: () => [],
        isMinion: () => false,
        sshHosts: () => grains,
        facts,
        roleOf: () => undefined,
        nodegroups: () => ({
          ...groupTargets(open.groups),
          ...config.nodegroups,
        }),
        pillarOf: (id) => pillarOf(id, { pillarenv: undefined, override: undefined, grains: open.nodes.factsOf(id) }),
      }),
    };
    return open;
  }
}

function notIn(roster: string, id: string): EdgeError {
  const details = { host: id, roster };
  return new EdgeError('EDGE_SSH_NO_SUCH_HOST', `${roster} has no host \`${id}\``, details, {
    hint: 'Add it there, or name another roster.',
  });
}

function isMinion(roster: string, id: string): EdgeError {
  const details = { host: id, roster };
  return new EdgeError('EDGE_BAD_ARGUMENT', `${id} of ${roster} is the id of a minion`, details, {
    hint: 'Give the host another id in that roster, or leave it out of the target.',
  });
}

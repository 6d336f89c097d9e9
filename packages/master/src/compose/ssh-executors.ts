import { HostRuntime, type JobExecutor, RuntimeExecutor, stateFunctions } from '@edge-run/shared/execute';
import { type Clock, type Compiled, type Logger, newId } from '@edge-run/shared/kernel';
import type { Mine } from '@edge-run/shared/modules/contract';
import { gatherGrains, KeptFacts } from '@edge-run/shared/modules/facts';
import { requireAllowed } from '@edge-run/shared/policy';
import { hostEventData } from '@edge-run/shared/protocol';
import { fromPlain, PyMap, Redactor } from '@edge-run/shared/values';
import type { LoadedMasterConfig } from '../config/index.ts';
import type { FactsStore } from '../nodes/index.ts';
import { JobHost, type SshFleet, type SshHost } from '../ssh/index.ts';
import { policyHost } from './command-policy.ts';
import type { RuntimeBase } from './master-host.ts';
import { rememberTarget } from './rosters.ts';

/** What runs jobs on the hosts of a roster. */
export interface SshExecutorsOptions {
  readonly fleet: SshFleet;
  /** Id → grains the roster gives. */
  readonly grains: ReadonlyMap<string, PyMap>;
  readonly config: LoadedMasterConfig;
  readonly base: RuntimeBase;
  readonly facts: FactsStore;
  pillarOf(id: string, query: { pillarenv: string | undefined; override: PyMap | undefined }): Promise<Compiled<PyMap>>;
  mineOf(id: string): Mine;
  /** They are the hosts of the configuration: what they publish is kept current, and how they are reached remembered. */
  readonly areConfigured: boolean;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const MINE_TIMEOUT_MS = 300_000;

/** Makes, keeps and checks what runs jobs on each host of a roster. */
export class SshExecutors {
  readonly #options: SshExecutorsOptions;
  readonly #made = new Map<string, Promise<JobExecutor>>();

  constructor(options: SshExecutorsOptions) {
    this.#options = options;
  }

  /** What runs jobs on a host that has just answered. @throws EdgeError when it cannot be reached */
  async of(id: string): Promise<JobExecutor> {
    const known = this.#made.get(id);
    if (known !== undefined) {
      const executor = await known;
      await (await this.#options.fleet.host(id)).answering();
      return executor;
    }
    const made = createExecutor(id, this.#options);
    this.#made.set(id, made);
    // A host that could not be reached is tried again with the next job.
    made.catch(() => this.#made.delete(id));
    return made;
  }

  /** The host is another now, or none. */
  forget(id: string): void {
    this.#made.delete(id);
  }
}

async function createExecutor(id: string, options: SshExecutorsOptions): Promise<JobExecutor> {
  const { fleet, base, config, facts, pillarOf, mineOf, clock, log, signal, areConfigured } = options;
  const grains = options.grains.get(id) ?? new PyMap();
  const host = await fleet.host(id);
  if (areConfigured) rememberTarget(config, fleet.target(id));
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
      events: {
        send: (tag, data) => base.events.send(tag, new PyMap(Object.entries(hostEventData(id, tag, data)))),
      },
      log: log.child({ host: id }),
      requireAllowed: (command) => requireAllowed(config.command_policy, command, belongs),
      opts: new PyMap([
        ...base.opts,
        ['mine_functions', mineFunctions],
        ['id', id],
        ['__cli', 'salt-minion'],
        ...Object.entries(places),
      ]),
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
  if (areConfigured) void keepMineUpdated(executor, { everyMs, clock, log: log.child({ host: id }), signal });
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

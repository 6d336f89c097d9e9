import { readFileSync } from 'node:fs';
import { EDGE_VERSION, silentLogger } from '@edge-run/shared/kernel';
import type { RunningApi } from '../api/index.ts';
import type { SwitchedOn } from '../cloud/index.ts';
import { type Operation, serveGateway } from '../gateway/index.ts';
import { tellOfPresence } from '../jobs/index.ts';
import { serveEnrolment, tellOfKeys } from '../keys/index.ts';
import {
  fleetOperations,
  jobOperations,
  masterOperations,
  orchOperations,
  renderOperations,
  runViewOperations,
} from '../operations/index.ts';
import { simulate } from '../simulation/index.ts';
import { startConfiguredApi } from './api.ts';
import { type Automation, startAutomation } from './automation.ts';
import type { Connections } from './broker.ts';
import { type Core, type MasterOptions, openCore } from './core.ts';
import { type Fleet, openFleet } from './fleet.ts';
import { startReturners } from './returners.ts';
import { minionRpc } from './rpc.ts';
import { createRuns, type Runs } from './runs.ts';

/** How long a start that failed tries to give its lease back. */
const GIVE_BACK_MS = 3_000;

/** A master that runs. */
export interface RunningMaster {
  readonly url: string;
  readonly caFile: string | undefined;
  readonly isBrokerManaged: boolean;
  /** Credentials for the command line of this machine: new ones, the file everybody uses, or none. */
  readonly operator: { readonly creds: string } | { readonly file: string } | undefined;
  /** The HTTP API, where it is served. */
  readonly api: { readonly url: string; readonly tokenFile: string } | undefined;
  /** Hosts of the local fleet that were off when it started. */
  readonly switchedOn: readonly SwitchedOn[];
  /** Lets go of everything; runs go on with the next master. */
  stop(): Promise<void>;
}

/**
 * Wires a master together and starts it: broker and streams, then the fleet, then the engine, then what starts by
 * itself, and last whoever asks. A start that fails leaves nothing running.
 */
export async function startMaster(options: MasterOptions): Promise<RunningMaster> {
  const stop = new AbortController();
  const startedAt = options.clock.now();
  const core = await openCore(options, stop.signal);
  try {
    const fleet = await openFleet(core);
    await startReturners(core, fleet.jobs);
    const engine = await createRuns(core, fleet);
    const automation = await startAutomation({ core, fleet, runners: engine.runners, wheels: engine.wheels });
    const { connections, background, config, log } = core;
    const { bus, keyring } = connections;
    tellOfKeys({ keyring, send: (tag, data) => core.events.send({ tag, data }), clock: options.clock, log });
    if (config.presence_events)
      background.run(
        tellOfPresence({
          ...{ presence: fleet.presence, master: config.id, alive: () => core.lease.alive() },
          ...{ send: (tag, data) => core.events.send({ tag, data }), clock: options.clock, log, signal: stop.signal },
        }),
      );
    background.run(serveEnrolment({ bus, keyring, signal: stop.signal, log }));
    let api: RunningApi | undefined;
    const operations = operationsOf(core, fleet, engine, automation, { startedAt, api: () => api?.url });
    background.run(serve(core, fleet, operations));
    await bus.flush();
    await fleet.jobs.resume();
    // Before the runs go on that were in hand: they need their hosts.
    const switchedOn = await engine.switchOn();
    const missing = switchedOn.filter(({ problem }) => problem !== undefined);
    for (const host of missing) log.warn('a host of the local fleet did not come up again', { ...host });
    const resumed = await engine.runs.takeUp();
    api = await startConfiguredApi(core, operations);
    const served = api === undefined ? {} : { api: api.url };
    log.info('the master is ready', { id: config.id, url: connections.url, resumed: [...resumed], ...served });
    return {
      url: connections.url,
      caFile: connections.caFile,
      isBrokerManaged: connections.isManaged,
      operator: operatorAccess(connections),
      api,
      switchedOn,
      async stop() {
        await api?.close();
        await engine.runs.stop();
        await core.lease.end();
        stop.abort();
        await automation.stop();
        await fleet.jobs.close();
        await fleet.ssh.close();
        await background.idle();
        await connections.close();
      },
    };
  } catch (error) {
    stop.abort();
    // The server may be what failed: then it does not answer, and the lease runs out by itself.
    await Promise.race([core.lease.end(), options.clock.sleep(GIVE_BACK_MS)]).catch(() => undefined);
    await core.connections.close();
    throw error;
  }
}

function serve(
  { connections, clock, log, signal }: Core,
  { base, bundles, jobs, nodes, mine, presence, pillarOf }: Fleet,
  operations: Readonly<Record<string, Operation>>,
): Promise<void> {
  return serveGateway({
    bus: connections.bus,
    clock,
    log,
    signal,
    operations,
    rpc: minionRpc({
      ...{
        files: base.files,
        filesOf: (bundle) => bundles.files(bundle),
        jobs,
        nodes,
        mine,
        opts: base.opts,
        pillarOf,
      },
      keyring: connections.keyring,
    }),
    onMinionEvent: (id) => presence.seen(id),
  });
}

/** Everything that people may ask. */
function operationsOf(
  { config, clock, events, connections }: Core,
  { base, facts, keyring, runtime, pillarOf, presence, nodes, ssh, jobs, dispatcher }: Fleet,
  { runs, commands, previews, locks, history, runners, compile }: Runs,
  { schedules, reactors }: Automation,
  { startedAt, api }: { readonly startedAt: number; readonly api: () => string | undefined },
): Readonly<Record<string, Operation>> {
  const { servers, caFile, admission } = connections;
  const mergingStrategy = config.pillar_source_merging_strategy;
  const master = { id: config.id, version: EDGE_VERSION, startedAt, clock, api };
  const access = { servers, ...admission, ...(caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') }) };
  const checkCall: typeof runtime.checkCall = (fun, call) => runtime.checkCall(fun, call);
  return {
    ...orchOperations({
      ...{ runs, commands, previews, locks, history },
      simulate: (request) => simulate(request, { runtime, known: () => nodes.ids(), log: silentLogger }),
    }),
    ...runViewOperations({ runs, history, compile }),
    ...jobOperations({
      ...{ jobs, checkCall, deadlineMs: config.deadline * 1000 },
      // The rest is for the lists of targets; what is too much even so is packed.
      pageBytes: () => connections.bus.maxPayloadBytes / 2,
    }),
    ...fleetOperations({
      ...{
        access,
        keyring,
        dispatcher,
        nodes,
        presence,
        sshFleet: ssh.fleet,
        refreshRosters: () => ssh.refresh(),
        pillarOf,
        mergingStrategy,
      },
    }),
    ...renderOperations({ base, nodes, facts, master: config.id, pillarOf }),
    ...masterOperations({ ...master, events, runners, runs, history, keyring, presence, schedules, reactors }),
  };
}

function operatorAccess({ admission, keyring }: Connections): RunningMaster['operator'] {
  if (admission.knock !== undefined) return { creds: keyring.operatorCreds('operator') };
  return admission.credentials === undefined ? undefined : { file: admission.credentials };
}

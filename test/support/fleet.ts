import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileOperations, type Operation, operation, rotationOperations, serveGateway } from '@edge-run/master/gateway';
import {
  createJobs,
  type GatherSettings,
  type JobService,
  openJobStreams,
  type Presence,
  trackPresence,
} from '@edge-run/master/jobs';
import { createKeyring, type Keyring, pushAccount, serveEnrolment } from '@edge-run/master/keys';
import { type Agent, type MinionPorts, startAgent } from '@edge-run/minion/agent';
import { openIdentity } from '@edge-run/minion/identity';
import { connectNatsBus, credentialsFromCreds, type NatsBus } from '@edge-run/shared/bus';
import type { JobExecutor } from '@edge-run/shared/execute';
import type { FileSource } from '@edge-run/shared/files';
import { type Logger, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { SUBJECTS } from '@edge-run/shared/protocol';
import { z } from 'zod';
import { onlyLooks, testExecutor } from './executor.ts';
import { startNats, type TestNats } from './nats.ts';

export interface TestMaster {
  readonly bus: NatsBus;
  readonly jobs: JobService;
  readonly presence: Presence;
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly files?: FileSource;
  readonly rpc?: Readonly<Record<string, Operation>>;
  readonly log?: Logger;
  /** How long masters wait for targets, where not as usual. */
  readonly gather?: Partial<GatherSettings>;
}

/** A keyring, a server that trusts it, and any number of masters and minions, all in this process. */
export class TestFleet {
  readonly directory: string;
  readonly keyring: Keyring;
  readonly nats: TestNats;
  readonly #options: FleetOptions;
  readonly #system: NatsBus;
  readonly #agents = new Set<Agent>();
  readonly #masters = new Set<TestMaster>();

  constructor(parts: { directory: string; keyring: Keyring; nats: TestNats; system: NatsBus }, options: FleetOptions) {
    this.directory = parts.directory;
    this.keyring = parts.keyring;
    this.nats = parts.nats;
    this.#system = parts.system;
    this.#options = options;
  }

  /** A connection with everything allowed. */
  connectMaster(name: string): Promise<NatsBus> {
    return connectNatsBus({
      servers: [this.nats.url],
      credentials: credentialsFromCreds(this.keyring.masterCreds(name)),
      name,
      inboxPrefix: `_INBOX.${name}`,
      maxReconnectWaitMs: 500,
    });
  }

  async startMaster(name = 'm1'): Promise<TestMaster> {
    const stop = new AbortController();
    const { signal } = stop;
    const log = this.#options.log ?? silentLogger;
    const bus = await this.connectMaster(name);
    const { returns, records, batches } = await openJobStreams(bus, systemClock);
    const presence = trackPresence({
      ...{
        system: this.#system,
        account: this.keyring.account,
        idOf: this.keyring.idOf,
        clock: systemClock,
        log,
        signal,
      },
    });
    const jobs = createJobs({
      ...{
        bus,
        returns,
        records,
        batches,
        presence,
        signer: this.keyring.jobSigner,
        clock: systemClock,
        log,
        onlyLooks,
      },
      ...(this.#options.gather === undefined ? {} : { settings: this.#options.gather }),
      resolveTargets: async (target, type) => ({
        ids: type === 'list' ? target.split(',') : this.keyring.accepted(),
      }),
    });
    const work = [
      serveEnrolment({ bus, keyring: this.keyring, signal, log }),
      serveGateway({
        ...{ bus, clock: systemClock, log, signal, operations: {}, onMinionEvent: (id) => presence.seen(id) },
        rpc: {
          returned: operation(z.object({ jids: z.array(z.string()).max(1_000) }), async ({ jids }, caller) => ({
            stored: await jobs.stored(caller.id, jids),
          })),
          ...rotationOperations(this.keyring),
          ...(this.#options.files === undefined ? {} : fileOperations(this.#options.files)),
          ...this.#options.rpc,
        },
      }),
    ];
    await bus.flush();
    const master: TestMaster = {
      bus,
      jobs,
      presence,
      stop: async () => {
        this.#masters.delete(master);
        stop.abort();
        await jobs.close();
        await Promise.all(work);
        await bus.close();
      },
    };
    this.#masters.add(master);
    return master;
  }

  /** A minion of real agent code; it is let in by a join token unless told otherwise. */
  async startMinion(
    id: string,
    options: {
      readonly executor?: JobExecutor | ((ports: MinionPorts) => JobExecutor);
      readonly joinToken?: string | undefined;
      readonly dataDir?: string;
      readonly waitReady?: boolean;
      /** Default: the key of this fleet's masters. */
      readonly trustedKeys?: readonly string[];
    } = {},
  ): Promise<Agent> {
    const dataDir = options.dataDir ?? this.dataDir(id);
    const joinToken =
      'joinToken' in options ? options.joinToken : (await this.keyring.createToken({ name: id, ids: id })).token;
    const executor = options.executor ?? testExecutor();
    const agent = startAgent({
      id,
      version: '0.0.0',
      servers: [this.nats.url],
      dataDir,
      identity: await openIdentity(dataDir),
      trustedKeys: options.trustedKeys ?? [this.keyring.jobSigner.publicKey],
      admission: {
        kind: 'knock',
        credential: { kind: 'bearer', jwt: this.keyring.knockJwt() },
        ...(joinToken === undefined ? {} : { joinToken }),
      },
      concurrency: 8,
      createExecutor: typeof executor === 'function' ? executor : () => executor,
      log: this.#options.log ?? silentLogger,
    });
    agent.ended().catch(() => undefined);
    this.#agents.add(agent);
    if (options.waitReady !== false) await agent.ready();
    return agent;
  }

  dataDir(id: string): string {
    return join(this.directory, 'minions', id);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#agents].map((agent) => agent.stop()));
    await Promise.all([...this.#masters].map((master) => master.stop()));
    await this.#system.close();
    await this.nats.stop();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Starts server and keyring; masters and minions are started from it. */
export async function startFleet(options: FleetOptions = {}): Promise<TestFleet> {
  const directory = await mkdtemp(join(tmpdir(), 'edge-fleet-'));
  let system: NatsBus | undefined;
  let master: NatsBus | undefined;
  const keyring = await createKeyring({
    dir: join(directory, 'keys'),
    pushAccount: (jwt) => pushAccount(system!, jwt),
    onAnswer: (publicKey, answer) => void master?.publish(SUBJECTS.ack(publicKey), answer),
    ...(options.log === undefined ? {} : { log: options.log }),
  });
  const nats = await startNats({ trust: keyring.trust() });
  system = await connectNatsBus({
    servers: [nats.url],
    credentials: credentialsFromCreds(keyring.systemCreds('system')),
    name: 'system',
    inboxPrefix: '_INBOX.system',
    maxReconnectWaitMs: 500,
  });
  const fleet = new TestFleet({ directory, keyring, nats, system }, options);
  master = await fleet.connectMaster('answers');
  const { stop } = fleet;
  fleet.stop = async () => {
    await master?.close();
    await stop.call(fleet);
  };
  return fleet;
}

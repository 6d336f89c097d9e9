import { join } from 'node:path';
import { type BusCredentials, type BusTls, connectNatsBus, type NatsBus, type Received } from '@edge-run/shared/bus';
import { type JobExecutor, JobRunner, JobStore } from '@edge-run/shared/execute';
import { type Clock, EdgeError, errorMessage, type Logger, systemClock } from '@edge-run/shared/kernel';
import { idToken, type MinionEvent, SUBJECTS } from '@edge-run/shared/protocol';
import { BlobStore, CachedFiles } from '../cache/index.ts';
import type { Identity } from '../identity/index.ts';
import { enrol } from './enrol.ts';
import { createPorts, type MinionPorts } from './ports.ts';
import { ReturnPublisher } from './returns.ts';
import { confirmKey, rotateKey } from './rotation.ts';
import { createMasterRpc, type Link, type MasterRpc } from './rpc.ts';

/** What a minion is started with. */
export interface AgentOptions {
  readonly id: string;
  readonly version: string;
  readonly servers: readonly string[];
  readonly dataDir: string;
  readonly identity: Identity;
  /** Keys whose jobs are run; empty: pinned at the first acceptance. */
  readonly trustedKeys: readonly string[];
  /**
   * How to come in: `knock` with the public credential until a master accepts; `given` with credentials somebody made;
   * `open` where the server asks nobody. The latter two need `trustedKeys`.
   */
  readonly admission:
    | { readonly kind: 'knock'; readonly credential: BusCredentials; readonly joinToken?: string }
    | { readonly kind: 'given'; readonly credentials: BusCredentials }
    | { readonly kind: 'open' };
  readonly tls?: BusTls;
  /** What this host is for; a join token can be good for one role only. */
  readonly role?: string;
  readonly concurrency: number;
  /** How much of the master's files is kept. Default 1 GiB. */
  readonly fileCacheBytes?: number;
  /** Makes what runs the jobs, over the ports to the master. */
  readonly createExecutor: (ports: MinionPorts) => JobExecutor;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Default 30,000. */
  readonly heartbeatMs?: number;
}

/** A running minion. */
export interface Agent {
  readonly id: string;
  readonly ports: MinionPorts;
  /** Resolves once jobs are taken for the first time. @throws what ended the agent before */
  ready(): Promise<void>;
  /** Resolves when the agent has ended. @throws EdgeError that it ended with */
  ended(): Promise<void>;
  stop(): Promise<void>;
}

const DEFAULT_FILE_CACHE_BYTES = 1024 ** 3;
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 15_000;

/** Starts a minion: it comes in, takes jobs, and comes in again whenever it is thrown out, until it is stopped. */
export function startAgent(options: AgentOptions): Agent {
  return new RunningAgent(options);
}

class RunningAgent implements Agent, Link {
  readonly id: string;
  readonly ports: MinionPorts;
  readonly #options: AgentOptions;
  readonly #clock: Clock;
  readonly #runner: JobRunner;
  readonly #returns: ReturnPublisher;
  readonly #rpc: MasterRpc;
  readonly #stop = new AbortController();
  readonly #end: Promise<void>;
  readonly #ready: Promise<void>;
  #markReady: () => void = () => {};
  #bus: NatsBus | undefined;
  /** The connection that takes the place of the present one, and until when it is served. */
  #successor: { readonly bus: NatsBus; readonly served: Promise<void> } | undefined;
  #rotation: Promise<{ readonly publicKey: string }> | undefined;
  #trusted: ReadonlySet<string>;
  #role: string | undefined;

  constructor(options: AgentOptions) {
    this.id = options.id;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#trusted = new Set(options.trustedKeys);
    const rpc = createMasterRpc(options.id, this);
    this.#rpc = rpc;
    const files = new CachedFiles(
      rpc,
      new BlobStore({
        directory: join(options.dataDir, 'files'),
        maxBytes: options.fileCacheBytes ?? DEFAULT_FILE_CACHE_BYTES,
        clock: this.#clock,
      }),
    );
    this.ports = createPorts({
      id: options.id,
      dataDir: options.dataDir,
      rpc,
      link: this,
      files,
      filesOf: (bundle) => files.ofBundle(bundle),
      clock: this.#clock,
      localJobs: {
        running: () => this.#runner.running(),
        end: (jid, by) => this.#runner.end(jid, by),
      },
      role: () => this.#role,
      rotateKey: () => this.#rotateKey(),
    });
    const store = new JobStore(join(options.dataDir, 'jobs'));
    this.#returns = new ReturnPublisher({ link: this, rpc, store, log: options.log });
    this.#runner = new JobRunner({
      id: options.id,
      version: options.version,
      trustedSigners: () => this.#trusted,
      executor: options.createExecutor(this.ports),
      store,
      clock: this.#clock,
      log: options.log,
      concurrency: options.concurrency,
      publish: (answer) => this.#returns.publish(answer),
    });
    const begun = new Promise<void>((resolve) => {
      this.#markReady = resolve;
    });
    this.#end = this.#live();
    this.#ready = Promise.race([begun, this.#end]);
    this.#ready.catch(() => undefined); // who waits sees it; who does not asks `ended`
  }

  bus(): NatsBus {
    if (this.#bus === undefined)
      throw new EdgeError('EDGE_BUS_UNREACHABLE', `${this.id} has no connection to its master now`);
    return this.#bus;
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  ended(): Promise<void> {
    return this.#end;
  }

  async stop(): Promise<void> {
    await this.#runner.stop();
    if (this.#bus !== undefined && !this.#bus.connection.isClosed()) await this.#bus.flush().catch(() => undefined);
    this.#stop.abort();
    this.#returns.stop();
    await this.#bus?.close();
    await this.#end.catch(() => undefined);
  }

  async #live(): Promise<void> {
    const { signal } = this.#stop;
    const { log } = this.#options;
    this.#runner.recover();
    let retryMs = FIRST_RETRY_MS;
    while (!signal.aborted) {
      try {
        const credentials = await this.#credentials(signal);
        this.#bus = await this.#connect(credentials);
        retryMs = FIRST_RETRY_MS;
        await this.#serveInTurn(this.#bus);
        if (!signal.aborted) log.warn('the connection was closed for good; coming in again');
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof EdgeError && error.code === 'EDGE_NOT_ALLOWED') throw error;
        log.warn(errorMessage(error));
        if (isRefusal(error) && this.#options.admission.kind === 'knock')
          await this.#options.identity.forgetAdmission();
        await this.#clock.sleep(retryMs * (0.5 + Math.random() / 2), signal).catch(() => undefined);
        retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
      } finally {
        this.#bus = undefined;
      }
    }
  }

  async #credentials(signal: AbortSignal): Promise<BusCredentials | undefined> {
    const { admission, identity, id, trustedKeys, servers, tls, log } = this.#options;
    if (admission.kind === 'open') return undefined;
    if (admission.kind === 'given') return admission.credentials;
    const { joinToken, credential } = admission;
    const { role } = this.#options;
    const admitted =
      (await identity.readAdmission(id)) ??
      (await enrol(
        {
          ...{ id, identity, servers, trustedKeys, knock: credential, clock: this.#clock, log },
          ...(joinToken === undefined ? {} : { joinToken }),
          ...(role === undefined ? {} : { role }),
          ...(tls === undefined ? {} : { tls }),
        },
        signal,
      ));
    this.#role = admitted.role;
    if (trustedKeys.length === 0) this.#trusted = new Set(admitted.signers);
    return { kind: 'jwt', jwt: admitted.jwt, keyPair: identity.keyPair };
  }

  #connect(credentials: BusCredentials | undefined): Promise<NatsBus> {
    const { servers, id, tls, log } = this.#options;
    return connectNatsBus({
      servers,
      name: id,
      inboxPrefix: `_INBOX.${idToken(id)}`,
      log,
      maxReconnectWaitMs: 5_000,
      ...(credentials === undefined ? {} : { credentials }),
      ...(tls === undefined ? {} : { tls }),
    });
  }

  /** Serves a connection, and then the one that took its place while it was served. */
  async #serveInTurn(first: NatsBus): Promise<void> {
    let served = this.#serve(first);
    for (;;) {
      try {
        await served;
      } catch (error) {
        // A key that was replaced is void: its connection ends so.
        if (this.#successor === undefined) throw error;
      }
      if (this.#successor === undefined) return;
      served = this.#successor.served;
      this.#successor = undefined;
    }
  }

  async #rotateKey(): Promise<{ readonly publicKey: string }> {
    const { admission, id, identity, trustedKeys, log } = this.#options;
    if (admission.kind !== 'knock')
      throw new EdgeError(
        'EDGE_NOT_ALLOWED',
        `${id} was given its credentials`,
        { id },
        { hint: 'Whoever made them makes new ones; Edge rotates the keys of minions that knocked.' },
      );
    this.#rotation ??= rotateKey({
      ...{ id, identity, trustedKeys, log, clock: this.#clock, rpc: this.#rpc },
      overlap: async (credentials) => {
        const bus = await this.#connect(credentials);
        const served = this.#serve(bus);
        served.catch(() => undefined); // whoever serves in turn sees it
        this.#successor = { bus, served };
        await bus.flush();
        return bus;
      },
      switchTo: async (bus) => {
        const before = this.#bus;
        this.#bus = bus;
        await before?.flush();
        await before?.close();
      },
    }).finally(() => {
      this.#rotation = undefined;
    });
    return await this.#rotation;
  }

  /** Until the connection is closed for good, which also a revoked key does. */
  async #serve(bus: NatsBus): Promise<void> {
    const closed = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, closed.signal]);
    const take = async (messages: AsyncIterable<Received>): Promise<void> => {
      for await (const { body, respond } of messages) {
        const receipt = this.#runner.handle(body);
        try {
          respond?.(receipt);
        } catch (error) {
          this.#options.log.warn(`could not answer: ${errorMessage(error)}`);
        }
      }
    };
    const work = [
      take(bus.subscribe(SUBJECTS.job(this.id), { signal })),
      this.#beat(signal),
      this.#follow(bus, signal),
    ];
    try {
      const reason = await bus.connection.closed();
      if (reason instanceof Error)
        throw new EdgeError('EDGE_BUS_UNREACHABLE', reason.message, { refused: true }, { cause: reason });
    } finally {
      closed.abort();
      await Promise.all(work);
    }
  }

  /** Says hello and sends what waits, each time the connection is there. */
  async #follow(bus: NatsBus, signal: AbortSignal): Promise<void> {
    for await (const { kind } of bus.status(signal)) {
      if (kind !== 'connected') continue;
      try {
        await bus.flush();
        await this.#tell(`salt/minion/${this.id}/start`);
        await confirmKey(this.#options.identity, this.#rpc);
        await this.#returns.republish();
        this.#markReady();
      } catch (error) {
        this.#options.log.warn(`after connecting: ${errorMessage(error)}`);
      }
    }
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const everyMs = this.#options.heartbeatMs ?? 30_000;
    while (!signal.aborted) {
      await this.#clock.sleep(everyMs * (0.75 + Math.random() / 2), signal).catch(() => undefined);
      if (!signal.aborted) await this.#tell('edge/heartbeat').catch(() => undefined);
    }
  }

  async #tell(tag: string): Promise<void> {
    const data = { version: this.#options.version, running: this.#runner.running().length };
    const event: MinionEvent = { tag, data, at: this.#clock.now() };
    await this.bus().publish(SUBJECTS.minionEvent(this.id), event);
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof EdgeError && error.code === 'EDGE_BUS_UNREACHABLE' && error.details.refused === true;
}

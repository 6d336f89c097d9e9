import type { Authenticator, ConnectionOptions, Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { connect, errors, headers, wsconnect } from '@nats-io/transport-node';
import { cancelled, EdgeError, errorMessage, type Logger, silentLogger } from '../kernel/index.ts';
import { decodeBody, encodeBody } from './body.ts';
import type { Bus, BusStatus, Received, RequestOptions, SubscribeOptions } from './contract.ts';
import { authenticatorFor, type BusCredentials } from './credentials.ts';
import { BoundedQueue, DEFAULT_QUEUE_LIMITS, type QueueLimits } from './queue.ts';
import { checkPublishSubject, mayReply } from './subject.ts';
import { writeTogether } from './write-together.ts';

/** A WebSocket for `ws://` and `wss://` servers, as the NATS client takes it. */
export type WsFactory = (
  url: string,
  options: object,
) => Promise<{
  readonly socket: unknown;
  readonly encrypted: boolean;
}>;

/** How servers are checked, and what they are shown. */
export interface BusTls {
  /** Certificates of the authority that signed the servers', in PEM; the system's authorities when absent. */
  readonly ca?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Which servers to connect to, and as whom. */
export interface NatsBusOptions {
  /** `nats://`, `tls://`, `ws://` or `wss://`. Web sockets are tried where no other server answers, and kept then. */
  readonly servers: readonly string[];
  readonly credentials?: BusCredentials;
  /** Shown in the server's connection list. */
  readonly name: string;
  /** `_INBOX.<own token>`: the only place this connection may read answers. */
  readonly inboxPrefix: string;
  /** Made from `ws` when absent: Node 20 has no WebSocket of its own. */
  readonly wsFactory?: WsFactory;
  readonly tls?: BusTls;
  readonly log?: Logger;
  readonly queueLimits?: QueueLimits;
  /** Limit of the first connection. Default 5,000. */
  readonly connectTimeoutMs?: number;
  /** Longest wait between two attempts to reconnect. Default 2,000. */
  readonly maxReconnectWaitMs?: number;
  /** Source of jitter in 0..1. */
  readonly random?: () => number;
}

/** A Bus over NATS; `connection` is for JetStream. */
export interface NatsBus extends Bus {
  readonly connection: NatsConnection;
  /** Largest body the server takes. */
  readonly maxPayloadBytes: number;
}

const FIRST_RECONNECT_WAIT_MS = 50;

/**
 * Connects and stays connected: after a loss it tries again, first after 50 ms, then ever longer and never in step with
 * others.
 * @throws EdgeError `EDGE_BUS_UNREACHABLE` when no server answers or the credentials are refused
 */
export async function connectNatsBus(options: NatsBusOptions): Promise<NatsBus> {
  const random = options.random ?? Math.random;
  let lostAt: number | undefined;
  const connectionOptions: ConnectionOptions = {
    name: options.name,
    inboxPrefix: options.inboxPrefix,
    timeout: options.connectTimeoutMs ?? 5_000,
    maxReconnectAttempts: -1,
    // The client asks more often than it tries, so the wait grows with the outage and not with the asking.
    reconnectDelayHandler: () => {
      const outageMs = lostAt === undefined ? 0 : performance.now() - lostAt;
      const longest = Math.min(options.maxReconnectWaitMs ?? 2_000, Math.max(FIRST_RECONNECT_WAIT_MS, outageMs / 2));
      return longest * (0.5 + random() / 2);
    },
    pingInterval: 10_000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...authentication(options.credentials),
  };
  const connection = await open(connectionOptions, options);
  writeTogether(connection);
  return new ConnectedNatsBus(connection, options, (connected) => {
    lostAt = connected ? undefined : performance.now();
  });
}

function authentication(credentials: BusCredentials | undefined): { authenticator?: Authenticator } {
  return credentials === undefined ? {} : { authenticator: authenticatorFor(credentials) };
}

async function open(connectionOptions: ConnectionOptions, options: NatsBusOptions): Promise<NatsConnection> {
  const isWeb = (server: string): boolean => /^wss?:/.test(server);
  const web = options.servers.filter(isWeb);
  const plain = options.servers.filter((server) => !isWeb(server));
  try {
    if (plain.length > 0) {
      const connecting = connect({
        ...connectionOptions,
        servers: plain,
        ...(options.tls ? { tls: options.tls } : {}),
      });
      const connection = await (web.length === 0 ? connecting : connecting.catch(unlessRefused));
      if (connection !== undefined) return connection;
    }
    const wsFactory = options.wsFactory ?? (await defaultWsFactory(options.tls));
    return await wsconnect({ ...connectionOptions, servers: web, wsFactory } as ConnectionOptions);
  } catch (error) {
    const servers = options.servers.join(', ');
    const refused = isRefusal(error);
    throw new EdgeError(
      'EDGE_BUS_UNREACHABLE',
      refused
        ? `${servers} refused the credentials of ${options.name}`
        : `cannot reach NATS at ${servers}: ${errorMessage(error)}`,
      { servers: [...options.servers], refused },
      {
        cause: error,
        hint: refused
          ? 'Look whether the key was rejected or revoked: edge-run keys ls.'
          : 'Look whether the server runs and the address is right: nats-server must listen there.',
      },
    );
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError;
}

/** A server that refused the credentials was reached: another way to it would not help. */
function unlessRefused(error: unknown): undefined {
  if (isRefusal(error)) throw error;
}

async function defaultWsFactory(tls: BusTls = {}): Promise<WsFactory> {
  const [{ WebSocket }, { readFile }] = await Promise.all([import('ws'), import('node:fs/promises')]);
  const read = async (file: string | undefined): Promise<string | undefined> =>
    file === undefined ? undefined : readFile(file, 'utf8');
  return async (url) => {
    const [ca, cert, key] = await Promise.all([tls.ca ?? read(tls.caFile), read(tls.certFile), read(tls.keyFile)]);
    const given = Object.entries({ ca, cert, key }).filter(([, text]) => text !== undefined);
    return { socket: new WebSocket(url, Object.fromEntries(given)), encrypted: url.startsWith('wss:') };
  };
}

class ConnectedNatsBus implements NatsBus {
  readonly connection: NatsConnection;
  readonly #log: Logger;
  readonly #limits: QueueLimits;
  readonly #listeners = new Set<BoundedQueue<BusStatus>>();
  readonly #queues = new Set<BoundedQueue<Received>>();
  #last: BusStatus;

  constructor(connection: NatsConnection, options: NatsBusOptions, onChange: (connected: boolean) => void) {
    this.connection = connection;
    this.#log = options.log ?? silentLogger;
    this.#limits = options.queueLimits ?? DEFAULT_QUEUE_LIMITS;
    this.#last = { kind: 'connected', server: connection.getServer() };
    void this.#follow(onChange);
    void connection.closed().then((reason) => this.#closed(reason ?? undefined));
  }

  get maxPayloadBytes(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024;
  }

  async publish(subject: string, body: unknown): Promise<void> {
    this.#send(subject, body);
  }

  async request(subject: string, body: unknown, options: RequestOptions): Promise<unknown> {
    const payload = this.#encode(subject, body);
    if (options.signal?.aborted) throw cancelled(options.signal);
    const answer = this.connection.request(subject, payload, { timeout: options.timeoutMs, ...kindOf(body) });
    try {
      return parse(await (options.signal === undefined ? answer : orAborted(answer, options.signal)));
    } catch (error) {
      throw requestError(error, subject, options.timeoutMs);
    }
  }

  subscribe(subject: string, options: SubscribeOptions): AsyncIterable<Received> {
    const queue = new BoundedQueue<Received>(this.#limits);
    if (options.signal.aborted) {
      queue.end();
      return queue;
    }
    let dropped = 0;
    const subscription = this.connection.subscribe(subject, {
      ...(options.queue === undefined ? {} : { queue: options.queue }),
      callback: (error, message) => {
        if (error !== null) {
          this.#log.error(`subscription to ${subject} failed: ${error.message}`, { subject });
          queue.end();
          return;
        }
        const received = this.#received(message);
        if (received !== undefined && !queue.push(received, message.data.length)) {
          dropped += 1;
          if ((dropped & (dropped - 1)) === 0) this.#log.warn(`reader of ${subject} is too slow`, { subject, dropped });
        }
      },
    });
    this.#queues.add(queue);
    const stop = (): void => {
      this.#queues.delete(queue);
      if (!this.connection.isClosed()) subscription.unsubscribe();
      queue.clear();
    };
    options.signal.addEventListener('abort', stop, { once: true });
    return queue;
  }

  async flush(): Promise<void> {
    await this.connection.flush();
  }

  status(signal: AbortSignal): AsyncIterable<BusStatus> {
    const queue = new BoundedQueue<BusStatus>({ items: 1_000, bytes: Number.MAX_SAFE_INTEGER });
    queue.push(this.#last);
    if (signal.aborted || this.#last.kind === 'closed') queue.end();
    else {
      this.#listeners.add(queue);
      signal.addEventListener(
        'abort',
        () => {
          this.#listeners.delete(queue);
          queue.end();
        },
        { once: true },
      );
    }
    return queue;
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  #send(subject: string, body: unknown): void {
    this.connection.publish(subject, this.#encode(subject, body), kindOf(body));
  }

  #encode(subject: string, body: unknown): string | Uint8Array {
    checkPublishSubject(subject);
    if (this.connection.isClosed()) throw closedError(subject);
    return encodeBody(subject, body, this.maxPayloadBytes);
  }

  #received(message: Msg): Received | undefined {
    const { subject, reply } = message;
    let body: unknown;
    try {
      body = parse(message);
    } catch {
      this.#log.warn(`dropped a message on ${subject} that is not JSON`, { subject });
      return undefined;
    }
    if (reply === undefined || reply === '') return { subject, body };
    if (!mayReply(subject, reply)) {
      this.#log.warn(
        `a message on ${subject} asked for its answer on ${reply}, outside its sender's inbox: not answered`,
        {
          subject,
          reply,
        },
      );
      return { subject, body };
    }
    return {
      subject,
      body,
      respond: (answer) => {
        if (!this.connection.isClosed()) this.#send(reply, answer);
      },
    };
  }

  async #follow(onChange: (connected: boolean) => void): Promise<void> {
    for await (const status of this.connection.status()) {
      switch (status.type) {
        case 'disconnect':
          onChange(false);
          this.#tell({ kind: 'disconnected', server: status.server });
          break;
        case 'reconnect':
          onChange(true);
          this.#tell({ kind: 'connected', server: status.server });
          break;
        case 'error':
          this.#log.warn(`NATS: ${status.error.message}`);
          break;
        default:
          break;
      }
    }
  }

  #closed(reason: Error | undefined): void {
    this.#tell({ kind: 'closed', ...(reason === undefined ? {} : { reason: reason.message }) });
    for (const listener of this.#listeners) listener.end();
    for (const queue of this.#queues) queue.end();
    this.#listeners.clear();
    this.#queues.clear();
  }

  #tell(status: BusStatus): void {
    this.#last = status;
    for (const listener of this.#listeners) listener.push(status);
  }
}

/** Says of a body that it is bytes; everything else is JSON. */
const KIND_HEADER = 'Edge-Body';
const BYTES = 'bytes';

function kindOf(body: unknown): { headers?: MsgHdrs } {
  if (!(body instanceof Uint8Array)) return {};
  const kind = headers();
  kind.set(KIND_HEADER, BYTES);
  return { headers: kind };
}

function parse(message: Msg): unknown {
  return message.headers?.get(KIND_HEADER) === BYTES ? message.data : decodeBody(message.data);
}

function closedError(subject: string): EdgeError {
  return new EdgeError('EDGE_BUS_UNREACHABLE', `the connection is closed: nothing sent to ${subject}`, { subject });
}

function requestError(error: unknown, subject: string, timeoutMs: number): unknown {
  if (error instanceof EdgeError) return error;
  const cause = { cause: error };
  if (error instanceof errors.NoRespondersError || (error instanceof errors.RequestError && error.isNoResponders())) {
    return new EdgeError('EDGE_BUS_NO_RESPONDER', `nobody listens on ${subject}`, { subject }, cause);
  }
  if (error instanceof errors.TimeoutError) {
    return new EdgeError(
      'EDGE_BUS_TIMEOUT',
      `no answer on ${subject} within ${timeoutMs} ms`,
      { subject, timeoutMs },
      cause,
    );
  }
  if (error instanceof errors.ClosedConnectionError) return closedError(subject);
  return error;
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(cancelled(signal));
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

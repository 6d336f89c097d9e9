import { type EventEmitter, setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { deadline, EdgeError, errorMessage, type InstantMs, Slots } from '@edge-run/shared/kernel';
import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { timedOut } from './errors.ts';
import { directRoute, type HandshakeContext, openConnection, type Route } from './handshake.ts';
import { SessionEnded } from './session-ended.ts';
import { addressOf, type SshTarget } from './target.ts';
import { unlessAborted } from './unless-aborted.ts';

/** How often a server may refuse a channel before that is its last word. */
const MAX_REFUSALS = 8;
const REFUSAL_PAUSE_MS = 10;
/** A server that answered so short a time ago is not asked whether it is there: many jobs in a row need not ask each time. */
const ANSWERED_MS = 500;

/** A channel and how to give its place back. */
export interface OpenChannel<T> {
  readonly channel: T;
  /** Aborts when the connection under the channel is gone. */
  readonly lost: AbortSignal;
  release(): void;
}

/** What a connection is bounded by, and what it goes through. */
export interface ConnectionOptions {
  readonly via?: Connection;
  readonly maxSessions: number;
  /** Handshakes at once with the server, whoever asks. */
  readonly handshakes: Slots;
}

interface Live {
  readonly client: Client;
  readonly lost: AbortController;
}

/**
 * The one connection to a host: opened when first needed, shared by everybody, opened again after it broke. Bounds
 * the channels that are open at once and learns when the server allows fewer.
 */
export class Connection {
  readonly target: SshTarget;
  readonly #context: HandshakeContext;
  readonly #route: Route;
  readonly #options: ConnectionOptions;
  readonly #slots: Slots;
  /** For those who end others: these may hold all the rest. */
  readonly #urgent = new Slots(1);
  /** Called when a channel is wanted and none is free: whoever holds one idly should give it back. */
  readonly #onContention = new Set<() => void>();
  /** What connecting ended with, to tell it from what commands end with. */
  readonly #failures = new WeakSet<EdgeError>();
  #connecting: Promise<Live> | undefined;
  #live: Live | undefined;
  #answeredAt: InstantMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(target: SshTarget, context: HandshakeContext, options: ConnectionOptions) {
    this.target = target;
    this.#context = context;
    this.#options = options;
    const { via, maxSessions } = options;
    this.#route =
      via === undefined
        ? directRoute(target)
        : { prepare: (signal) => via.ready(signal), open: (signal) => via.forwardTcp(target, signal) };
    // A shell with a terminal takes two channels of the server.
    this.#slots = new Slots(target.tty ? Math.max(2, Math.floor(maxSessions / 2)) : maxSessions);
  }

  onContention(listener: () => void): void {
    this.#onContention.add(listener);
  }

  /** How many channels may be open at once, as far as we know. */
  get maxChannels(): number {
    return this.#slots.limit;
  }

  /** True while somebody waits for a channel. */
  get isContended(): boolean {
    return this.#slots.isContended;
  }

  /** Connects now, or says why that cannot be. */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.#connected(signal);
  }

  /**
   * Resolves when the server has answered, now or a moment ago; connects anew where the kept connection is dead.
   * @throws as `ready`
   */
  async answering(signal?: AbortSignal): Promise<void> {
    const { clock } = this.#context;
    if (this.#live !== undefined && clock.now() - this.#answeredAt > ANSWERED_MS) {
      // One that nobody answers ends with its keep-alive, and what is live then is another.
      const answered = this.echo().catch(() => undefined);
      await (signal === undefined ? answered : unlessAborted(answered, signal));
      this.#answeredAt = clock.now();
    }
    await this.#connected(signal);
  }

  /** True for an error that connecting, here or to what is on the way, ended with. */
  isNotConnected(error: unknown): error is EdgeError {
    return error instanceof EdgeError && this.#failures.has(error);
  }

  /** A channel that runs `line` through the login shell. `urgent`: beyond our own bound, whoever else waits. */
  exec(
    line: string,
    signal: AbortSignal,
    { urgent = false }: { urgent?: boolean } = {},
  ): Promise<OpenChannel<ClientChannel>> {
    const slots = urgent ? this.#urgent : this.#slots;
    return this.#channel(signal, slots, (client, callback) => client.exec(line, callback));
  }

  /** The same with a terminal, beside a channel that its user has already: those of a `tty` target come in pairs. */
  execOnTerminal(line: string, signal: AbortSignal): Promise<OpenChannel<ClientChannel>> {
    return this.#channel(signal, new Slots(1), (client, callback) => client.exec(line, { pty: true }, callback));
  }

  /** A channel of the server's file transfer. @throws EdgeError `EDGE_SSH_SESSION_REFUSED` where it has none */
  sftp(signal: AbortSignal): Promise<OpenChannel<SFTPWrapper>> {
    return this.#channel(signal, this.#slots, (client, callback) => client.sftp(callback));
  }

  /** Another connection to the same host, for what must be done when this one has no channel left. */
  sibling(): Connection {
    return new Connection(this.target, this.#context, this.#options);
  }

  /** Resolves when the server has answered: what it sent before is here then. */
  async echo(): Promise<void> {
    const live = this.#live;
    if (live === undefined) throw this.#gone();
    const { client, lost } = live;
    await new Promise<void>((resolve, reject) => {
      const onLost = (): void => reject(this.#gone());
      lost.signal.addEventListener('abort', onLost, { once: true });
      // A forwarding that never was cannot be cancelled: the refusal is the answer.
      client.unforwardIn('127.0.0.1', 1, () => {
        lost.signal.removeEventListener('abort', onLost);
        resolve();
      });
    });
  }

  /** A TCP connection from the host to somewhere. */
  async forwardTcp({ host, port }: { host: string; port: number }, signal?: AbortSignal): Promise<Duplex> {
    const { client } = await this.#connected(signal);
    return this.#forward(`${host}:${port}`, (done) => client.forwardOut('127.0.0.1', 0, host, port, done));
  }

  /** A connection to a unix socket of the host. */
  async forwardUnix(path: string, signal?: AbortSignal): Promise<Duplex> {
    const { client } = await this.#connected(signal);
    return this.#forward(path, (done) => client.openssh_forwardOutStreamLocal(path, done));
  }

  /** Ends the connection; the object is of no further use. */
  async close(): Promise<void> {
    this.#closed = true;
    const live = this.#live ?? (await this.#connecting?.catch(() => undefined));
    if (live === undefined || live.lost.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => live.client.destroy(), 1_000);
      live.lost.signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
      live.client.end();
    });
  }

  async #channel<T extends EventEmitter & { end(): void }>(
    signal: AbortSignal,
    slots: Slots,
    open: (client: Client, callback: (error: Error | undefined, channel: T) => void) => void,
  ): Promise<OpenChannel<T>> {
    for (let refusals = 0; ; ) {
      const taking = slots.take(signal);
      if (slots.isContended) for (const listener of this.#onContention) listener();
      const release = await taking;
      try {
        const { client, lost } = await this.#connected(signal);
        const opening = openOn(client, lost.signal, open);
        const channel = await unlessAborted(opening, signal).catch((error: unknown) => {
          void opening.then((late) => !(late instanceof Error) && late.end());
          throw error;
        });
        if (channel instanceof Error) {
          if (lost.signal.aborted) throw new SessionEnded(channel.message, false);
          // Nothing has run: a server that allows fewer channels than we took is asked again when one is free.
          const others = this.#slots.taken - (slots === this.#slots ? 1 : 0);
          refusals += 1;
          if (!/open failure/i.test(channel.message) || refusals > MAX_REFUSALS) throw this.#sessionRefused(channel);
          this.#slots.lowerTo(others);
          for (const listener of this.#onContention) listener();
          release();
          // sshd counts a channel until it has seen the end of what ran there, a little after we have.
          await this.#context.clock.sleep(REFUSAL_PAUSE_MS * refusals, signal);
          continue;
        }
        return { channel, lost: lost.signal, release: releaseWhenClosed(channel, lost.signal, release) };
      } catch (error) {
        release();
        throw error;
      }
    }
  }

  #connected(signal?: AbortSignal): Promise<Live> {
    if (this.#closed) {
      return Promise.reject(this.#gone());
    }
    if (this.#live) return Promise.resolve(this.#live);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return signal === undefined ? this.#connecting : unlessAborted(this.#connecting, signal);
  }

  async #connect(): Promise<Live> {
    const client = await this.#shakeHands().catch((error: unknown) => {
      if (error instanceof EdgeError) this.#failures.add(error);
      throw error;
    });
    const live: Live = { client, lost: new AbortController() };
    // Every channel listens.
    setMaxListeners(0, live.lost.signal);
    client.setNoDelay(true);
    client.once('close', () => {
      if (this.#live === live) this.#live = undefined;
      live.lost.abort();
    });
    this.#live = live;
    return live;
  }

  async #shakeHands(): Promise<Client> {
    const limit = deadline(this.target.connectTimeoutMs, `connecting to ${this.target.id}`);
    try {
      // Whatever is on the way first: it may be behind the same bound.
      await this.#route.prepare(limit.signal);
      const leave = await this.#options.handshakes.take(limit.signal).catch((error: unknown) => {
        throw limit.signal.aborted ? timedOut(this.target, error) : error;
      });
      try {
        return await openConnection(this.target, this.#context, this.#route);
      } finally {
        leave();
      }
    } finally {
      limit.dispose();
    }
  }

  #forward(
    to: string,
    open: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      open((error, channel) => {
        if (error === undefined) return resolve(channel);
        const { id } = this.target;
        reject(
          new EdgeError(
            'EDGE_HOST_UNREACHABLE',
            `${id} does not open a connection to ${to}: ${error.message}`,
            { host: id, to },
            {
              cause: error,
              hint: `Does something listen there? Does sshd of ${id} say \`AllowTcpForwarding yes\` and \`AllowStreamLocalForwarding yes\`?`,
            },
          ),
        );
      });
    });
  }

  #gone(): EdgeError {
    const { id } = this.target;
    return new EdgeError('EDGE_CANCELLED', `the connection to ${id} was closed`, { host: id });
  }

  #sessionRefused(error: Error): EdgeError {
    const { id } = this.target;
    return new EdgeError(
      'EDGE_SSH_SESSION_REFUSED',
      `${id} (${addressOf(this.target)}) opens no session: ${error.message}`,
      { host: id },
      { cause: error, hint: `Look at MaxSessions, ForceCommand and Subsystem in the sshd_config of ${id}.` },
    );
  }
}

/**
 * The place of a channel is free when its user is done and the server has closed it too, or the connection is gone.
 * Called when the channel opens: ssh2 says `close` once, and keeps no note of it.
 */
function releaseWhenClosed(channel: EventEmitter, lost: AbortSignal, release: () => void): () => void {
  let isClosed = lost.aborted;
  let isReleased = false;
  const onClosed = (): void => {
    isClosed = true;
    lost.removeEventListener('abort', onClosed);
    if (isReleased) release();
  };
  channel.prependOnceListener('close', onClosed);
  lost.addEventListener('abort', onClosed, { once: true });
  return () => {
    isReleased = true;
    if (isClosed) release();
  };
}

/** Opens a channel; an error, also that of a connection that broke before the answer, is a value. */
function openOn<T>(
  client: Client,
  lost: AbortSignal,
  open: (client: Client, callback: (error: Error | undefined, channel: T) => void) => void,
): Promise<T | Error> {
  return new Promise((resolve) => {
    const onLost = (): void => resolve(new Error('the connection broke'));
    lost.addEventListener('abort', onLost, { once: true });
    try {
      open(client, (error, channel) => {
        lost.removeEventListener('abort', onLost);
        resolve(error ?? channel);
      });
    } catch (error) {
      lost.removeEventListener('abort', onLost);
      resolve(error instanceof Error ? error : new Error(errorMessage(error)));
    }
  });
}

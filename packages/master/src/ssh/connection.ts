import { type EventEmitter, setMaxListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { cancelled, EdgeError, errorMessage, Slots } from '@edge-run/shared/kernel';
import type { Client, ClientChannel } from 'ssh2';
import { directRoute, type HandshakeContext, openConnection, type Route } from './handshake.ts';
import { addressOf, type SshTarget } from './target.ts';

/** How often a server may refuse a channel before that is its last word. */
const MAX_REFUSALS = 8;
const REFUSAL_PAUSE_MS = 10;

/** A channel and how to give its place back. */
export interface OpenChannel<T> {
  readonly channel: T;
  /** Aborts when the connection under the channel is gone. */
  readonly lost: AbortSignal;
  release(): void;
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
  readonly #slots: Slots;
  /** Called when a channel is wanted and none is free: whoever holds one idly should give it back. */
  readonly #onContention = new Set<() => void>();
  #connecting: Promise<Live> | undefined;
  #live: Live | undefined;
  #closed = false;

  constructor(target: SshTarget, context: HandshakeContext, options: { via?: Connection; maxSessions: number }) {
    this.target = target;
    this.#context = context;
    const { via, maxSessions } = options;
    this.#route =
      via === undefined
        ? directRoute(target)
        : { prepare: (signal) => via.ready(signal), open: (signal) => via.forwardTcp(target, signal) };
    this.#slots = new Slots(maxSessions);
  }

  onContention(listener: () => void): void {
    this.#onContention.add(listener);
  }

  /** True while somebody waits for a channel. */
  get isContended(): boolean {
    return this.#slots.isContended;
  }

  /** Connects now, or says why that cannot be. */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.#connected(signal);
  }

  /** A channel that runs `line` through the login shell. */
  exec(line: string, signal: AbortSignal): Promise<OpenChannel<ClientChannel>> {
    return this.#channel(signal, (client, callback) => client.exec(line, callback));
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

  async #channel<T extends EventEmitter>(
    signal: AbortSignal,
    open: (client: Client, callback: (error: Error | undefined, channel: T) => void) => void,
  ): Promise<OpenChannel<T>> {
    for (let refusals = 0; ; ) {
      const taking = this.#slots.take(signal);
      if (this.#slots.isContended) for (const listener of this.#onContention) listener();
      const release = await taking;
      try {
        const { client, lost } = await this.#connected(signal);
        const channel = await openOn(client, lost.signal, open);
        if (channel instanceof Error) {
          if (lost.signal.aborted) throw channel;
          // Nothing has run: a server that allows fewer channels than we took is asked again when one is free.
          const others = this.#slots.taken - 1;
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
      return Promise.reject(
        new EdgeError('EDGE_CANCELLED', `the connection to ${this.target.id} was closed`, { host: this.target.id }),
      );
    }
    if (this.#live) return Promise.resolve(this.#live);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return signal === undefined ? this.#connecting : unlessAborted(this.#connecting, signal);
  }

  async #connect(): Promise<Live> {
    const client = await openConnection(this.target, this.#context, this.#route);
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

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(signal));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

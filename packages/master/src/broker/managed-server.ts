import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, EdgeError, errorMessage, type Logger, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { type FindServerOptions, findServer } from './find-server.ts';
import { formatServerConfig, type ServerConfig } from './server-config.ts';
import { claimStore, releaseStore } from './store-claim.ts';

/** What a managed nats-server is started with. */
export interface BrokerOptions {
  /** Holds configuration, streams, accounts and log; one server each. */
  readonly directory: string;
  readonly server?: FindServerOptions;
  readonly name?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default -1: the kernel chooses; it stays the same over restarts. */
  readonly port?: number;
  readonly trust?: ServerConfig['trust'];
  readonly tls?: ServerConfig['tls'];
  readonly websocket?: ServerConfig['websocket'];
  /** Default 8 MiB. */
  readonly maxPayloadBytes?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** A nats-server that belongs to this process. */
export interface ManagedBroker {
  /** `nats://host:port`, or `tls://`, as this machine reaches it. */
  readonly url: string;
  /** `ws://host:port`, or `wss://`, when WebSocket is on. */
  readonly websocketUrl: string | undefined;
  readonly pid: number | undefined;
  /** Reads certificates anew; connections stay. */
  reload(): void;
  /** Ends the server; its streams stay. */
  stop(): Promise<void>;
}

/** Addresses that mean all of them. */
const ANYWHERE = new Set(['0.0.0.0', '::', '']);
const READY_TIMEOUT_MS = 15_000;
const POLL_MS = 10;
/** Deaths that were longer ago say nothing about the next start. */
const RESTART_WINDOW_MS = 60_000;
const RESTART_PAUSE_MS = 200;
const MAX_RESTART_PAUSE_MS = 10_000;

/**
 * Starts a nats-server, waits until it takes connections, and starts it again when it dies.
 * @throws EdgeError `EDGE_BROKER_MISSING`, `EDGE_BROKER_PORT_TAKEN`, `EDGE_BROKER_STORE_LOCKED`, `EDGE_BROKER_FAILED`
 */
export async function startBroker(options: BrokerOptions): Promise<ManagedBroker> {
  const { path } = await findServer(options.server);
  await mkdir(join(options.directory, 'ports'), { recursive: true, mode: 0o700 });
  await claimStore(options.directory, options.clock ?? systemClock);
  const broker = new Broker(path, options);
  try {
    await broker.start();
  } catch (error) {
    await releaseStore(options.directory);
    throw error;
  }
  return broker;
}

interface Ports {
  readonly nats: readonly string[];
  readonly websocket?: readonly string[];
}

class Broker implements ManagedBroker {
  readonly #program: string;
  readonly #options: BrokerOptions;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #deaths: number[] = [];
  readonly #stop = new AbortController();
  #child: ChildProcess | undefined;
  #ports: Ports = { nats: [] };

  constructor(program: string, options: BrokerOptions) {
    this.#program = program;
    this.#options = options;
    this.#log = options.log ?? silentLogger;
    this.#clock = options.clock ?? systemClock;
  }

  get url(): string {
    return this.#reachable(this.#ports.nats, this.#options.tls === undefined ? 'nats' : 'tls')!;
  }

  get websocketUrl(): string | undefined {
    const { websocket } = this.#options;
    return this.#reachable(this.#ports.websocket ?? [], websocket?.tls === undefined ? 'ws' : 'wss');
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const { directory } = this.#options;
    const config = join(directory, 'nats-server.conf');
    await writeFile(config, formatServerConfig(this.#config()), { mode: 0o600 });
    await rm(join(directory, 'nats-server.log'), { force: true });
    // Files, not pipes: a server that outlives a killed master must not die of a closed pipe.
    const output = await open(join(directory, 'nats-server.out'), 'w', 0o600);
    if (this.#stop.signal.aborted) {
      await output.close();
      throw new EdgeError('EDGE_CANCELLED', 'nats-server is not started again: this master stops');
    }
    const child = spawn(this.#program, ['-c', config], { stdio: ['ignore', output.fd, output.fd], detached: true });
    this.#child = child;
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    // Before it is ready: should this master be killed now, the next one knows whom to end.
    await claimStore(directory, this.#clock, child.pid);
    await output.close();
    const ended = await Promise.race([this.#waitReady(child), exited]);
    if (ended !== undefined) throw await this.#startFailure(ended);
    void exited.then((exit) => this.#onExit(exit));
  }

  /** A server that listens everywhere is reached over the loopback address. */
  #reachable(urls: readonly string[], scheme: string): string | undefined {
    const { host } = this.#options;
    const port = portOf(urls[0]);
    if (port === undefined) return undefined;
    const address = host === undefined || ANYWHERE.has(host) ? '127.0.0.1' : host;
    return `${scheme}://${address.includes(':') ? `[${address}]` : address}:${port}`;
  }

  reload(): void {
    this.#child?.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await gone;
      clearTimeout(timer);
    }
    await releaseStore(this.#options.directory);
  }

  /** After the first start the ports are kept, so that clients find the server again. */
  #config(): ServerConfig {
    const { directory, name, host, port, trust, tls, websocket, maxPayloadBytes } = this.#options;
    return {
      name: name ?? 'edge',
      host: host ?? '127.0.0.1',
      port: portOf(this.#ports.nats[0]) ?? port ?? -1,
      directory,
      maxPayloadBytes: maxPayloadBytes ?? 8 * 1024 * 1024,
      ...(trust === undefined ? {} : { trust }),
      ...(tls === undefined ? {} : { tls }),
      ...(websocket === undefined
        ? {}
        : { websocket: { ...websocket, port: portOf(this.#ports.websocket?.[0]) ?? websocket.port } }),
    };
  }

  /** Undefined once it is ready; text when it is not in time. */
  async #waitReady(child: ChildProcess): Promise<string | undefined> {
    const directory = join(this.#options.directory, 'ports');
    const until = this.#clock.now() + READY_TIMEOUT_MS;
    while (this.#clock.now() < until && child.exitCode === null) {
      const file = (await readdir(directory)).find((name) => name.includes(`_${child.pid}.ports`));
      const text = file === undefined ? '' : await readFile(join(directory, file), 'utf8');
      if (text.trim().endsWith('}')) {
        this.#ports = JSON.parse(text) as Ports;
        return undefined;
      }
      await this.#clock.sleep(POLL_MS);
    }
    if (child.exitCode !== null) return `exit code ${child.exitCode}`;
    child.kill('SIGKILL');
    return `not ready within ${READY_TIMEOUT_MS} ms`;
  }

  async #lastLines(): Promise<readonly string[]> {
    const texts = await Promise.all(
      ['nats-server.out', 'nats-server.log'].map((name) =>
        readFile(join(this.#options.directory, name), 'utf8').catch(() => ''),
      ),
    );
    return texts
      .join('\n')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-20);
  }

  async #startFailure(exit: string): Promise<EdgeError> {
    const lines = await this.#lastLines();
    return startError(exit, lines, this.#options);
  }

  async #onExit(exit: string): Promise<void> {
    if (this.#stop.signal.aborted) return;
    const lastLines = await this.#lastLines();
    this.#log.error(`nats-server died: ${exit}`, { exit, lastLines });
    // It is tried for as long as the master runs: a full disk or a stolen port may be repaired meanwhile.
    for (;;) {
      const pauseMs = this.#pauseAfterDeath();
      try {
        if (pauseMs > 0) await this.#clock.sleep(pauseMs, this.#stop.signal);
        if (this.#stop.signal.aborted) return;
        await this.start();
        this.#log.info('nats-server was started again', { pid: this.pid });
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#log.error(`nats-server did not start again: ${errorMessage(error)}`, { ...describe(error) });
      }
    }
  }

  /** The first start is at once, further ones within a minute wait longer each. */
  #pauseAfterDeath(): number {
    const now = this.#clock.now();
    this.#deaths.push(now);
    while (this.#deaths[0]! < now - RESTART_WINDOW_MS) this.#deaths.shift();
    const deaths = this.#deaths.length;
    return deaths === 1 ? 0 : Math.min(RESTART_PAUSE_MS * deaths, MAX_RESTART_PAUSE_MS);
  }
}

function describe(error: unknown): { readonly hint?: string } {
  return error instanceof EdgeError && error.hint !== undefined ? { hint: error.hint } : {};
}

/** What a failed start means; `lines` are the last of the server's output. */
export function startError(
  exit: string,
  lines: readonly string[],
  options: { readonly directory: string; readonly host?: string; readonly port?: number },
): EdgeError {
  const text = lines.join('\n');
  const details = { exit, lastLines: [...lines] };
  if (/address already in use/i.test(text)) {
    const address = `${options.host ?? '127.0.0.1'}:${options.port ?? -1}`;
    return new EdgeError(
      'EDGE_BROKER_PORT_TAKEN',
      `nats-server cannot listen on ${address}: the port is in use`,
      details,
      {
        hint: 'See who has it (ss -ltnp), or set `nats.port` to another one; without it any free port is taken.',
      },
    );
  }
  if (/(lock|in use)/i.test(text) && /(jetstream|store)/i.test(text)) {
    return new EdgeError('EDGE_BROKER_STORE_LOCKED', `another server uses ${options.directory}/jetstream`, details, {
      hint: 'Stop the other nats-server, or give this master a directory of its own.',
    });
  }
  const last = lines.findLast((line) => line.includes('[FTL]')) ?? lines.at(-1) ?? 'it printed nothing';
  return new EdgeError('EDGE_BROKER_FAILED', `nats-server did not start (${exit}): ${last}`, details, {
    hint: `Read ${join(options.directory, 'nats-server.log')}.`,
  });
}

function portOf(url: string | undefined): number | undefined {
  return url === undefined ? undefined : Number(new URL(url).port);
}

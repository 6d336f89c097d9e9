import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, EdgeError, errorMessage, type Logger, toErrorRecord } from '@edge-run/shared/kernel';
import { type WebSocket, WebSocketServer } from 'ws';
import type { EventFeed } from '../events/index.ts';
import type { Operation } from '../gateway/index.ts';
import { readWatchQuery, type WatchRequest } from './queries.ts';
import { answerRead } from './reads.ts';
import { openToken, type TokenCheck } from './token.ts';
import { serveWatcher, type WatcherLimits } from './watcher.ts';

/** What the API is served with. */
export interface ApiOptions {
  readonly host: string;
  /** A free one when absent. */
  readonly port?: number;
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly tokenFile: string;
  /** How many may watch events at a time. */
  readonly maxWatchers: number;
  /** Name → what everybody may ask. */
  readonly operations: Readonly<Record<string, Operation>>;
  readonly feed: EventFeed;
  readonly clock: Clock;
  readonly log: Logger;
  /** What one watcher may take, where not as usual. */
  readonly limits?: Partial<WatcherLimits>;
}

/** The API while it is served. */
export interface RunningApi {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly tokenFile: string;
  /** Turns everybody out and stops listening. */
  close(): Promise<void>;
}

const LIMITS: WatcherLimits = { bufferBytes: 1024 * 1024, stallMs: 30_000, pingMs: 30_000 };
/** Watchers have nothing to say. */
const LARGEST_MESSAGE_BYTES = 1024;
const REQUEST_WITHIN_MS = 30_000;
/** How long watchers have to answer a goodbye: nobody who hangs keeps a master from stopping. */
const GOODBYE_MS = 1_000;
const PROTOCOL = 'edge-run.v1';
const TOKEN_PROTOCOL = 'bearer.';

/**
 * Serves the API: `GET /v1/events` as WebSocket, and reads of runs and jobs.
 *
 * @throws EdgeError `EDGE_CONFIG_INVALID` for token and certificates, `EDGE_API_PORT_TAKEN` for the address
 */
export async function startApi(options: ApiOptions): Promise<RunningApi> {
  const { host, port = 0, tls, tokenFile } = options;
  const isToken = await openToken(tokenFile);
  const server = tls === undefined ? createServer() : createTlsServer(await certificates(tls));
  server.requestTimeout = REQUEST_WITHIN_MS;
  const desk = new Desk(options, isToken);
  server.on('request', (request, response) => void desk.answer(request, response));
  server.on('upgrade', (request, socket, head) => void desk.upgrade(request, socket, head));
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${name}:${bound}`,
    tokenFile,
    async close() {
      await desk.close();
      server.closeAllConnections();
      await new Promise<void>((closed) => server.close(() => closed()));
    },
  };
}

class Desk {
  readonly #options: ApiOptions;
  readonly #isToken: TokenCheck;
  readonly #stop = new AbortController();
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LARGEST_MESSAGE_BYTES,
    handleProtocols: (offered) => (offered.has(PROTOCOL) ? PROTOCOL : false),
  });
  readonly #watching = new Set<Promise<void>>();

  constructor(options: ApiOptions, isToken: TokenCheck) {
    this.#options = options;
    this.#isToken = isToken;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { operations, clock, feed } = this.#options;
    try {
      this.#authenticate(request);
      if (request.method !== 'GET') return respond(response, 405, notServed(request), { allow: 'GET' });
      const url = urlOf(request);
      if (url.pathname === '/v1/events') {
        const text = 'GET /v1/events is a WebSocket';
        return respond(response, 426, errorBody('EDGE_BAD_ARGUMENT', text), { upgrade: 'websocket' });
      }
      // Taken first: whoever watches from here on has what the answer shows, and misses nothing behind it.
      const cursor = await feed.position();
      const answer = await answerRead(url, { operations, now: () => clock.now() }, this.#stop.signal);
      if (answer === undefined) return respond(response, 404, notServed(request));
      respond(response, 200, answer, { 'edge-cursor': cursor });
    } catch (error) {
      this.#report(error, request);
      respond(response, statusOf(error), { error: toErrorRecord(error) }, challengeOf(error));
    }
  }

  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Whoever hangs up now is gone; there is nobody to tell.
    socket.on('error', () => socket.destroy());
    try {
      this.#authenticate(request);
      const url = urlOf(request);
      if (url.pathname !== '/v1/events') return refuse(socket, 404, notServed(request));
      const watch = readWatchQuery(url.searchParams, this.#options.clock.now());
      if (this.#watching.size >= this.#options.maxWatchers) {
        throw new EdgeError(
          'EDGE_MASTER_BUSY',
          `${this.#watching.size} watch events already`,
          {},
          { hint: 'Raise `api.max_clients`, or try again later.' },
        );
      }
      this.#sockets.handleUpgrade(request, socket, head, (client) => this.#watch(client, watch));
    } catch (error) {
      this.#report(error, request);
      refuse(socket, statusOf(error), { error: toErrorRecord(error) }, challengeOf(error));
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#watching);
    const left = [...this.#sockets.clients].map((socket) => new Promise((closed) => socket.once('close', closed)));
    const over = new AbortController();
    await Promise.race([Promise.all(left), this.#options.clock.sleep(GOODBYE_MS, over.signal).catch(() => undefined)]);
    over.abort();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
  }

  #watch(socket: WebSocket, request: WatchRequest): void {
    const { feed, clock, log, limits } = this.#options;
    const options = { socket, request, feed, clock, log, limits: { ...LIMITS, ...limits }, signal: this.#stop.signal };
    const work = serveWatcher(options).finally(() => this.#watching.delete(work));
    this.#watching.add(work);
  }

  /** @throws EdgeError `EDGE_API_UNAUTHENTICATED` */
  #authenticate({ headers }: IncomingMessage): void {
    const given = /^Bearer\s+(\S+)\s*$/i.exec(headers.authorization ?? '')?.[1] ?? protocolToken(headers);
    if (given !== undefined && this.#isToken(given)) return;
    throw new EdgeError(
      'EDGE_API_UNAUTHENTICATED',
      given === undefined ? 'no token was given' : 'the token is not right',
      {},
      {
        hint: 'Send `Authorization: Bearer TOKEN`; edge-run status names the address, the master the file of the token.',
      },
    );
  }

  #report(error: unknown, { method, url }: IncomingMessage): void {
    if (!(error instanceof EdgeError)) this.#options.log.error(`${method} ${url}: ${errorMessage(error)}`);
  }
}

/** Browsers cannot set headers of a WebSocket: they offer `edge-run.v1` and `bearer.TOKEN` as protocols. */
function protocolToken(headers: IncomingMessage['headers']): string | undefined {
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim()) ?? [];
  return offered.find((name) => name.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length);
}

async function certificates({ certFile, keyFile }: NonNullable<ApiOptions['tls']>): Promise<{
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.2';
}> {
  try {
    return { cert: await readFile(certFile), key: await readFile(keyFile), minVersion: 'TLSv1.2' };
  } catch (cause) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read the certificate of the API: ${errorMessage(cause)}`,
      { certFile, keyFile },
      { cause, hint: 'Correct `api.tls`.' },
    );
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', (cause) => {
      const where = `${host}:${port}`;
      const hint = 'Choose another `api.port`, or leave it out for a free one.';
      fail(
        new EdgeError('EDGE_API_PORT_TAKEN', `cannot listen on ${where}: ${errorMessage(cause)}`, {}, { cause, hint }),
      );
    });
    server.listen(port, host, () => done());
  });
}

/** @throws EdgeError `EDGE_BAD_ARGUMENT` for what is no address */
function urlOf({ url = '/' }: IncomingMessage): URL {
  try {
    return new URL(url, 'http://api');
  } catch (cause) {
    throw new EdgeError('EDGE_BAD_ARGUMENT', `\`${url}\` is no address`, { url }, { cause });
  }
}

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  EDGE_API_UNAUTHENTICATED: 401,
  EDGE_BAD_ARGUMENT: 400,
  EDGE_JOB_UNKNOWN: 404,
  EDGE_MASTER_BUSY: 503,
  EDGE_NOT_ALLOWED: 403,
  EDGE_UNKNOWN_ARGUMENT: 400,
  EDGE_UNKNOWN_RUN: 404,
};

function statusOf(error: unknown): number {
  return STATUS_BY_CODE[toErrorRecord(error).code] ?? 500;
}

function challengeOf(error: unknown): Readonly<Record<string, string>> {
  return statusOf(error) === 401 ? { 'www-authenticate': 'Bearer' } : {};
}

function notServed({ method, url }: IncomingMessage): object {
  return errorBody('EDGE_BAD_ARGUMENT', `${method} ${url} is not served here`);
}

function errorBody(code: 'EDGE_BAD_ARGUMENT', message: string): object {
  return { error: toErrorRecord(new EdgeError(code, message)) };
}

function respond(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { ...fixedHeaders(text), ...headers });
  response.end(text);
}

/** Answers an upgrade that is not made. */
function refuse(socket: Duplex, status: number, body: object, headers: Readonly<Record<string, string>> = {}): void {
  const text = JSON.stringify(body);
  const lines = Object.entries({ ...fixedHeaders(text), ...headers, connection: 'close' });
  socket.end(
    `HTTP/1.1 ${status} Refused\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`,
  );
}

function fixedHeaders(text: string): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(text)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
}

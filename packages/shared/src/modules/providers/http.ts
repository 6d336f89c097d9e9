import { isIP, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Agent, buildConnector } from 'undici';
import type { HostReader } from '../../host/index.ts';
import { deadline, EdgeError } from '../../kernel/index.ts';
import { httpFailure, shownAddress } from './http-failure.ts';
import { PlainStream } from './plain-stream.ts';

/** Of an answer that is longer nothing is used. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** A question over HTTP. */
export interface HttpQuestion {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly tls: TlsOptions;
}

/** How the server proves itself, and who asks. */
export interface TlsOptions {
  /** False takes any certificate of the server. */
  readonly verify: boolean;
  /** Certificates in PEM, in place of those the process trusts by itself. */
  readonly ca?: string;
  /** Certificate in PEM, and its key, of who asks. */
  readonly client?: { readonly cert: string; readonly key: string };
}

/** What came back; a status is a value, only no answer at all is an error. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Opens a connection from where the question is to come from. */
export type Dial = NonNullable<HostReader['connect']>;

/**
 * Asks, following redirects. With `dial` the connection is opened by the host it belongs to: over SSH the request comes
 * from there, as it does where an agent runs.
 *
 * @throws EdgeError `EDGE_HOST_UNREACHABLE`, `EDGE_DEADLINE`, `EDGE_NOT_SUPPORTED` for an answer that is too long; the
 * reason of `signal` when it was cancelled
 */
export async function askHttp(question: HttpQuestion, signal: AbortSignal, dial?: Dial): Promise<HttpAnswer> {
  const { url, method, headers, body, timeoutMs } = question;
  const address = shownAddress(url);
  const limit = deadline(timeoutMs, `${method} ${address}`, signal);
  // The process's own client can be told neither which certificates are good nor who opens its connections.
  const undici = await import('undici');
  const agent = new undici.Agent({
    // One limit is enough.
    ...{ headersTimeout: 0, bodyTimeout: 0 },
    connect: dial === undefined ? { ...tlsWords(question.tls), timeout: timeoutMs } : dialled(dial, question.tls),
  } satisfies Agent.Options);
  try {
    const response = await undici.fetch(url, {
      ...{ method, headers, dispatcher: agent, signal: limit.signal },
      ...(body === undefined ? {} : { body }),
    });
    const text = await bodyOf(response.body ?? [], address);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: text };
  } catch (error) {
    signal.throwIfAborted();
    if (limit.signal.aborted) throw tooSlow(address, timeoutMs, error);
    throw error instanceof EdgeError ? error : httpFailure(error, { method, address });
  } finally {
    limit.dispose();
    await agent.destroy();
  }
}

async function bodyOf(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, address: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES)
      throw new EdgeError(
        'EDGE_NOT_SUPPORTED',
        `the answer of ${address} is longer than ${MAX_BODY_BYTES} bytes`,
        { url: address },
        { hint: 'Ask for less of it, or get it as a file: `file.managed` with `source`.' },
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function tooSlow(address: string, timeoutMs: number, cause: unknown): EdgeError {
  return new EdgeError(
    'EDGE_DEADLINE',
    `${address} did not answer within ${timeoutMs} ms`,
    { url: address, timeoutMs },
    { hint: 'Look at what keeps the service, or raise `timeout`.', cause },
  );
}

function tlsWords({ verify, ca, client }: TlsOptions): {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
} {
  return { rejectUnauthorized: verify, ...(ca === undefined ? {} : { ca }), ...client };
}

/** What the library opens connections with, where a host does. */
function dialled(dial: Dial, tls: TlsOptions): buildConnector.connector {
  return ({ hostname, protocol, port, servername }, done) => {
    const isSecure = protocol === 'https:';
    const host = hostname.replace(/^\[|\]$/g, '');
    const secured = (stream: Duplex): Promise<Duplex> => {
      if (!isSecure) return Promise.resolve(stream);
      return new Promise((resolve, reject) => {
        const name = servername ?? host;
        const socket = connectTls({
          ...{ socket: stream, host, ...tlsWords(tls) },
          ...(isIP(name) === 0 ? { servername: name } : {}),
        });
        socket.once('error', reject).once('secureConnect', () => {
          socket.off('error', reject);
          resolve(socket);
        });
      });
    };
    dial({ host, port: Number(port || (isSecure ? 443 : 80)) })
      .then((stream) => secured(stream instanceof Socket ? stream : new PlainStream(stream)))
      // The library uses a stream of any kind, whatever its types say.
      .then((stream) => done(null, stream as never))
      .catch((error: Error) => done(error, null));
  };
}

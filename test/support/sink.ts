import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request a sink got. */
export interface SunkRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a sink does with a request: it answers, or hangs up without a word, or never answers. */
export type SinkReply =
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }
  | 'hang-up'
  | 'silence';

/** A real HTTP server of the loopback that notes what it gets and answers as it is told. */
export interface Sink {
  readonly url: string;
  readonly requests: readonly SunkRequest[];
  /** Decides about requests from now on. */
  reply: (request: SunkRequest, index: number) => SinkReply;
  /** Closes it with its connections; `start` opens it again on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export async function startSink(reply: Sink['reply'] = () => ({ status: 200, body: '{}' })): Promise<Sink> {
  const requests: SunkRequest[] = [];
  let port = 0;
  let server: Server | undefined;
  const answer = (response: ServerResponse, request: SunkRequest): void => {
    const what = sink.reply(request, requests.length - 1);
    if (what === 'hang-up') response.destroy();
    else if (what !== 'silence') response.writeHead(what.status, what.headers).end(what.body ?? '');
  };
  const sink: Sink = {
    get url() {
      return `http://127.0.0.1:${port}/hook`;
    },
    requests,
    reply,
    start: async () => {
      server = createServer((incoming, response) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const request = {
            path: incoming.url ?? '',
            headers: incoming.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          };
          requests.push(request);
          answer(response, request);
        });
      });
      await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
    },
    stop: async () => {
      const closing = server;
      server = undefined;
      closing?.closeAllConnections();
      if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
    },
  };
  await sink.start();
  return sink;
}

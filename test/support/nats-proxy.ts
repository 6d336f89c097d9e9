import { connect, createServer, type Server, type Socket } from 'node:net';

/** When to do harm, told by what a client publishes. */
export interface Ambush {
  /** Begin of the subjects that count. */
  readonly subject: string;
  /** How many messages on them are let through before. */
  readonly after: number;
  /** Whether the message itself still reaches the server. */
  readonly isDelivered: boolean;
  /** Called once, at that message. */
  readonly spring: () => void;
}

/** Stands between a client and a nats-server, and does harm at an exact message. */
export interface NatsProxy {
  readonly url: string;
  /** Messages on the subject that came through since the last `arm`. */
  readonly seen: number;
  arm(ambush: Ambush): void;
  disarm(): void;
  close(): Promise<void>;
}

/** A proxy for the server at `url`, on a free port of the loopback. */
export async function startNatsProxy(url: string): Promise<NatsProxy> {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  let ambush: Ambush | undefined;
  let seen = 0;
  const server: Server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('close', () => upstream.end());
    upstream.on('close', () => client.destroy());
    upstream.pipe(client);
    client.on('data', (chunk: Buffer) => {
      if (ambush === undefined || ambush.subject === '') {
        upstream.write(chunk);
        return;
      }
      const cut = offsetOf(chunk, ambush);
      if (cut === undefined) {
        upstream.write(chunk);
        return;
      }
      const { isDelivered, spring } = ambush;
      ambush = undefined;
      // What stands before the message was sent before it; behind it nothing is to arrive.
      upstream.write(isDelivered ? chunk : chunk.subarray(0, cut));
      spring();
    });
  });
  const offsetOf = (chunk: Buffer, { subject, after }: Ambush): number | undefined => {
    const text = chunk.toString('latin1');
    for (const match of text.matchAll(/(?:^|\r\n)H?PUB (\S+) /g)) {
      if (!match[1]!.startsWith(subject)) continue;
      seen += 1;
      if (seen > after) return match.index + (match[0].startsWith('\r\n') ? 2 : 0);
    }
    return undefined;
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `nats://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    get seen() {
      return seen;
    },
    arm(armed) {
      seen = 0;
      ambush = armed;
    },
    disarm() {
      ambush = undefined;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP line to a server of this machine that takes its time and counts. */
export interface SlowLine {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** How often the asking side spoke after the other had: the answers that had to be waited for. */
  roundTrips(): number;
  /** Connections made over the line. */
  connections(): number;
  /** Changes the delay, in milliseconds there and back. */
  setDelayMs(delayMs: number): void;
  /** Loses everything from now on, in silence: nobody is told that the line is dead. */
  freeze(): void;
  /** Cuts every connection that is open now. */
  cut(): void;
  close(): Promise<void>;
}

/** Opens a line to a port of this machine; half of `delayMs` each way. It listens on a free port, or on `ownPort`. */
export async function startSlowLine(port: number, delayMs = 0, ownPort = 0): Promise<SlowLine> {
  const sockets = new Set<Socket>();
  let delay = delayMs;
  let isFrozen = false;
  let roundTrips = 0;
  let connections = 0;
  const server = createServer((near) => {
    connections += 1;
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    near.setNoDelay(true);
    let lastToSpeak: 'near' | 'far' = 'far';
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    const carry = (from: Socket, to: Socket, who: 'near' | 'far'): void => {
      from.on('data', (chunk: Buffer) => {
        // What crosses an answer on its way does not wait for it.
        if (who === 'near' && lastToSpeak === 'far') roundTrips += 1;
        lastToSpeak = who;
        setTimeout(() => !isFrozen && to.writable && to.write(chunk), delay / 2);
      });
      from.on('end', () => setTimeout(() => to.end(), delay / 2));
      from.on('close', () => setTimeout(() => to.destroy(), delay / 2));
    };
    carry(near, far, 'near');
    carry(far, near, 'far');
  }).listen(ownPort, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as { port: number }).port,
    roundTrips: () => roundTrips,
    connections: () => connections,
    setDelayMs: (value) => {
      delay = value;
    },
    freeze: () => {
      isFrozen = true;
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

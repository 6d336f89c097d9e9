import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/** The way of connections from the network of test hosts to this machine's loopback. */
export interface Relay {
  /** The command whose process takes connections at `address`, once it runs in the network of the hosts; it says `ready`. */
  command(address: string): readonly string[];
  stop(): Promise<void>;
}

/** Takes connections there and passes each through the socket file, which every network namespace sees. */
const LISTENER = `
const { connect, createServer } = require('node:net');
const [address, port, path] = process.argv.slice(1);
createServer((client) => {
  const inner = connect(path);
  for (const [from, to] of [[client, inner], [inner, client]]) from.on('error', () => to.destroy()).on('close', () => to.destroy()).pipe(to);
}).listen(Number(port), address, () => console.log('ready'));
`;

/** Opens the end on this side: what comes through the socket file goes to the port of the loopback. */
export async function offerPort(port: number, directory: string): Promise<Relay> {
  const path = join(directory, `port-${port}`);
  const open = new Set<Socket>();
  const server = createServer((outer) => {
    const inner = connect(port, '127.0.0.1');
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }).listen(path);
  await once(server, 'listening');
  return {
    command: (address) => [process.execPath, '-e', LISTENER, address, String(port), path],
    stop: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
      await rm(path, { force: true });
    },
  };
}

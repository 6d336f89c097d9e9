import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A web application that can hang, be ill, be restarted and speak a protocol that keeps its connection. */
export class Application {
  readonly id: string;
  /** Kept over restarts. */
  port = 0;
  healthy = true;
  served = 0;
  #server: Server | undefined;
  #held = new Map<string, ServerResponse>();

  constructor(id: string) {
    this.id = id;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', 'http://app');
      if (url.pathname === '/health') response.writeHead(this.healthy ? 200 : 503).end();
      else if (url.pathname === '/hold') this.#held.set(url.search, response);
      else this.#serve(response);
    });
    server.on('upgrade', (_request, socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      socket.pipe(socket);
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Answers the request that is held under the key. */
  release(key: string): void {
    this.#held.get(`?${key}`)?.end(this.id);
    this.#held.delete(`?${key}`);
  }

  holds(key: string): boolean {
    return this.#held.has(`?${key}`);
  }

  /** Ends at once and cuts what is open, as a killed process would. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  #serve(response: ServerResponse): void {
    this.served += 1;
    setTimeout(() => response.end(this.id), 5);
  }
}

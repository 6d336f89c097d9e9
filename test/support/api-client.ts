import type { EdgeEvent } from '@edge-run/shared/protocol';
import { type ClientOptions, WebSocket } from 'ws';
import { eventually } from './processes.ts';

/** What the API sends to who watches events. */
export type Told =
  | { readonly type: 'hello'; readonly version: string; readonly cursor: string }
  | { readonly type: 'gap'; readonly reason: string; readonly cursor: string }
  | { readonly type: 'live' | 'cursor'; readonly cursor: string }
  | { readonly type: 'event'; readonly cursor: string; readonly event: EdgeEvent };

/** A real client of the WebSocket API that keeps what it was told. */
export class ApiWatcher {
  readonly socket: WebSocket;
  readonly told: Told[] = [];
  /** The code the connection was closed with. */
  readonly closed: Promise<number>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (text: Buffer) => this.told.push(JSON.parse(text.toString('utf8')) as Told));
    this.closed = new Promise((done) => socket.once('close', (code) => done(code)));
  }

  /** Connects. @throws Error with the status of the answer when the connection is refused */
  static async open(
    api: string,
    { token, query = '', ...options }: { readonly token: string; readonly query?: string } & ClientOptions,
  ): Promise<ApiWatcher> {
    const socket = new WebSocket(`${api.replace(/^http/, 'ws')}/v1/events${query}`, {
      headers: token === '' ? {} : { authorization: `Bearer ${token}` },
      ...options,
    });
    // Before anything can come: messages may be in the packet that ends the handshake.
    const watcher = new ApiWatcher(socket);
    await new Promise<void>((done, fail) => {
      socket.once('open', done);
      socket.once('error', fail);
      socket.once('unexpected-response', (_, response) => fail(new Error(`status ${response.statusCode}`)));
    });
    socket.on('error', () => {});
    return watcher;
  }

  get events(): readonly EdgeEvent[] {
    return this.told.flatMap((message) => (message.type === 'event' ? [message.event] : []));
  }

  /** Where it is in the stream. */
  get cursor(): string {
    return this.told.at(-1)!.cursor;
  }

  /** Waits until it has been told something of this type, and so many of them. */
  async hears(type: Told['type'], count = 1): Promise<void> {
    const heard = (): boolean => this.told.filter((message) => message.type === type).length >= count;
    await eventually(heard, `${count} × ${type} over the WebSocket`);
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

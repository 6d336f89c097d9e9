import { type Clock, EdgeError, errorMessage, type Logger } from '@edge-run/shared/kernel';
import { globMatches } from '@edge-run/shared/target';
import type { WebSocket } from 'ws';
import type { EventCursor, EventFeed } from '../events/index.ts';
import type { WatchRequest } from './queries.ts';

/** Codes a socket is closed with, beside those of RFC 6455. */
export const CLOSE = {
  /** The master stops. */
  goingAway: 1001,
  failed: 1011,
  /** It did not take what it was sent. */
  tooSlow: 4008,
} as const;

/** What one watcher may take of the master. */
export interface WatcherLimits {
  /** Bytes that may wait for it. */
  readonly bufferBytes: number;
  /** How long so many may wait before it is closed. */
  readonly stallMs: number;
  /** How often it is asked for a sign of life, and told where it is. */
  readonly pingMs: number;
}

/** What a watcher is served with. */
export interface WatcherOptions {
  readonly socket: WebSocket;
  readonly request: WatchRequest;
  readonly feed: EventFeed;
  readonly limits: WatcherLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** How far back a repeated event is recognised: masters may tell the same thing twice. */
const REMEMBERED_EVENTS = 10_000;

/**
 * Sends a watcher the events it asked for until it leaves, is too slow, or the master stops. What waits for it is
 * bounded: as long as it does not take what it was sent, nothing more is read for it.
 */
export async function serveWatcher(options: WatcherOptions): Promise<void> {
  const { socket, request, feed, log, signal } = options;
  const stop = new AbortController();
  const end = (): void => stop.abort();
  const leave = (): void => {
    socket.close(CLOSE.goingAway, 'the master stops');
    end();
  };
  socket.once('close', end);
  socket.on('error', end);
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    const outbox = new Outbox(options, stop.signal);
    const open = await feed.open({ start: request.start, signal: stop.signal, ...below(request.tags) });
    const place = { cursor: open.cursor, told: open.cursor };
    outbox.put({ type: 'hello', version: '1.0', cursor: open.cursor });
    if (open.gap !== undefined) outbox.put({ type: 'gap', reason: open.gap, cursor: open.cursor });
    if (open.isLive) outbox.put({ type: 'live', cursor: open.cursor });
    void keepAlive(options, place, outbox, stop.signal);
    await pump(request, open, place, outbox);
  } catch (error) {
    if (stop.signal.aborted) return;
    if (error instanceof EdgeError && error.code === 'EDGE_API_CLIENT_TOO_SLOW') {
      log.warn('a watcher of events did not take what it was sent', { reason: error.message });
      socket.close(CLOSE.tooSlow, 'too slow: come again with the last cursor');
    } else {
      log.error('events could not be served', { reason: errorMessage(error) });
      socket.close(CLOSE.failed, 'events cannot be read now: come again with the last cursor');
    }
  } finally {
    signal.removeEventListener('abort', leave);
    end();
  }
}

/** Where a watcher is in the stream, and where it was told that it is. */
interface Place {
  cursor: EventCursor;
  told: EventCursor;
}

async function pump(
  { tags }: WatchRequest,
  open: Awaited<ReturnType<EventFeed['open']>>,
  place: Place,
  outbox: Outbox,
): Promise<void> {
  const seen = new Set<string>();
  let isLive = open.isLive;
  for await (const { event, cursor, isLast } of open.events) {
    place.cursor = cursor;
    if ((tags.length === 0 || tags.some((glob) => globMatches(glob, event.tag))) && !seen.has(event.id)) {
      seen.add(event.id);
      if (seen.size > REMEMBERED_EVENTS) seen.delete(seen.values().next().value!);
      place.told = cursor;
      outbox.put({ type: 'event', cursor, event });
    }
    if (isLast && !isLive) {
      isLive = true;
      place.told = cursor;
      outbox.put({ type: 'live', cursor });
    }
    await outbox.room();
  }
}

/** Ends a connection whose other end is gone, and tells who watches little how far the stream has come. */
async function keepAlive(
  { socket, limits, clock }: WatcherOptions,
  place: Place,
  outbox: Outbox,
  signal: AbortSignal,
): Promise<void> {
  let isThere = true;
  socket.on('pong', () => {
    isThere = true;
  });
  try {
    for (;;) {
      await clock.sleep(limits.pingMs, signal);
      if (!isThere) {
        socket.terminate();
        return;
      }
      isThere = false;
      socket.ping();
      if (place.told !== place.cursor) {
        place.told = place.cursor;
        outbox.put({ type: 'cursor', cursor: place.cursor });
      }
    }
  } catch {
    // It was closed meanwhile, which is what ends this.
  }
}

/** What waits to be taken by the other end. */
class Outbox {
  readonly #options: WatcherOptions;
  readonly #signal: AbortSignal;
  #waitingBytes = 0;
  #wake: (() => void) | undefined;

  constructor(options: WatcherOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  put(message: object): void {
    const text = JSON.stringify(message);
    const size = Buffer.byteLength(text);
    this.#waitingBytes += size;
    // Called when the system has it, or the connection is gone.
    this.#options.socket.send(text, () => {
      this.#waitingBytes -= size;
      if (!this.#isFull) this.#wake?.();
    });
  }

  /** Resolves once there is room for more. @throws EdgeError `EDGE_API_CLIENT_TOO_SLOW` when that takes too long */
  async room(): Promise<void> {
    if (!this.#isFull) return;
    const { limits, clock } = this.#options;
    const taken = new AbortController();
    const patience = AbortSignal.any([taken.signal, this.#signal]);
    this.#wake = () => taken.abort();
    const isOver = await clock.sleep(limits.stallMs, patience).then(
      () => true,
      () => false,
    );
    this.#wake = undefined;
    if (!isOver) return;
    throw new EdgeError(
      'EDGE_API_CLIENT_TOO_SLOW',
      `${this.#waitingBytes} bytes were not taken within ${limits.stallMs / 1000} s`,
      { waitingBytes: this.#waitingBytes },
    );
  }

  get #isFull(): boolean {
    return this.#waitingBytes > this.#options.limits.bufferBytes;
  }
}

/** The part of the stream a single glob can be in: `run/01K9/*` is below `run/01K9`. */
function below(tags: readonly string[]): { readonly below?: string } {
  const [glob] = tags;
  if (glob === undefined || tags.length > 1) return {};
  const parts = glob.split('/');
  const fixed = parts.slice(
    0,
    parts.findIndex((part) => /[*?[\]]/.test(part)),
  );
  const isBelow = fixed.length > 0 && fixed.length < parts.length && parts.some((part) => /[*?[\]]/.test(part));
  return isBelow ? { below: fixed.join('/') } : {};
}

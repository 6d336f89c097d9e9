import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLOSE, type RunningApi, startApi, type WatcherLimits } from '@edge-run/master/api';
import type { EventFeed, FedEvent } from '@edge-run/master/events';
import { type Logger, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiWatcher } from '../../support/api-client.ts';
import { eventually } from '../../support/processes.ts';

const EVENT_BYTES = 64 * 1024;

/** A feed that never ends and counts what is read of it. */
class EndlessFeed implements EventFeed {
  read = 0;

  async position(): Promise<string> {
    return `x-${this.read}`;
  }

  async open({ signal }: Parameters<EventFeed['open']>[0]): ReturnType<EventFeed['open']> {
    const next = (): FedEvent => {
      this.read += 1;
      const event = { id: `e${this.read}`, tag: 'load/x', data: 'x'.repeat(EVENT_BYTES), at: 1, source: 'test' };
      return { event, cursor: `x-${this.read}`, isLast: false };
    };
    const events = async function* (): AsyncIterable<FedEvent> {
      while (!signal.aborted) {
        yield next();
        await new Promise(setImmediate);
      }
    };
    return { cursor: 'x-0', isLive: false, events: events() };
  }
}

/** A feed in which nothing happens. */
const quiet: EventFeed = {
  position: async () => 'x-0',
  open: async ({ signal }) => ({
    ...{ cursor: 'x-0', isLive: true },
    events: (async function* (): AsyncIterable<FedEvent> {
      await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
    })(),
  }),
};

let dir: string;
let api: RunningApi | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'edge-api-'));
});
afterEach(async () => {
  await api?.close();
  api = undefined;
  await rm(dir, { recursive: true, force: true });
});

async function serve(feed: EventFeed, limits: Partial<WatcherLimits>, log: Logger = silentLogger): Promise<ApiWatcher> {
  const tokenFile = join(dir, 'token');
  const options = { host: '127.0.0.1', tokenFile, maxWatchers: 2, operations: {}, clock: systemClock };
  api = await startApi({ ...options, feed, log, limits });
  return ApiWatcher.open(api.url, { token: (await readFile(tokenFile, 'utf8')).trim(), autoPong: false });
}

describe('a watcher', () => {
  it('that does not take what it is sent costs a bounded amount, and is closed with a code that says why', async () => {
    const feed = new EndlessFeed();
    const warned: string[] = [];
    const log: Logger = { ...silentLogger, warn: (message) => void warned.push(message) };
    const watcher = await serve(feed, { bufferBytes: 4 * EVENT_BYTES, stallMs: 300 }, log);
    watcher.socket.pause();
    await eventually(() => warned.length > 0, 'it was given up');
    const readWhenFull = feed.read;
    expect(warned).toEqual(['a watcher of events did not take what it was sent']);
    watcher.socket.resume();
    expect(await watcher.closed).toBe(CLOSE.tooSlow);
    // Nothing was read for it any more, and what was on its way is what it got.
    expect(feed.read).toBe(readWhenFull);
    expect(watcher.events.length).toBe(readWhenFull);
  });

  it('that takes what it is sent is never closed, however much that is', async () => {
    const watcher = await serve(new EndlessFeed(), { bufferBytes: EVENT_BYTES, stallMs: 5_000 });
    await watcher.hears('event', 400);
    expect(watcher.socket.readyState).toBe(watcher.socket.OPEN);
    expect(new Set(watcher.events.map(({ id }) => id)).size).toBe(watcher.events.length);
  });

  it('that does not answer a goodbye keeps nothing from stopping', { timeout: 15_000 }, async () => {
    const watcher = await serve(quiet, {});
    watcher.socket.pause();
    await api!.close();
    api = undefined;
    watcher.socket.resume();
    expect(await watcher.closed).toBe(CLOSE.goingAway);
  });

  it('that does not answer a ping is let go', async () => {
    const watcher = await serve(quiet, { pingMs: 50 });
    expect(await watcher.closed).toBe(1006);
  });
});

describe('the token file', () => {
  it('that holds no token is refused with what to do', async () => {
    const tokenFile = join(dir, 'token');
    await writeFile(tokenFile, 'short\n');
    const options = { host: '127.0.0.1', tokenFile, maxWatchers: 2, operations: {}, clock: systemClock };
    const start = startApi({ ...options, feed: quiet, log: silentLogger });
    await expect(start).rejects.toMatchObject({
      code: 'EDGE_CONFIG_INVALID',
      hint: expect.stringContaining(`rm ${tokenFile}`),
    });
  });
});

describe('an address that is taken', () => {
  it('is an error that says so', async () => {
    await serve(quiet, {});
    const port = Number(new URL(api!.url).port);
    const options = { host: '127.0.0.1', port, tokenFile: join(dir, 'token'), maxWatchers: 2, operations: {} };
    const second = startApi({ ...options, feed: quiet, clock: systemClock, log: silentLogger });
    await expect(second).rejects.toMatchObject({ code: 'EDGE_API_PORT_TAKEN' });
  });
});

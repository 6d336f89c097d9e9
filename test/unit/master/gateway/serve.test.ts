import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Caller, fileOperations, operation, serveGateway } from '@edge-run/master/gateway';
import { BlobStore, CachedFiles } from '@edge-run/minion/cache';
import { createMemoryBus, type MemoryBus } from '@edge-run/shared/bus';
import { type FileEntry, type FileHandle, type FileSource, readFiles } from '@edge-run/shared/files';
import { EdgeError, type JsonValue, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { type EdgeEvent, SUBJECTS } from '@edge-run/shared/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ManualClock } from '../../../support/manual-clock.ts';

let bus: MemoryBus;
let minion: MemoryBus;
let stop: AbortController;
let served: Promise<void>;
const callers: Caller[] = [];
const files = new Map<string, Uint8Array>();

const digestOf = (content: Uint8Array): string => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const source: FileSource = {
  environments: async () => ['base'],
  open: async (uri, env): Promise<FileHandle | undefined> => {
    const path = uri.replace('salt://', '');
    const content = env === 'base' ? files.get(path) : undefined;
    if (content === undefined) return undefined;
    return { path, digest: digestOf(content), sizeBytes: content.length, mode: 0o644, read: async () => content };
  },
  async *list(prefix) {
    for (const [path, content] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (path.startsWith(prefix)) yield { path, digest: digestOf(content), sizeBytes: content.length, mode: 0o644 };
    }
  },
};

beforeEach(() => {
  callers.length = 0;
  files.clear();
  stop = new AbortController();
  bus = createMemoryBus({ inboxPrefix: '_INBOX.master' });
  minion = bus.connect('_INBOX.web1');
  served = serveGateway({
    ...{ bus, clock: systemClock, log: silentLogger, signal: stop.signal },
    rpc: {
      pillar: operation(z.object({ env: z.string() }), async ({ env }, caller) => {
        callers.push(caller);
        return { env };
      }),
      broken: operation(z.unknown(), async () => {
        throw new TypeError('a fault');
      }),
      refused: operation(z.unknown(), async () => {
        throw new EdgeError('EDGE_NOT_ALLOWED', 'no', { why: 1 }, { hint: 'ask' });
      }),
      ...fileOperations(source),
    },
    operations: { 'key.list': operation(z.object({}), async (_, caller) => caller) },
  });
});
afterEach(async () => {
  stop.abort();
  await served;
});

const ask = (name: string, body: unknown): Promise<unknown> =>
  minion.request(SUBJECTS.rpc('web1', name), body, { timeoutMs: 5_000 });

describe('questions', () => {
  test('the caller is who the subject says, whatever the body says', async () => {
    expect(await ask('pillar', { env: 'prod', id: 'db1', caller: { id: 'db1' } })).toEqual({
      ok: true,
      answer: { env: 'prod' },
    });
    expect(callers).toEqual([{ kind: 'minion', id: 'web1' }]);
  });
  test('people are asked by their own token, and operations may hold dots', async () => {
    const ann = bus.connect('_INBOX.ann');
    const answer = await ann.request(SUBJECTS.operation('key.list', 'ann'), {}, { timeoutMs: 5_000 });
    expect(answer).toEqual({ ok: true, answer: { kind: 'user', id: 'ann' } });
  });
  test('minions cannot reach operations of people', async () => {
    expect(await ask('key.list', {})).toMatchObject({ ok: false, error: { code: 'EDGE_UNKNOWN_FUNCTION' } });
  });
  test('every failure is an answer', async () => {
    expect(await ask('pillar', 7)).toMatchObject({ ok: false, error: { code: 'EDGE_BAD_ARGUMENT' } });
    expect(await ask('pillar', {})).toMatchObject({ ok: false, error: { message: expect.stringMatching(/env/) } });
    expect(await ask('toString', {})).toMatchObject({ ok: false, error: { code: 'EDGE_UNKNOWN_FUNCTION' } });
    expect(await ask('broken', {})).toMatchObject({ ok: false, error: { code: 'EDGE_INTERNAL', message: 'a fault' } });
    expect(await ask('refused', {})).toEqual({
      ok: false,
      error: { code: 'EDGE_NOT_ALLOWED', message: 'no', details: { why: 1 }, hint: 'ask' },
    });
  });
});

test('events are taken up with their true source; reserved and foreign tags are not', async () => {
  const got: EdgeEvent[] = [];
  const reader = (async () => {
    for await (const { body } of bus.subscribe(SUBJECTS.events, { signal: stop.signal })) got.push(body as EdgeEvent);
  })();
  const send = (body: object): Promise<void> => minion.publish(SUBJECTS.minionEvent('web1'), body);
  for (const tag of ['run/1/run-ended', 'salt/job/1/ret/x', 'salt/minion/db1/start', 'edge/heartbeat', '']) {
    await send({ tag, data: 1, at: 1 });
  }
  await send({ tag: 'no data' });
  await send({ tag: 'salt/minion/web1/start', data: {}, at: 1 });
  await send({ tag: 'release/requested', data: { a: 1 }, at: 1, source: 'master:m1' });
  await expect.poll(() => got.length).toBe(2);
  expect(got.map(({ tag, source: from }) => [tag, from])).toEqual([
    ['salt/minion/web1/start', 'minion:web1'],
    ['release/requested', 'minion:web1'],
  ]);
  expect(got[1]!.data).toEqual({
    ...{ id: 'web1', tag: 'release/requested', data: { a: 1 }, cmd: '_minion_event', pretag: null },
  });
  stop.abort();
  await reader;
});

describe('files, from the master to the cache of a minion', () => {
  let directory: string;
  let asked: string[];
  let cache: CachedFiles;
  const clock = new ManualClock();
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'edge-cache-'));
    asked = [];
    cache = openCache();
  });
  const openCache = (maxBytes = 1024 ** 3): CachedFiles =>
    new CachedFiles(
      {
        ask: async (name, question) => {
          asked.push(name);
          const answer = (await ask(name, question)) as { ok: boolean; answer: JsonValue; error: { code: string } };
          if (!answer.ok) throw new Error(answer.error.code);
          return answer.answer;
        },
        askBytes: async (name, question) => {
          asked.push(name);
          const answer = await ask(name, question);
          if (answer instanceof Uint8Array) return answer;
          throw new Error((answer as { error: { code: string } }).error.code);
        },
      },
      new BlobStore({ directory, maxBytes, clock }),
    );
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test.each([0, 1, 512 * 1024, 512 * 1024 + 1, 3_000_000])('%d bytes arrive whole', async (size) => {
    const content = Buffer.alloc(size, 'edge file content ');
    files.set('a/b', content);
    const handle = await cache.open('salt://a/b', 'base');
    expect(Buffer.from((await handle?.read()) ?? 'nothing').equals(content)).toBe(true);
    expect(asked.filter((name) => name === 'file-chunk')).toHaveLength(Math.ceil(size / (512 * 1024)));
  });

  test('an unchanged content is fetched once, also under another name', async () => {
    files.set('a', Buffer.from('same'));
    files.set('b', Buffer.from('same'));
    for (const uri of ['a', 'a', 'b']) await (await cache.open(uri, 'base'))!.read();
    expect(asked.filter((name) => name === 'file-chunk')).toHaveLength(1);
  });

  test('a damaged copy is fetched again', async () => {
    files.set('a', Buffer.from('right'));
    await (await cache.open('a', 'base'))!.read();
    const [folder] = readdirSync(directory);
    const [name] = readdirSync(join(directory, folder!));
    writeFileSync(join(directory, folder!, name!), 'wrong');
    expect(Buffer.from(await (await cache.open('a', 'base'))!.read()).toString()).toBe('right');
  });

  test('many small files come with one question, later only what has changed', async () => {
    for (let n = 0; n < 200; n += 1) files.set(`site/${String(n).padStart(3, '0')}`, Buffer.from(`content ${n}`));
    const readAll = async (from: CachedFiles): Promise<readonly string[]> => {
      asked.length = 0;
      const entries: FileEntry[] = [];
      for await (const entry of from.list('site/', 'base')) entries.push(entry);
      const texts: string[] = [];
      for await (const { content } of readFiles(from, entries, 'base')) texts.push(Buffer.from(content).toString());
      return texts;
    };
    expect((await readAll(cache)).slice(0, 2)).toEqual(['content 0', 'content 1']);
    expect(asked).toEqual(['file-list', 'file-blobs']);
    expect(await readAll(openCache())).toHaveLength(200);
    expect(asked).toEqual(['file-list']);
    files.set('site/007', Buffer.from('changed'));
    expect((await readAll(openCache()))[7]).toBe('changed');
    expect(asked).toEqual(['file-list', 'file-blobs']);
  });

  test('files too many for one message come in several', async () => {
    for (let n = 0; n < 5; n += 1) files.set(`large/${n}`, Buffer.alloc(300 * 1024, `${n}`));
    const entries: FileEntry[] = [];
    for await (const entry of cache.list('large/', 'base')) entries.push(entry);
    const sizes: number[] = [];
    for await (const { content } of readFiles(cache, entries, 'base')) sizes.push(content.length);
    expect(sizes).toEqual(Array.from({ length: 5 }, () => 300 * 1024));
    expect(asked.filter((name) => name === 'file-blobs')).toHaveLength(5);
    expect(asked.filter((name) => name === 'file-chunk')).toHaveLength(0);
  });

  test('the cache keeps no more than it may, and what was used last', async () => {
    const small = openCache(2_500);
    for (const name of ['a', 'b', 'c']) {
      files.set(name, Buffer.alloc(1_000, name));
      await clock.advance(1_000);
      await (await small.open(name, 'base'))!.read();
      await clock.advance(1_000);
      await (await small.open('a', 'base'))!.read();
    }
    const kept = readdirSync(directory, { recursive: true }).filter((name) => String(name).includes('/'));
    expect(kept).toHaveLength(2);
    asked.length = 0;
    await (await openCache(2_500).open('a', 'base'))!.read();
    expect(asked).toEqual(['file-find']);
  });

  test('what a killed process had begun is cleared away, and nothing of it is served', async () => {
    files.set('a', Buffer.from('whole'));
    await (await cache.open('a', 'base'))!.read();
    const [folder] = readdirSync(directory);
    const [name] = readdirSync(join(directory, folder!));
    const begun = join(directory, folder!, `${name}.0badcafe.part`);
    writeFileSync(begun, 'who');
    writeFileSync(join(directory, folder!, name!), 'whol');
    expect(Buffer.from(await (await openCache().open('a', 'base'))!.read()).toString()).toBe('whole');
    expect(existsSync(begun)).toBe(false);
  });

  test('a file that changed meanwhile is said so', async () => {
    files.set('a', Buffer.from('one'));
    const handle = (await cache.open('a', 'base'))!;
    files.set('a', Buffer.from('two'));
    await expect(handle.read()).rejects.toThrow('EDGE_FILE_CHANGED');
  });

  test('what is not there is undefined, and lists are whole and in order', async () => {
    expect(await cache.open('none', 'base')).toBeUndefined();
    for (let n = 0; n < 2_500; n += 1) files.set(`dir/${String(n).padStart(5, '0')}`, Buffer.from('x'));
    files.set('other', Buffer.from('x'));
    const paths: string[] = [];
    for await (const { path } of cache.list('dir/', 'base')) paths.push(path);
    expect(paths).toHaveLength(2_500);
    expect([...paths].sort()).toEqual(paths);
    expect(await cache.environments()).toEqual(['base']);
  });
});

import { createHmac } from 'node:crypto';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createElasticsearchReturner,
  createFileReturner,
  createWebhookReturner,
  type HistoryRecord,
} from '@edge-run/master/returners';
import { Secret, systemClock } from '@edge-run/shared/kernel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Sink, startSink } from '../../support/sink.ts';

const never = new AbortController().signal;
const record = (id: string, change: Partial<HistoryRecord> = {}): HistoryRecord => ({
  id,
  kind: 'job-return',
  at: Date.UTC(2026, 10, 21, 23, 59, 59),
  correlation: { jid: 'j1', target: 'web1', run: 'r1', step: 's1', cause: 'e1' },
  data: { fun: 'test.ping', outcome: 'succeeded', retcode: 0, values: { return: { a: [1, 'x'] } } },
  ...change,
});
const bulk = (...items: { status: number; error?: object }[]): { status: number; body: string } => ({
  status: 200,
  body: JSON.stringify({ errors: true, items: items.map((create) => ({ create })) }),
});

describe('elasticsearch', () => {
  let sink: Sink;
  beforeEach(async () => {
    sink = await startSink();
  });
  afterEach(() => sink.stop());
  const returner = (timeoutMs = 5_000) =>
    createElasticsearchReturner({
      url: new URL('/base', sink.url).href,
      index: 'edge',
      timeoutMs,
      credentials: { kind: 'basic', username: 'edge', password: new Secret('pw') },
    });

  test('creates documents under the ids of their records, in the index of their day', async () => {
    sink.reply = () => bulk({ status: 201 }, { status: 201 });
    expect(await returner().deliver([record('a'), record('b', { at: Date.UTC(2026, 10, 22) })], never)).toEqual([]);
    const [request] = sink.requests;
    expect(request?.path).toBe('/base/_bulk');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-ndjson',
      authorization: `Basic ${Buffer.from('edge:pw').toString('base64')}`,
    });
    const lines = request!.body
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines[0]).toEqual({ create: { _index: 'edge-2026.11.21', _id: 'a' } });
    expect(lines[1]).toEqual({
      '@timestamp': '2026-11-21T23:59:59.000Z',
      ...{ id: 'a', kind: 'job-return', jid: 'j1', target: 'web1', run: 'r1', step: 's1', cause: 'e1' },
      ...{ fun: 'test.ping', outcome: 'succeeded', retcode: 0, values: { return: '{"a":[1,"x"]}' } },
    });
    expect(lines[2]).toEqual({ create: { _index: 'edge-2026.11.22', _id: 'b' } });
    expect(request!.body.endsWith('\n')).toBe(true);
  });

  test('a document that is there already is a repetition, one that does not fit is refused', async () => {
    sink.reply = () =>
      bulk({ status: 409 }, { status: 400, error: { type: 'mapper_parsing_exception', reason: 'no' } });
    const refused = await returner().deliver([record('a'), record('b')], never);
    expect(refused).toEqual([{ record: record('b'), reason: '400 mapper_parsing_exception: no' }]);
  });

  test.each([
    ['a busy shard', () => bulk({ status: 201 }, { status: 429, error: { reason: 'queue full' } })],
    ['a busy cluster', () => ({ status: 503, body: 'unavailable' })],
    ['wrong credentials', () => ({ status: 401, body: 'who?' })],
    ['a connection that breaks', () => 'hang-up' as const],
    ['no answer in time', () => 'silence' as const],
    ['an answer of something else', () => ({ status: 200, body: '<html>' })],
    ['a redirect', () => ({ status: 302, headers: { location: 'http://127.0.0.1:1/' } })],
  ])('%s: worth trying again', async (_, reply) => {
    sink.reply = reply;
    const attempt = returner(300).deliver([record('a'), record('b')], never);
    await expect(attempt).rejects.toMatchObject({ code: 'EDGE_RETURNER_FAILED' });
    await expect(attempt).rejects.not.toThrow(/pw/);
  });

  test('a body that is refused as a whole is sent in parts: only what is at fault is refused', async () => {
    sink.reply = ({ body }) =>
      body.includes('"_id":"b"') ? { status: 413, body: 'too large' } : bulk({ status: 201 });
    const refused = await returner().deliver([record('a'), record('b'), record('c')], never);
    expect(refused).toEqual([{ record: record('b'), reason: '413: too large' }]);
    expect(sink.requests).toHaveLength(4);
  });

  test('an API key', async () => {
    sink.reply = () => bulk({ status: 201 });
    const credentials = { kind: 'api-key', key: new Secret('abc') } as const;
    await createElasticsearchReturner({ url: sink.url, index: 'i', credentials }).deliver([record('a')], never);
    expect(sink.requests[0]?.headers.authorization).toBe('ApiKey abc');
  });
});

describe('webhook', () => {
  test('signs time and body, and repeats under the same delivery', async () => {
    const sink = await startSink((_, index) => ({ status: index === 0 ? 500 : 204 }));
    const returner = createWebhookReturner({ url: sink.url, secret: new Secret('s3cret'), clock: systemClock });
    await expect(returner.deliver([record('a')], never)).rejects.toMatchObject({ code: 'EDGE_RETURNER_FAILED' });
    expect(await returner.deliver([record('a')], never)).toEqual([]);
    const [first, second] = sink.requests;
    const timestamp = String(second!.headers['x-edge-timestamp']);
    const expected = createHmac('sha256', 's3cret').update(`${timestamp}.${second!.body}`).digest('hex');
    expect(second!.headers['x-edge-signature']).toBe(`sha256=${expected}`);
    expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(5);
    expect(first!.headers['x-edge-delivery']).toBe(second!.headers['x-edge-delivery']);
    expect(JSON.parse(second!.body)).toEqual({ records: [record('a')] });
    await sink.stop();
  });

  test('says how long the receiver wants to be left alone', async () => {
    const sink = await startSink(() => ({ status: 429, headers: { 'retry-after': '7' } }));
    const returner = createWebhookReturner({ url: sink.url, secret: new Secret('s'), clock: systemClock });
    await expect(returner.deliver([record('a')], never)).rejects.toMatchObject({ details: { retryAfterMs: 7_000 } });
    await sink.stop();
  });

  test('one record that is refused does not hold the others up', async () => {
    const sink = await startSink(({ body }) => ({ status: body.includes('"id":"b"') ? 422 : 200, body: 'bad' }));
    const returner = createWebhookReturner({ url: sink.url, secret: new Secret('s'), clock: systemClock });
    const refused = await returner.deliver([record('a'), record('b'), record('c')], never);
    expect(refused).toEqual([{ record: record('b'), reason: '422: bad' }]);
    await sink.stop();
  });
});

describe('file', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'edge-returner-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const idsIn = (file: string): string[] =>
    readFileSync(join(directory, file), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id);

  test('one line for each record, readable by its owner alone', async () => {
    const path = join(directory, 'deep', 'history.jsonl');
    const returner = createFileReturner({ path, maxBytes: 1_000_000, keep: 2 });
    await Promise.all([returner.deliver([record('a'), record('b')], never), returner.deliver([record('c')], never)]);
    await returner.close();
    expect(idsIn('deep/history.jsonl')).toEqual(['a', 'b', 'c']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('goes on in a new file when the old one is full, and keeps so many', async () => {
    const path = join(directory, 'h.jsonl');
    const size = Buffer.byteLength(`${JSON.stringify(record('r0'))}\n`);
    const returner = createFileReturner({ path, maxBytes: size * 2, keep: 2 });
    for (let index = 0; index < 9; index += 1) await returner.deliver([record(`r${index}`)], never);
    await returner.close();
    expect(readdirSync(directory).sort()).toEqual(['h.jsonl', 'h.jsonl.1', 'h.jsonl.2']);
    expect([idsIn('h.jsonl.2'), idsIn('h.jsonl.1'), idsIn('h.jsonl')]).toEqual([['r4', 'r5'], ['r6', 'r7'], ['r8']]);
  });

  test('a line that a crash cut off does not take the next one with it', async () => {
    const path = join(directory, 'h.jsonl');
    appendFileSync(path, '{"id":"tor');
    const returner = createFileReturner({ path, maxBytes: 1_000_000, keep: 1 });
    await returner.deliver([record('a')], never);
    await returner.close();
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines[0]).toBe('{"id":"tor');
    expect(JSON.parse(lines[1]!)).toEqual(record('a'));
  });

  test('where nobody can write, it is worth trying again', async () => {
    const blocked = join(directory, 'file');
    appendFileSync(blocked, '');
    const returner = createFileReturner({ path: join(blocked, 'h.jsonl'), maxBytes: 1_000, keep: 1 });
    await expect(returner.deliver([record('a')], never)).rejects.toMatchObject({ code: 'EDGE_RETURNER_FAILED' });
    rmSync(blocked);
    expect(await returner.deliver([record('a')], never)).toEqual([]);
    await returner.close();
    expect(existsSync(join(blocked, 'h.jsonl'))).toBe(true);
  });
});

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findServer, startError } from '@edge-run/master/broker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'edge-find-'));
  for (const place of ['first', 'second', 'dull']) {
    mkdirSync(join(directory, place));
    writeFileSync(join(directory, place, 'nats-server'), '#!/bin/sh\n');
    chmodSync(join(directory, place, 'nats-server'), place === 'dull' ? 0o644 : 0o755);
  }
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const at = (...places: string[]): { PATH: string } => ({
  PATH: places.map((place) => join(directory, place)).join(':'),
});

describe('findServer', () => {
  test('a configured path is taken, and nothing else when it is wrong', async () => {
    const path = join(directory, 'second', 'nats-server');
    expect(await findServer({ path, env: at('first') })).toEqual({ path, from: 'configured' });
    const wrong = findServer({ path: join(directory, 'none'), env: at('first') });
    await expect(wrong).rejects.toMatchObject({ code: 'EDGE_BROKER_MISSING' });
  });
  test('then the first program on PATH', async () => {
    expect(await findServer({ env: at('dull', 'second', 'first') })).toEqual({
      path: join(directory, 'second', 'nats-server'),
      from: 'path',
    });
  });
  test('missing, it names the command that installs it here', async () => {
    const missing = (os: string): Promise<unknown> =>
      findServer({ env: at('dull'), platform: { os, arch: 'arm64' } }).catch((error: unknown) => error);
    expect(await missing('linux')).toMatchObject({
      code: 'EDGE_BROKER_MISSING',
      hint: expect.stringMatching(/apt-get install -y nats-server.*@eplightning\/nats-server-linux-arm64@2\.14\.0/),
    });
    expect(await missing('darwin')).toMatchObject({ hint: expect.stringMatching(/brew install nats-server/) });
  });
});

test.each([
  [
    '[FTL] Error listening on port: 127.0.0.1:4222, "listen tcp 127.0.0.1:4222: bind: address already in use"',
    'EDGE_BROKER_PORT_TAKEN',
  ],
  ["[FTL] Can't start JetStream: could not lock store directory", 'EDGE_BROKER_STORE_LOCKED'],
  ['nats-server: nats.conf:3:1: unknown field "x"', 'EDGE_BROKER_FAILED'],
])('%s', (line, code) => {
  const error = startError('exit code 1', ['[INF] Starting', line], { directory: '/d', port: 4222 });
  expect(error.code).toBe(code);
  expect(error.hint).toBeDefined();
});

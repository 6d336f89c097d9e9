import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, type KeyEvent, tellOfKeys } from '@edge-run/master/keys';
import { createKeyPair, fingerprint, type KeyPair, signBody } from '@edge-run/shared/bus';
import { type JsonValue, silentLogger } from '@edge-run/shared/kernel';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../support/manual-clock.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'edge-keys-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('each question and each decision about a key is an event, a repeated question only now and then', async () => {
  const clock = new ManualClock();
  const keyring = await createKeyring({ dir, clock });
  const events: [string, JsonValue][] = [];
  tellOfKeys({ keyring, clock, log: silentLogger, send: async (tag, data) => void events.push([tag, data]) });
  const knock = (id: string, key: KeyPair) =>
    keyring.onKnock(key.publicKey, signBody({ id, publicKey: key.publicKey, at: clock.now() }, key));
  const [web1, other] = [createKeyPair('user'), createKeyPair('user')];
  const finger = fingerprint(web1.publicKey);
  const auth = { id: 'web1', pub: web1.publicKey, finger };

  await knock('web1', web1);
  await knock('web1', web1);
  expect(events.splice(0)).toEqual([['salt/auth', { ...auth, result: true, act: 'pend' }]]);
  await clock.advance(10_000);
  await knock('web1', web1);
  expect(events.splice(0)).toEqual([['salt/auth', { ...auth, result: true, act: 'pend' }]]);
  await keyring.accept('web1');
  await knock('web1', web1);
  expect(events.splice(0)).toEqual([
    ['salt/key', { id: 'web1', finger, result: true, act: 'accept' }],
    ['salt/auth', { ...auth, result: true, act: 'accept' }],
  ]);
  await knock('web1', other);
  expect(events.splice(0)).toMatchObject([['salt/auth', { id: 'web1', result: false, act: 'denied' }]]);
  await keyring.reject('web1');
  await knock('web1', web1);
  await keyring.delete('web1');
  expect(events.map(([tag, data]) => [tag, (data as { act: string }).act])).toEqual([
    ['salt/key', 'reject'],
    ['salt/key', 'reject'],
    ['salt/auth', 'reject'],
    ['salt/key', 'delete'],
    ['salt/key', 'delete'],
  ]);
});

test('a crowd that knocks does not fill the stream of events', () => {
  const clock = new ManualClock();
  let tell: (event: KeyEvent) => void = () => {};
  const sent: string[] = [];
  tellOfKeys({
    ...{ clock, log: silentLogger, send: async (tag) => void sent.push(tag) },
    keyring: {
      listen: (listener) => {
        tell = listener;
      },
    },
  });
  const keys = Array.from({ length: 150 }, () => createKeyPair('user').publicKey);
  for (const publicKey of keys) tell({ kind: 'asked', act: 'pend', id: 'x', publicKey });
  expect(sent).toHaveLength(100);
  for (const publicKey of keys.slice(0, 2)) tell({ kind: 'decided', act: 'accept', id: 'x', publicKey });
  expect(sent).toHaveLength(102);
});

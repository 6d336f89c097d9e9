import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, type Keyring } from '@edge-run/master/keys';
import { createKeyPair, type KeyPair, signBody } from '@edge-run/shared/bus';
import { type Logger, silentLogger } from '@edge-run/shared/kernel';
import { afterEach, beforeEach, expect, test } from 'vitest';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'edge-keys-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const knock = async (keyring: Keyring, id: string, key: KeyPair = createKeyPair('user')): Promise<string | undefined> =>
  (await keyring.onKnock(key.publicKey, signBody({ id, publicKey: key.publicKey, at: Date.now() }, key)))?.status;

test('auto_accept lets in who knocks, with a warning at the start; not a refused key, and no second key of an id', async () => {
  const refused = createKeyPair('user');
  const careful = await createKeyring({ dir });
  expect(await knock(careful, 'a')).toBe('pending');
  await knock(careful, 'bad', refused);
  await careful.reject('bad');

  const warnings: string[] = [];
  const log: Logger = { ...silentLogger, warn: (text) => void warnings.push(text) };
  const open = await createKeyring({ dir, autoAccept: true, log });
  expect(warnings).toEqual([expect.stringMatching(/^auto_accept is on/)]);
  expect(await knock(open, 'b')).toBe('accepted');
  expect(await knock(open, 'b')).toBe('denied');
  expect(await knock(open, 'bad', refused)).toBe('rejected');
  expect(open.accepted()).toEqual(['b']);
});

test('who is accepted is known at once after every change', async () => {
  const keyring = await createKeyring({ dir });
  await knock(keyring, 'b');
  await knock(keyring, 'a');
  expect(keyring.accepted()).toEqual([]);
  await keyring.accept('b');
  expect(keyring.accepted()).toEqual(['b']);
  await keyring.accept('a');
  expect(keyring.accepted()).toEqual(['a', 'b']);
  expect([keyring.isAccepted('a'), keyring.isAccepted('c')]).toEqual([true, false]);
  await keyring.delete('b');
  expect(keyring.accepted()).toEqual(['a']);
  await keyring.reject('a');
  expect(keyring.accepted()).toEqual([]);
});

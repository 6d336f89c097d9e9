import { createKeyPair, fingerprint, keyPairFromSeed, publicKeyKind, verifySignature } from '@edge-run/shared/bus';
import { createAccount, createOperator, createUser, fromPublic, fromSeed } from '@nats-io/nkeys';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

describe('nkeys agree with @nats-io/nkeys byte for byte', () => {
  test.each([
    ['user', createUser],
    ['account', createAccount],
    ['operator', createOperator],
  ] as const)('%s: seed, public key and signature', (kind, create) => {
    const theirs = create();
    const ours = keyPairFromSeed(text(theirs.getSeed()));
    const data = Buffer.from('what was said');
    expect(ours.kind).toBe(kind);
    expect(ours.publicKey).toBe(theirs.getPublicKey());
    expect(ours.seed()).toBe(text(theirs.getSeed()));
    expect(Buffer.from(ours.sign(data)).equals(Buffer.from(theirs.sign(data)))).toBe(true);
    expect(fromPublic(ours.publicKey).verify(data, ours.sign(data))).toBe(true);
  });

  test('keys made here are read there', () => {
    for (const kind of ['user', 'account', 'operator'] as const) {
      const ours = createKeyPair(kind);
      expect(fromSeed(Buffer.from(ours.seed())).getPublicKey()).toBe(ours.publicKey);
      expect(publicKeyKind(ours.publicKey)).toBe(kind);
    }
  });
});

test('a signature holds for exactly what was signed', () => {
  const pair = createKeyPair('user');
  fc.assert(
    fc.property(fc.string(), fc.string(), (said, other) => {
      const signature = pair.sign(said);
      expect(verifySignature(pair.publicKey, said, signature)).toBe(true);
      expect(verifySignature(pair.publicKey, other, signature)).toBe(other === said);
    }),
    { numRuns: 50 },
  );
});

test('texts that are no keys are refused, not misread', () => {
  const { publicKey } = createKeyPair('user');
  for (const wrong of [
    '',
    'U',
    publicKey.slice(0, -1),
    publicKey.toLowerCase(),
    `${publicKey.slice(0, -2)}AA`,
    'SU1',
  ]) {
    expect(publicKeyKind(wrong)).toBeUndefined();
    expect(verifySignature(wrong, 'x', new Uint8Array(64))).toBe(false);
    expect(() => keyPairFromSeed(wrong)).toThrow(/seed/);
  }
  expect(() => keyPairFromSeed(publicKey)).toThrow(/seed/);
  expect(verifySignature(publicKey, 'x', new Uint8Array(3))).toBe(false);
});

test('a fingerprint has the form of ssh', () => {
  expect(fingerprint(createKeyPair('user').publicKey)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
});

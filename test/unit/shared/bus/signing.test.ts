import {
  bodyDigest,
  createKeyPair,
  decodeJwt,
  encodeAccountJwt,
  encodeScopedUserJwt,
  formatCreds,
  parseCreds,
  ReplayGuard,
  signJob,
  verifyJob,
} from '@edge-run/shared/bus';
import type { JobMessage } from '@edge-run/shared/protocol';
import { describe, expect, test } from 'vitest';

const master = createKeyPair('user');
const trusted = new Set([master.publicKey]);
const job: JobMessage = {
  ...{
    jid: 'j1',
    fun: 'test.ping',
    args: [],
    kwargs: [],
    targets: ['web1'],
    by: 'ann',
    issuedAt: 1_000,
    expiresAt: 2_000,
  },
};
const at = { id: 'web1', now: 1_500 };
const problem = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return (error as { details: { problem: string } }).details.problem;
  }
  return undefined;
};

describe('verifyJob', () => {
  test('accepts what a trusted key signed for this host, until it expires', () => {
    expect(verifyJob(signJob(job, master), trusted, at)).toEqual(job);
    expect(verifyJob(signJob(job, master), trusted, { ...at, now: 2_000 })).toEqual(job);
  });
  test('refuses each thing that is wrong by its name', () => {
    const signed = signJob(job, master);
    expect(problem(() => verifyJob(signed, trusted, { ...at, now: 2_001 }))).toBe('expired');
    expect(problem(() => verifyJob(signed, trusted, { ...at, id: 'web2' }))).toBe('not-a-target');
    expect(problem(() => verifyJob(signJob(job, createKeyPair('user')), trusted, at))).toBe('unknown-signer');
    expect(problem(() => verifyJob({ ...signed, body: signed.body.replace('ping', 'pong') }, trusted, at))).toBe(
      'bad-signature',
    );
    expect(problem(() => verifyJob({ ...signed, signature: '' }, trusted, at))).toBe('bad-signature');
    expect(problem(() => verifyJob(null, trusted, at))).toBe('malformed');
    expect(problem(() => verifyJob(signJob({ ...job, targets: 'web1' } as never, master), trusted, at))).toBe(
      'malformed',
    );
  });
});

describe('ReplayGuard', () => {
  const of = (jid: string, issuedAt: number): { jid: string; issuedAt: number; expiresAt: number } => ({
    jid,
    issuedAt,
    expiresAt: issuedAt + 1_000,
  });
  test('knows a job again, and an id used for another body', () => {
    const guard = new ReplayGuard();
    expect(guard.see(of('a', 1), 'x', 1)).toBe('new');
    expect(guard.see(of('a', 1), 'x', 1)).toBe('repeated');
    expect(guard.see(of('a', 1), 'y', 1)).toBe('conflict');
  });
  test('stays within its bound, and refuses what it had to forget', () => {
    const guard = new ReplayGuard({ limit: 3 });
    for (let n = 1; n <= 5; n += 1) expect(guard.see(of(`j${n}`, n), 'x', 1)).toBe('new');
    expect(guard.size).toBe(3);
    expect(guard.see(of('j1', 1), 'x', 1)).toBe('forgotten');
    expect(guard.see(of('late', 2), 'x', 1)).toBe('forgotten');
    expect(guard.see(of('j5', 5), 'x', 1)).toBe('repeated');
    expect(guard.see(of('j6', 6), 'x', 1)).toBe('new');
  });
  test('drops what has expired first, which costs nobody anything', () => {
    const guard = new ReplayGuard({ limit: 2 });
    guard.see(of('a', 1), 'x', 1);
    guard.see(of('b', 2), 'x', 1);
    expect(guard.see(of('c', 5_000), 'x', 5_000)).toBe('new');
    expect(guard.see(of('d', 1_500), 'x', 5_000)).toBe('new');
  });
});

test('two bodies have two digests', () => {
  expect(bodyDigest(signJob(job, master))).not.toBe(bodyDigest(signJob({ ...job, fun: 'x' }, master)));
});

describe('JWTs', () => {
  const account = createKeyPair('account');
  test('say who may do what, and are void when changed', () => {
    const user = createKeyPair('user').publicKey;
    const jwt = encodeScopedUserJwt({ name: 'web1', user, account: account.publicKey, issuedAt: 5_000 }, account);
    expect(decodeJwt(jwt)).toMatchObject({
      name: 'web1',
      sub: user,
      iss: account.publicKey,
      iat: 5,
      nats: { type: 'user' },
    });
    expect(decodeJwt(`${jwt.slice(0, -4)}AAAA`)).toBeUndefined();
    expect(decodeJwt('a.b')).toBeUndefined();
    expect(decodeJwt('a.b.c')).toBeUndefined();
  });
  test('an account carries its roles and revocations in seconds', () => {
    const claims = {
      ...{ name: 'edge', account: account.publicKey, jetstream: true, issuedAt: 1_000 },
      roles: [
        { name: 'r', signingKey: 'AKEY', pub: { allow: ['a'] }, sub: { allow: ['b'] }, resp: { max: 1, ttlMs: 2 } },
      ],
      revocations: new Map([['UKEY', 7_900]]),
    };
    expect(decodeJwt(encodeAccountJwt(claims, createKeyPair('operator')))).toMatchObject({
      nats: {
        revocations: { UKEY: 7 },
        signing_keys: [
          { kind: 'user_scope', key: 'AKEY', template: { pub: { allow: ['a'] }, resp: { max: 1, ttl: 2_000_000 } } },
        ],
      },
    });
  });
  test('a credentials file is read back', () => {
    expect(parseCreds(formatCreds('h.p-_.s', 'SUABC'))).toEqual({ jwt: 'h.p-_.s', seed: 'SUABC' });
    expect(parseCreds('nothing')).toBeUndefined();
  });
});

import { createHmac } from 'node:crypto';
import {
  fingerprint,
  judgeHostKey,
  knownHostsLine,
  knownKeyTypes,
  parseKnownHosts,
} from '@edge-run/master/ssh/internal';
import { describe, expect, it } from 'vitest';

const key = (type: string, seed: number): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.alloc(32, seed)]);
};
const MINE = key('ssh-ed25519', 1);
const OTHER = key('ssh-ed25519', 2);
const RSA = key('ssh-rsa', 3);
const line = (names: string, bytes: Buffer, type = 'ssh-ed25519') => `${names} ${type} ${bytes.toString('base64')}`;
const judge = (text: string, host: string, port = 22, shown = MINE) =>
  judgeHostKey(parseKnownHosts(text, 'kh'), { host, port }, shown).kind;

describe('known_hosts', () => {
  it.each([
    ['web1', 'web1', 22, 'known'],
    ['WEB1', 'web1', 22, 'known'],
    ['web1,192.0.2.1', '192.0.2.1', 22, 'known'],
    ['*.example.org', 'a.example.org', 22, 'known'],
    ['web?', 'web1', 22, 'known'],
    ['*,!web1', 'web1', 22, 'unknown'],
    ['web1', 'web1', 2222, 'unknown'],
    ['[web1]:2222', 'web1', 2222, 'known'],
    ['[web1]:2222', 'web1', 22, 'unknown'],
    ['web', 'web1', 22, 'unknown'],
    ['w.b1', 'web1', 22, 'unknown'],
  ])('names `%s` and host %s port %i: %s', (names, host, port, verdict) => {
    expect(judge(line(names, MINE), host, port)).toBe(verdict);
  });

  it('finds hashed names', () => {
    const salt = Buffer.alloc(20, 7);
    const hash = createHmac('sha1', salt).update('[web1]:2222').digest('base64');
    const text = line(`|1|${salt.toString('base64')}|${hash}`, MINE);
    expect(judge(text, 'web1', 2222)).toBe('known');
    expect(judge(text, 'web2', 2222)).toBe('unknown');
  });
  it('a second key of the same host is known too; another one has changed', () => {
    const text = `${line('web1', OTHER)}\n${line('web1', MINE)}`;
    expect(judge(text, 'web1')).toBe('known');
    expect(judge(line('web1', OTHER), 'web1')).toBe('changed');
  });
  it('a key of another type than the known one has changed, for the known type was asked for', () => {
    expect(judge(line('web1', RSA, 'ssh-rsa'), 'web1')).toBe('changed');
  });
  it('a revoked key is refused even where a line knows it', () => {
    expect(judge(`${line('web1', MINE)}\n@revoked ${line('*', MINE)}`, 'web1')).toBe('revoked');
  });
  it('a certificate authority makes no key known, and says so', () => {
    const lines = parseKnownHosts(`@cert-authority ${line('*', OTHER)}`, 'kh');
    expect(judgeHostKey(lines, { host: 'web1', port: 22 }, MINE)).toEqual({ kind: 'unknown', hasAuthority: true });
  });
  it('an alias is looked up as it is, without the port', () => {
    const lines = parseKnownHosts(line('cluster', MINE), 'kh');
    expect(judgeHostKey(lines, { host: 'web1', port: 2222, alias: 'cluster' }, MINE).kind).toBe('known');
    expect(knownHostsLine({ host: 'web1', port: 2222, alias: 'cluster' }, MINE)).toMatch(/^cluster ssh-ed25519 /);
  });
  it('leaves comments, blank and broken lines out', () => {
    expect(
      parseKnownHosts(`# c\n\nweb1\nweb1 ssh-ed25519\n@odd ${line('web1', MINE)}\n${line('web1', MINE)}`, 'kh'),
    ).toHaveLength(1);
  });
  it('writes lines it can read', () => {
    expect(judge(knownHostsLine({ host: 'Web1', port: 2222 }, MINE), 'web1', 2222)).toBe('known');
    expect(
      knownKeyTypes(parseKnownHosts(knownHostsLine({ host: 'w', port: 22 }, RSA), 'kh'), { host: 'w', port: 22 }),
    ).toEqual(['ssh-rsa']);
  });
  it('prints fingerprints as ssh-keygen does', () => {
    const known = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
    expect(fingerprint(Buffer.from(known, 'base64'))).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU');
  });
});

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { InstantMs } from '@edge-run/shared/kernel';
import { type Certificate, isSignedByAuthority } from './certificates.ts';

/** One line of a known_hosts file. */
export interface KnownHostLine {
  readonly marker: 'key' | 'revoked' | 'cert-authority';
  /** Name patterns as written; one of them may be hashed. */
  readonly names: readonly string[];
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`… */
  readonly type: string;
  readonly key: Uint8Array;
  /** `path:line`, for messages. */
  readonly place: string;
}

/** What the known keys say about the one a host shows. */
export type HostKeyVerdict =
  | { readonly kind: 'known' }
  /** No key of that host is known. `hasAuthority`: there is a certificate authority for it. */
  | { readonly kind: 'unknown'; readonly hasAuthority: boolean }
  | { readonly kind: 'changed'; readonly known: readonly KnownHostLine[] }
  | { readonly kind: 'revoked'; readonly place: string };

/** Reads a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Lines it cannot read are left out, as ssh does. */
export function parseKnownHosts(text: string, file: string): readonly KnownHostLine[] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const words = raw.trim().split(/[ \t]+/);
    const first = words[0] ?? '';
    if (first === '' || first.startsWith('#')) return [];
    const marker = MARKERS[first];
    if (first.startsWith('@') && marker === undefined) return [];
    const [names, type, key] = marker === undefined ? words : words.slice(1);
    if (names === undefined || type === undefined || key === undefined) return [];
    const bytes = Buffer.from(key, 'base64');
    if (bytes.length === 0) return [];
    return [{ marker: marker ?? 'key', names: names.split(','), type, key: bytes, place: `${file}:${index + 1}` }];
  });
}

const MARKERS: Readonly<Record<string, KnownHostLine['marker']>> = {
  '@revoked': 'revoked',
  '@cert-authority': 'cert-authority',
};

/** The name a host is looked up by: as it is called, or as its keys are (`HostKeyAlias`), which has no port. */
export interface HostName {
  readonly host: string;
  readonly port: number;
  readonly alias?: string | undefined;
}

/**
 * Judges the key a host shows. Stricter than ssh in one point: when keys of the host are known, a key of another type
 * counts as changed, because the known types are asked for first.
 */
export function judgeHostKey(lines: readonly KnownHostLine[], name: HostName, key: Uint8Array): HostKeyVerdict {
  const mine = linesFor(lines, name);
  const revoked = mine.find((line) => line.marker === 'revoked' && same(line.key, key));
  if (revoked) return { kind: 'revoked', place: revoked.place };
  const known = mine.filter(({ marker }) => marker === 'key');
  if (known.some((line) => same(line.key, key))) return { kind: 'known' };
  if (known.length > 0) return { kind: 'changed', known };
  return { kind: 'unknown', hasAuthority: mine.some(({ marker }) => marker === 'cert-authority') };
}

/** Key types known for the host, so that the handshake asks for them first. */
export function knownKeyTypes(lines: readonly KnownHostLine[], name: HostName): readonly string[] {
  const mine = linesFor(lines, name).filter(({ marker }) => marker === 'key');
  return [...new Set(mine.map(({ type }) => type))];
}

/** True when certificates of that host may be vouched for by somebody. */
export function hasAuthority(lines: readonly KnownHostLine[], name: HostName): boolean {
  return linesFor(lines, name).some(({ marker }) => marker === 'cert-authority');
}

/** Why a certificate does not vouch for a host; undefined: it does (sshd(8), `@cert-authority`). */
export function certificateObjection(
  lines: readonly KnownHostLine[],
  name: HostName,
  certificate: Certificate,
  now: InstantMs,
): string | undefined {
  const mine = linesFor(lines, name);
  const shown = (key: Uint8Array): string => `${keyType(key)} ${fingerprint(key)}`;
  const { authority, plainKey, principals, validFrom, validUntil } = certificate;
  if (!mine.some(({ marker, key }) => marker === 'cert-authority' && same(key, authority))) {
    return `its certificate is signed by ${shown(authority)}, which is no authority for it`;
  }
  const revoked = mine.find(({ marker, key }) => marker === 'revoked' && (same(key, authority) || same(key, plainKey)));
  if (revoked !== undefined)
    return `${revoked.place} revokes ${same(revoked.key, authority) ? 'the authority' : 'its key'}`;
  if (certificate.kind !== 'host') return 'its certificate is one of a user';
  if (!isSignedByAuthority(certificate)) return 'the signature of its certificate is wrong';
  if (now < validFrom) return `its certificate is valid from ${new Date(validFrom).toISOString()} only`;
  if (now >= validUntil) return `its certificate was valid until ${new Date(validUntil).toISOString()}`;
  if (certificate.criticalOptions.length > 0) {
    return `its certificate has options nobody here knows: ${certificate.criticalOptions.join(', ')}`;
  }
  const called = (name.alias ?? name.host).toLowerCase();
  if (principals.length > 0 && !principals.some((principal) => glob(principal, called))) {
    return `its certificate is for ${principals.join(', ')}, not for ${called}`;
  }
  return undefined;
}

/** The line that makes a key known. */
export function knownHostsLine(name: HostName, key: Uint8Array): string {
  return `${lookupName(name)} ${keyType(key)} ${Buffer.from(key).toString('base64')}\n`;
}

/** The type a public key names itself with (RFC 4253, 6.6). */
export function keyType(key: Uint8Array): string {
  const bytes = Buffer.from(key);
  return bytes.length < 4 ? '' : bytes.subarray(4, 4 + bytes.readUInt32BE(0)).toString('latin1');
}

/** `SHA256:…`, as ssh-keygen prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** `web1`, or `[web1]:2222`: how known_hosts calls a host. */
export function lookupName({ host, port, alias }: HostName): string {
  if (alias !== undefined) return alias.toLowerCase();
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

function linesFor(lines: readonly KnownHostLine[], host: HostName): readonly KnownHostLine[] {
  const name = lookupName(host);
  return lines.filter(({ names }) => namesHost(names, name));
}

function namesHost(names: readonly string[], name: string): boolean {
  let matched = false;
  for (const pattern of names) {
    if (pattern.startsWith('!')) {
      if (glob(pattern.slice(1), name)) return false;
    } else if (pattern.startsWith('|1|') ? hashed(pattern, name) : glob(pattern, name)) matched = true;
  }
  return matched;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name with the salt as key. */
function hashed(pattern: string, name: string): boolean {
  const [, , salt, hash] = pattern.split('|');
  if (salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** `*` and `?` only; the brackets of `[host]:port` stand for themselves. */
function glob(pattern: string, name: string): boolean {
  const source = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(name);
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

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
  /** No key of that host is known. `onlyAuthority`: there is a certificate authority for it, which we cannot check. */
  | { readonly kind: 'unknown'; readonly onlyAuthority: boolean }
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

/**
 * Judges the key a host shows. Stricter than ssh in one point: when keys of the host are known, a key of another type
 * counts as changed, because the known types are asked for first.
 */
export function judgeHostKey(
  lines: readonly KnownHostLine[],
  host: string,
  port: number,
  key: Uint8Array,
): HostKeyVerdict {
  const mine = lines.filter(({ names }) => namesHost(names, host, port));
  const revoked = mine.find((line) => line.marker === 'revoked' && same(line.key, key));
  if (revoked) return { kind: 'revoked', place: revoked.place };
  const known = mine.filter(({ marker }) => marker === 'key');
  if (known.some((line) => same(line.key, key))) return { kind: 'known' };
  if (known.length > 0) return { kind: 'changed', known };
  return { kind: 'unknown', onlyAuthority: mine.some(({ marker }) => marker === 'cert-authority') };
}

/** Key types known for the host, so that the handshake asks for them first. */
export function knownKeyTypes(lines: readonly KnownHostLine[], host: string, port: number): readonly string[] {
  const mine = lines.filter(({ marker, names }) => marker === 'key' && namesHost(names, host, port));
  return [...new Set(mine.map(({ type }) => type))];
}

/** The line that makes a key known. */
export function knownHostsLine(host: string, port: number, key: Uint8Array): string {
  return `${lookupName(host, port)} ${keyType(key)} ${Buffer.from(key).toString('base64')}\n`;
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

function lookupName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

function namesHost(names: readonly string[], host: string, port: number): boolean {
  const name = lookupName(host, port);
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

import { createHash } from 'node:crypto';

/** How fingerprints are made. */
export const FINGERPRINT_HASHES = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const;

/** One of them. */
export type FingerprintHash = (typeof FINGERPRINT_HASHES)[number];

/** Digits of a digest → how it was made. */
const BY_LENGTH: ReadonlyMap<number, FingerprintHash> = new Map([
  [32, 'md5'],
  [40, 'sha1'],
  [64, 'sha256'],
  [96, 'sha384'],
  [128, 'sha512'],
]);

/** The type a public key says it has (`ssh-ed25519`), given its base64; undefined for what is no key. */
export function keyType(key: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return undefined;
  const blob = Buffer.from(key, 'base64');
  if (blob.length < 4) return undefined;
  const length = blob.readUInt32BE(0);
  if (length > 64 || blob.length <= 4 + length) return undefined;
  const type = blob.subarray(4, 4 + length).toString('latin1');
  return isKeyType(type) ? type : undefined;
}

/** Whether a word is the name of a type of keys, as sshd takes them. */
export function isKeyType(word: string): boolean {
  return /^(?:sk-)?(?:ssh-|ecdsa-)[\w@.-]+$/.test(word);
}

/** Whether a type is what people call `enc`: `rsa`, `ecdsa`, `ed25519`, or its whole name. */
export function isCalled(type: string, enc: string): boolean {
  if (enc === type) return true;
  const family = /^(?:sk-)?(?:ssh-|ecdsa-)([a-z0-9]+)/.exec(type)?.[1];
  const wanted = { r: 'rsa', d: 'dss', dsa: 'dss', e: 'ecdsa' }[enc] ?? enc;
  return type.startsWith('ecdsa-') ? wanted === 'ecdsa' : !type.startsWith('sk-') && family === wanted;
}

/** The fingerprint of a key, two digits at a time with colons between (Salt 3006 modules/ssh.py, _fingerprint). */
export function fingerprintOf(key: string, hash: FingerprintHash = 'sha256'): string {
  return colons(createHash(hash).update(Buffer.from(key, 'base64')).digest('hex'));
}

/** Whether a key has a fingerprint, however that is written: `SHA256:…`, `MD5:aa:bb…` or digits. */
export function hasFingerprint(key: string, fingerprint: string, hash?: FingerprintHash): boolean {
  const read = readFingerprint(fingerprint);
  if (read === undefined) return false;
  return fingerprintOf(key, read.hash ?? hash ?? 'sha256').replaceAll(':', '') === read.digits;
}

/** The digits of a fingerprint and how it was made; undefined for what is none. */
export function readFingerprint(
  text: string,
): { readonly digits: string; readonly hash: FingerprintHash | undefined } | undefined {
  const base64 = /^SHA256:([A-Za-z0-9+/]{43})=?$/.exec(text);
  if (base64 !== null) return { digits: Buffer.from(base64[1]!, 'base64').toString('hex'), hash: 'sha256' };
  const digits = text.replace(/^MD5:/i, '').replaceAll(':', '').toLowerCase();
  const hash = /^[0-9a-f]+$/.test(digits) ? BY_LENGTH.get(digits.length) : undefined;
  return hash === undefined ? undefined : { digits, hash };
}

function colons(digits: string): string {
  return digits.replace(/(..)(?!$)/g, '$1:');
}

import type { InstantMs } from '@edge-run/shared/kernel';
import ssh2 from 'ssh2';
import { ecdsaToDer, WireReader, wireString } from './wire.ts';

/** An OpenSSH certificate (PROTOCOL.certkeys). */
export interface Certificate {
  /** `ssh-ed25519-cert-v01@openssh.com` */
  readonly type: string;
  /** The type of the key it vouches for: `ssh-ed25519`. */
  readonly plainType: string;
  /** The key it vouches for. */
  readonly plainKey: Buffer;
  readonly kind: 'user' | 'host';
  /** Names it is for; for all where there are none. */
  readonly principals: readonly string[];
  readonly validFrom: InstantMs;
  readonly validUntil: InstantMs;
  readonly criticalOptions: readonly string[];
  /** The key that signed it. */
  readonly authority: Buffer;
  readonly signature: Buffer;
  readonly signed: Buffer;
  readonly blob: Buffer;
}

const SUFFIX = '-cert-v01@openssh.com';
/** How many fields the key has behind the nonce, by its type. */
const KEY_FIELDS: Readonly<Record<string, number>> = {
  'ssh-ed25519': 1,
  'ssh-rsa': 2,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};

/** Reads a certificate; undefined for anything else. */
export function parseCertificate(blob: Uint8Array): Certificate | undefined {
  try {
    const reader = new WireReader(blob);
    const type = reader.text();
    const plainType = type.endsWith(SUFFIX) ? type.slice(0, -SUFFIX.length) : '';
    const fieldCount = KEY_FIELDS[plainType];
    if (fieldCount === undefined) return undefined;
    reader.string(); // the nonce
    const fields = Array.from({ length: fieldCount }, () => reader.string());
    reader.uint64(); // the serial number
    const kind = reader.uint32() === 2 ? 'host' : 'user';
    reader.string(); // the id of the key
    const principals = textsIn(reader.string());
    const validFrom = instant(reader.uint64());
    const validUntil = instant(reader.uint64());
    const criticalOptions = textsIn(reader.string(), 2);
    reader.string(); // extensions
    reader.string(); // reserved
    const authority = reader.string();
    const signed = reader.before;
    const signature = reader.string();
    const plainKey = Buffer.concat([wireString(plainType), ...fields.map(wireString)]);
    const about = { type, plainType, plainKey, kind, principals, criticalOptions } as const;
    return { ...about, validFrom, validUntil, authority, signature, signed, blob: Buffer.from(blob) };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Reads a certificate file as ssh-keygen writes it: `TYPE BASE64 COMMENT`. */
export function parseCertificateFile(text: string): Certificate | undefined {
  const [, base64 = ''] = text.trim().split(/\s+/);
  return parseCertificate(Buffer.from(base64, 'base64'));
}

/** True when the signature of a certificate is that of its authority. SHA-1 counts for nothing. */
export function isSignedByAuthority({ authority, signature, signed }: Certificate): boolean {
  const key = ssh2.utils.parseKey(authority);
  if (key instanceof Error) return false;
  try {
    const reader = new WireReader(signature);
    const algorithm = reader.text();
    const value = reader.string();
    const hash = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' }[algorithm];
    if (hash === undefined && algorithm !== key.type) return false;
    if (hash !== undefined ? key.type !== 'ssh-rsa' : key.type === 'ssh-rsa') return false;
    return key.verify(signed, algorithm.startsWith('ecdsa-') ? ecdsaToDer(value) : value, hash) === true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function textsIn(bytes: Buffer, every = 1): readonly string[] {
  const reader = new WireReader(bytes);
  const texts: string[] = [];
  for (let index = 0; !reader.isAtEnd; index += 1) {
    const text = reader.text();
    if (index % every === 0) texts.push(text);
  }
  return texts;
}

/** Seconds, of which the largest number means for ever. */
function instant(seconds: bigint): InstantMs {
  return Number(seconds) * 1_000;
}

import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto';
import { EdgeError } from '../../kernel/index.ts';

/*
 * NATS nkeys (https://docs.nats.io/using-nats/developer/connecting/nkey): ed25519 keys whose text form says what they
 * are for. Signing goes through node:crypto, which is two hundred times faster than the clients' own.
 */

/** What a key is for: the first letter of its public text. */
export type NkeyKind = 'operator' | 'account' | 'user';

const PREFIX: Readonly<Record<NkeyKind, number>> = { operator: 14 << 3, account: 0, user: 20 << 3 };
const SEED_PREFIX = 18 << 3;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** DER around a raw ed25519 key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** A key that can sign. */
export interface KeyPair {
  readonly kind: NkeyKind;
  /** `U…`, `A…` or `O…`. */
  readonly publicKey: string;
  /** `SU…`, `SA…` or `SO…`: the secret itself. */
  seed(): string;
  /** 64 bytes. */
  sign(data: Uint8Array | string): Uint8Array;
}

/** A new key from the system's randomness. */
export function createKeyPair(kind: NkeyKind): KeyPair {
  return keyPairOf(kind, randomBytes(32));
}

/** The key a seed text stands for. @throws EdgeError `EDGE_KEY_INVALID` */
export function keyPairFromSeed(seed: string): KeyPair {
  const raw = decode(seed.trim());
  if (raw === undefined || raw.length !== 34 || (raw[0]! & 0xf8) !== SEED_PREFIX) throw invalidKey('a seed');
  const prefix = ((raw[0]! & 7) << 5) | ((raw[1]! & 0xf8) >> 3);
  return keyPairOf(kindOf(prefix), raw.subarray(2));
}

/** What a public key is for; undefined when the text is none. */
export function publicKeyKind(publicKey: string): NkeyKind | undefined {
  const raw = decode(publicKey);
  if (raw === undefined || raw.length !== 33) return undefined;
  return (Object.keys(PREFIX) as NkeyKind[]).find((kind) => PREFIX[kind] === raw[0]);
}

const publicObjects = new Map<string, KeyObject>();
const MAX_PUBLIC_OBJECTS = 1_000;

/** True when the owner of `publicKey` signed exactly `data`. */
export function verifySignature(publicKey: string, data: Uint8Array | string, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  const key = publicObject(publicKey);
  return key !== undefined && verify(null, bytes(data), key, signature);
}

/** `SHA256:…` of a public key, in the form ssh shows: what people compare over the phone. */
export function fingerprint(publicKey: string): string {
  const raw = decode(publicKey);
  if (raw === undefined) throw invalidKey('a public key');
  return `SHA256:${createHash('sha256').update(raw.subarray(1)).digest('base64').replace(/=+$/, '')}`;
}

/** RFC 4648 base 32 without padding. */
export function base32(data: Uint8Array): string {
  let text = '';
  let buffer = 0;
  let bits = 0;
  for (const byte of data) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(buffer >> bits) & 31];
    }
    buffer &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + ALPHABET[(buffer << (5 - bits)) & 31];
}

function keyPairOf(kind: NkeyKind, rawSeed: Uint8Array): KeyPair {
  const secret = createPrivateKey({ key: Buffer.concat([PKCS8, rawSeed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  const prefix = PREFIX[kind];
  const publicKey = encode(Buffer.concat([Buffer.from([prefix]), spki.subarray(SPKI.length)]));
  const seedPrefix = Buffer.from([SEED_PREFIX | (prefix >> 5), (prefix & 31) << 3]);
  return {
    kind,
    publicKey,
    seed: () => encode(Buffer.concat([seedPrefix, rawSeed])),
    sign: (data) => sign(null, bytes(data), secret),
  };
}

/** Undefined for a text that is no key. */
function publicObject(publicKey: string): KeyObject | undefined {
  const known = publicObjects.get(publicKey);
  if (known !== undefined) return known;
  if (publicKeyKind(publicKey) === undefined) return undefined;
  const raw = decode(publicKey)!.subarray(1);
  const object = createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });
  if (publicObjects.size >= MAX_PUBLIC_OBJECTS) publicObjects.clear();
  publicObjects.set(publicKey, object);
  return object;
}

function kindOf(prefix: number): NkeyKind {
  const kind = (Object.keys(PREFIX) as NkeyKind[]).find((candidate) => PREFIX[candidate] === prefix);
  if (kind === undefined) throw invalidKey('an operator, account or user key');
  return kind;
}

function bytes(data: Uint8Array | string): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
}

function encode(payload: Uint8Array): string {
  const checksum = crc16(payload);
  return base32(Buffer.concat([payload, Buffer.from([checksum & 0xff, checksum >> 8])]));
}

/** The payload, when text and checksum are right. */
function decode(text: string): Buffer | undefined {
  const raw: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const letter of text) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) return undefined;
    buffer = ((buffer << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      raw.push((buffer >> bits) & 0xff);
    }
  }
  if (raw.length < 4) return undefined;
  const payload = Buffer.from(raw.slice(0, -2));
  return crc16(payload) === (raw.at(-2)! | (raw.at(-1)! << 8)) ? payload : undefined;
}

/** CRC-16/XMODEM. */
function crc16(data: Uint8Array): number {
  let crc = 0;
  for (const byte of data) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc;
}

function invalidKey(what: string): EdgeError {
  return new EdgeError(
    'EDGE_KEY_INVALID',
    `the text is not ${what}`,
    {},
    {
      hint: 'Copy the whole line, in capital letters and digits, without spaces.',
    },
  );
}

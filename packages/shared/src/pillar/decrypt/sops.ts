import { createDecipheriv, createHash, timingSafeEqual } from 'node:crypto';
import { EdgeError, errorMessage, Secret, type SecretType } from '../../kernel/index.ts';
import { isFloat, PyFloat, PyMap, type Value } from '../../values/index.ts';
import type { Decryptor } from './contract.ts';

/** One encrypted value: what AES-256 in Galois/counter mode was given, and the type of the plain text. */
const ENCRYPTED = /^ENC\[AES256_GCM,data:([^,]*),iv:([^,]+),tag:([^,]+),type:(str|int|float|bool|bytes|comment)\]$/s;

/** Put before the values where only the encrypted ones are counted in the MAC (getsops/sops, sops.go). */
const ENCRYPTED_ONLY = Buffer.from('8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69', 'hex');

const TYPES: Readonly<Record<string, SecretType>> = { int: 'integer', float: 'float', bool: 'boolean' };

/** True for the data of a file that SOPS wrote. */
export function isSops(data: Value): data is PyMap {
  const meta = data instanceof PyMap ? data.get('sops') : undefined;
  return meta instanceof PyMap && meta.has('mac') && meta.has('lastmodified');
}

/**
 * Decrypts a file that SOPS wrote, in place, and leaves its `sops` block out: the data key is decrypted by whichever of
 * `age` and `gpg` can, every value by it, and the MAC over all values is checked. (https://getsops.io/docs, "Encryption
 * protocol".) Encrypted values become secrets of their type.
 *
 * @throws EdgeError `EDGE_DECRYPT_FAILED` when no key fits or anything was changed since it was encrypted
 */
export async function decryptSops(
  data: PyMap,
  decryptors: ReadonlyMap<string, Decryptor>,
  signal?: AbortSignal,
): Promise<void> {
  const meta = data.get('sops') as PyMap;
  data.delete('sops');
  const key = await dataKey(meta, decryptors, signal);
  const isOnlyEncrypted = /^(true|1|t)$/i.test(String(meta.get('mac_only_encrypted')));
  const hash = createHash('sha512');
  if (isOnlyEncrypted) hash.update(ENCRYPTED_ONLY);
  walk(data, [], (value, path) => {
    if (typeof value !== 'string' || !value.startsWith('ENC[')) {
      if (!isOnlyEncrypted) hash.update(plainBytes(value));
      return value;
    }
    const { bytes, type } = decipher(value, key, `${path.join(':')}:`, path.join(':'));
    const text = bytes.toString('utf8');
    if (type !== 'comment') hash.update(countedBytes(bytes, type));
    return new Secret(text, TYPES[type] ?? 'text');
  });
  checkMac(meta, key, hash.digest('hex').toUpperCase());
}

function checkMac(meta: PyMap, key: Buffer, expected: string): void {
  const { bytes } = decipher(String(meta.get('mac')), key, timestamp(meta.get('lastmodified') ?? null), 'sops:mac');
  const wanted = Buffer.from(expected);
  if (bytes.length === wanted.length && timingSafeEqual(bytes, wanted)) return;
  throw failed(
    'the MAC does not fit its values: the file was changed after it was encrypted',
    'Edit the file with `sops`, or see what `sops --decrypt` says of it.',
  );
}

/** SOPS authenticates the time as it writes it; YAML may have read it as a date. */
function timestamp(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null && 'iso' in value) {
    return String(value.iso)
      .replace(/\+00:00$/, 'Z')
      .replace(/(\d)$/, '$1Z');
  }
  return String(value);
}

async function dataKey(
  meta: PyMap,
  decryptors: ReadonlyMap<string, Decryptor>,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const reasons: string[] = [];
  for (const { kind, decryptor, enc } of keyEntries(meta)) {
    try {
      const found = decryptors.get(decryptor);
      if (found === undefined) throw new Error('this process has no keys of that kind');
      const bytes = Buffer.from(await found.decrypt(enc, signal));
      if (bytes.length === 32) return bytes;
      reasons.push(`${kind}: the data key has ${bytes.length} bytes instead of 32`);
    } catch (error) {
      reasons.push(`${kind}: ${errorMessage(error)}`);
    }
  }
  const others = ['kms', 'gcp_kms', 'azure_kv', 'hc_vault'].filter((kind) => asList(meta.get(kind)).length > 0);
  if (others.length > 0) reasons.push(`${others.join(', ')}: not supported`);
  throw failed(
    `no key of this machine decrypts the data key (${reasons.join('; ') || 'the file names no recipients'})`,
    'Add the key of this master to the file: sops updatekeys FILE',
  );
}

function keyEntries(meta: PyMap): readonly { kind: string; decryptor: string; enc: string }[] {
  // Several key groups share a key among them (Shamir), which nobody of one group has.
  const groups = asList(meta.get('key_groups'));
  if (groups.length > 1) {
    throw failed('its data key is shared among several key groups', 'Use one key group for pillars.');
  }
  const from = (holder: PyMap, kind: string, decryptor: string): { kind: string; decryptor: string; enc: string }[] =>
    asList(holder.get(kind)).flatMap((entry) => {
      const enc = entry instanceof PyMap ? entry.get('enc') : undefined;
      return typeof enc === 'string' ? [{ kind, decryptor, enc }] : [];
    });
  return [meta, ...groups.filter((group) => group instanceof PyMap)].flatMap((holder) => [
    ...from(holder, 'age', 'age'),
    ...from(holder, 'pgp', 'gpg'),
  ]);
}

function asList(value: Value | undefined): readonly Value[] {
  return Array.isArray(value) ? value : [];
}

/** Visits every value in order and puts what comes back in its place; items of lists have the path of their list. */
function walk(
  container: Value,
  path: readonly string[],
  visit: (value: Value, path: readonly string[]) => Value,
): void {
  const isBranch = (value: Value): boolean => value instanceof PyMap || Array.isArray(value);
  if (container instanceof PyMap) {
    for (const [key, value] of [...container]) {
      const here = [...path, String(key)];
      if (isBranch(value)) walk(value, here, visit);
      else if (value !== null) container.set(key, visit(value, here));
    }
  } else if (Array.isArray(container)) {
    for (const [index, value] of container.entries()) {
      if (isBranch(value)) walk(value, path, visit);
      else if (value !== null) container[index] = visit(value, path);
    }
  }
}

function decipher(text: string, key: Buffer, authenticated: string, path: string): { bytes: Buffer; type: string } {
  const match = ENCRYPTED.exec(text);
  if (match === null) throw failed(`${path} is not an encrypted value of SOPS`, 'Encrypt the file anew with `sops`.');
  const [, data, iv, tag, type] = match as unknown as [string, string, string, string, string];
  try {
    const ivBytes = Buffer.from(iv, 'base64');
    const tagBytes = Buffer.from(tag, 'base64');
    // Of a shorter tag fewer bits are checked, down to none that matter.
    if (tagBytes.length !== 16) throw new Error('the tag is not 16 bytes long');
    const decipherer = createDecipheriv('aes-256-gcm', key, ivBytes, { authTagLength: 16 });
    decipherer.setAAD(Buffer.from(authenticated));
    decipherer.setAuthTag(tagBytes);
    return { bytes: Buffer.concat([decipherer.update(Buffer.from(data, 'base64')), decipherer.final()]), type };
  } catch (error) {
    throw new EdgeError(
      'EDGE_DECRYPT_FAILED',
      `${path} was changed after it was encrypted, or moved to another key`,
      { path },
      { hint: 'Edit the file with `sops`.', cause: error },
    );
  }
}

/** A plain text as the MAC counts it: numbers and truth values as Go prints them, however they were written. */
function countedBytes(bytes: Buffer, type: string): string | Buffer {
  const text = bytes.toString('utf8');
  if (type === 'float' && Number.isFinite(Number(text))) return withoutExponent(Number(text));
  if (type === 'int' && /^[+-]?\d+$/.test(text)) return BigInt(text).toString();
  if (type === 'bool') return text.toLowerCase() === 'true' ? 'True' : 'False';
  return bytes;
}

/** The shortest digits of a number that give it back, as `strconv.FormatFloat(x, 'f', -1, 64)`. */
function withoutExponent(value: number): string {
  const [mantissa, exponent] = Math.abs(value).toExponential().split('e') as [string, string];
  const digits = mantissa.replace('.', '');
  const point = Number(exponent) + 1;
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`.replace(/\.0*$/, '');
  if (point >= digits.length) return sign + digits.padEnd(point, '0');
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** A value as the MAC counts it: as Go prints it. */
function plainBytes(value: Value): string | Uint8Array {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (isFloat(value)) return withoutExponent(value instanceof PyFloat ? value.value : value);
  if (value instanceof Uint8Array) return value;
  return typeof value === 'object' && value !== null && 'iso' in value ? String(value.iso) : String(value);
}

function failed(reason: string, hint: string): EdgeError {
  return new EdgeError('EDGE_DECRYPT_FAILED', `a SOPS file could not be decrypted: ${reason}`, { reason }, { hint });
}

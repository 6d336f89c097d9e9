import { createCipheriv, createHash, randomBytes } from 'node:crypto';

/** Plain data of a file for SOPS. */
export type SopsData = { readonly [key: string]: SopsValue };
type SopsValue = string | number | boolean | null | readonly SopsValue[] | SopsData;

/** How a file is written. */
export interface SopsOptions {
  /** Gives the data key to its recipients: the `age` and `pgp` lists of the file. */
  readonly recipients: (dataKey: Buffer) => Promise<object>;
  /** Values below keys with this ending stay plain, as by default in SOPS. */
  readonly unencryptedSuffix?: string;
  readonly macOnlyEncrypted?: boolean;
}

/**
 * Writes data as SOPS does, following https://getsops.io/docs ("Encryption protocol"): each value by AES-256-GCM under a
 * random data key, with its path as additional data, and a SHA-512 over all plain values, encrypted with the time.
 */
export async function encryptAsSops(data: SopsData, options: SopsOptions): Promise<object> {
  const { recipients, unencryptedSuffix = '_unencrypted', macOnlyEncrypted = false } = options;
  const dataKey = randomBytes(32);
  const mac = createHash('sha512');
  if (macOnlyEncrypted) mac.update(createHash('sha256').update('sops').digest());
  const visit = (value: SopsValue, path: readonly string[]): SopsValue => {
    if (value === null) return null;
    if (Array.isArray(value)) return (value as readonly SopsValue[]).map((item) => visit(item, path));
    if (typeof value === 'object') {
      return Object.fromEntries(
        Object.entries(value as SopsData).map(([key, item]) => [key, visit(item, [...path, key])]),
      );
    }
    const isPlain = path.some((key) => key.endsWith(unencryptedSuffix));
    const text = typeof value === 'boolean' ? (value ? 'True' : 'False') : String(value);
    if (!isPlain || !macOnlyEncrypted) mac.update(text);
    // Old versions write floats with an exponent; in the MAC they never have one.
    const written = typeOf(value) === 'float' ? (value as number).toExponential() : text;
    return isPlain ? value : seal(written, typeOf(value), dataKey, `${path.join(':')}:`);
  };
  const encrypted = visit(data, []) as object;
  const lastmodified = '2026-11-21T10:00:00Z';
  return {
    ...encrypted,
    sops: {
      ...(await recipients(dataKey)),
      lastmodified,
      mac: seal(mac.digest('hex').toUpperCase(), 'str', dataKey, lastmodified),
      unencrypted_suffix: unencryptedSuffix,
      ...(macOnlyEncrypted ? { mac_only_encrypted: true } : {}),
      version: '3.11.0',
    },
  };
}

function seal(text: string, type: string, key: Buffer, authenticated: string): string {
  const iv = randomBytes(32);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(Buffer.from(authenticated));
  const data = Buffer.concat([cipher.update(text), cipher.final()]).toString('base64');
  const [ivText, tag] = [iv.toString('base64'), cipher.getAuthTag().toString('base64')];
  return `ENC[AES256_GCM,data:${data},iv:${ivText},tag:${tag},type:${type}]`;
}

function typeOf(value: SopsValue): string {
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  return Number.isInteger(value) ? 'int' : 'float';
}

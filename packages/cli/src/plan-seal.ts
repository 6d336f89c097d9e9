import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { JsonValue } from '@edge-run/shared/kernel';
import { canonicalJson } from '@edge-run/shared/view';

/** JSON that only who knows the words it was sealed with can read; each part is base64. */
export interface Sealed {
  readonly salt: string;
  readonly iv: string;
  readonly tag: string;
  readonly text: string;
}

/** 64 MB and about 0.2 s a try: words of a command line are short, and whoever has the file may try for years. */
const COST = { N: 65_536, r: 8, p: 1, maxmem: 128 * 1024 * 1024 };
const CIPHER = 'aes-256-gcm';

/** Encrypts `content` with a key made of `words`; the order of their keys does not count. */
export async function seal(content: JsonValue, words: JsonValue): Promise<Sealed> {
  const salt = randomBytes(16);
  const iv = randomBytes(12);
  const cipher = createCipheriv(CIPHER, await keyOf(words, salt), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(content), 'utf8'), cipher.final()]);
  const parts = { salt, iv, tag: cipher.getAuthTag(), text };
  return Object.fromEntries(
    Object.entries(parts).map(([name, bytes]) => [name, bytes.toString('base64')]),
  ) as unknown as Sealed;
}

/** What was sealed; undefined when it was sealed with other words. */
export async function unseal(sealed: Sealed, words: JsonValue): Promise<JsonValue | undefined> {
  const part = (name: keyof Sealed): Buffer => Buffer.from(sealed[name], 'base64');
  const decipher = createDecipheriv(CIPHER, await keyOf(words, part('salt')), part('iv'));
  decipher.setAuthTag(part('tag'));
  const content = decipher.update(part('text'));
  try {
    return JSON.parse(Buffer.concat([content, decipher.final()]).toString('utf8')) as JsonValue;
  } catch {
    // The tag is wrong: another key. Whether the file itself was changed is told by its digest before.
    return undefined;
  }
}

function keyOf(words: JsonValue, salt: Buffer): Promise<Buffer> {
  const derive = promisify(scrypt) as (text: string, salt: Buffer, bytes: number, cost: typeof COST) => Promise<Buffer>;
  return derive(canonicalJson(words), salt, 32, COST);
}

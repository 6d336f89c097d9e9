import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** Where a minion's key stands. `denied`: another key already has the id. */
export type KeyState = 'pending' | 'accepted' | 'rejected' | 'denied';

/** What can become of a key that knocked. */
export const KEY_STATES: readonly KeyState[] = ['pending', 'accepted', 'rejected', 'denied'];

const keyEntry = z.object({
  id: z.string(),
  publicKey: z.string(),
  /** When it first knocked, and when its state last changed. */
  knockedAt: z.number(),
  changedAt: z.number(),
  /** `user`, `token:<name>`, `rotation`. */
  changedBy: z.string().optional(),
  /** What its join token says it is for. */
  role: z.string().optional(),
  /** The key that is still good until the minion says that it uses this one. */
  replaces: z.string().optional(),
});
/** One key of one id, as stored. */
export type KeyEntry = z.infer<typeof keyEntry>;

const tokenEntry = z.object({
  name: z.string(),
  /** SHA-256 of the token, hex. */
  digest: z.string(),
  ids: z.string(),
  role: z.string().optional(),
  expiresAt: z.number(),
  usesLeft: z.number(),
  createdAt: z.number(),
});
/** A join token as stored: its secret is not. */
export type TokenEntry = z.infer<typeof tokenEntry>;

const revocations = z.record(z.string(), z.number());

/** The directory minion keys live in: one small file each, written atomically, so that any tool can look. */
export class KeyStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async prepare(): Promise<void> {
    for (const name of [...KEY_STATES, 'tokens']) {
      await mkdir(join(this.#directory, name), { recursive: true, mode: 0o700 });
    }
  }

  async keys(state: KeyState): Promise<readonly KeyEntry[]> {
    const entries = await this.#readAll(state, keyEntry);
    return entries.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  }

  async putKey(state: KeyState, entry: KeyEntry): Promise<void> {
    await this.#write(join(state, `${entry.publicKey}.json`), entry);
  }

  async removeKey(state: KeyState, publicKey: string): Promise<void> {
    await rm(join(this.#directory, state, `${publicKey}.json`), { force: true });
  }

  async tokens(): Promise<readonly TokenEntry[]> {
    return this.#readAll('tokens', tokenEntry);
  }

  async putToken(entry: TokenEntry): Promise<void> {
    await this.#write(join('tokens', `${entry.digest}.json`), entry);
  }

  async removeToken(digest: string): Promise<void> {
    await rm(join(this.#directory, 'tokens', `${digest}.json`), { force: true });
  }

  /** Public key → instant until which its logins are void. */
  async revocations(): Promise<Map<string, number>> {
    const record = await this.#read('revocations.json', revocations);
    return new Map(Object.entries(record ?? {}));
  }

  async putRevocations(revoked: ReadonlyMap<string, number>): Promise<void> {
    await this.#write('revocations.json', Object.fromEntries(revoked));
  }

  async #readAll<T>(folder: string, schema: z.ZodType<T>): Promise<T[]> {
    const names = await readdir(join(this.#directory, folder));
    const read = names.filter((name) => name.endsWith('.json')).map((name) => this.#read(join(folder, name), schema));
    return (await Promise.all(read)).filter((entry) => entry !== undefined);
  }

  async #read<T>(name: string, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return schema.parse(JSON.parse(await readFile(join(this.#directory, name), 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #write(name: string, value: object): Promise<void> {
    const path = join(this.#directory, name);
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
    await rename(temporary, path);
  }
}

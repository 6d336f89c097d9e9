import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeyPair, type KeyPair, keyPairFromSeed } from '@edge-run/shared/bus';
import { z } from 'zod';

/** What the master said when it let this minion in. */
export const admission = z.object({
  id: z.string(),
  jwt: z.string(),
  signers: z.array(z.string()),
  /** What its join token says this host is for. */
  role: z.string().optional(),
});
export type Admission = z.infer<typeof admission>;

const KEY = 'minion.nk';
const SUCCESSOR = 'next.nk';
const UNCONFIRMED = 'unconfirmed-key';
const ADMISSION = 'admission.json';
const PINNED = 'trusted-keys.json';

/** This machine's key, made here and never sent anywhere, and what it was admitted with. */
export class Identity {
  #keyPair: KeyPair;
  readonly #directory: string;

  constructor(keyPair: KeyPair, directory: string) {
    this.#keyPair = keyPair;
    this.#directory = directory;
  }

  get keyPair(): KeyPair {
    return this.#keyPair;
  }

  /** The key that is to take the place of the present one; the same until it does. */
  successor(): Promise<KeyPair> {
    return openKey(join(this.#directory, SUCCESSOR));
  }

  /** Uses the successor from now on; the master must still be told (`unconfirmed`). */
  async succeed(next: KeyPair, admitted: Admission): Promise<void> {
    await writePrivate(this.#path(UNCONFIRMED), next.publicKey);
    // A crash between the two leaves an admission for another key: it is refused, forgotten, and asked for anew.
    await rename(this.#path(SUCCESSOR), this.#path(KEY));
    await this.keepAdmission(admitted);
    this.#keyPair = next;
  }

  /** The public key that replaced another one without the master knowing so far. */
  async unconfirmed(): Promise<string | undefined> {
    const publicKey = await readIfThere(this.#path(UNCONFIRMED));
    return publicKey === this.#keyPair.publicKey ? publicKey : undefined;
  }

  async confirmed(): Promise<void> {
    await rm(this.#path(UNCONFIRMED), { force: true });
  }

  /** What was kept of an earlier acceptance under this id; undefined when there is none. */
  async readAdmission(id: string): Promise<Admission | undefined> {
    try {
      const kept = admission.safeParse(JSON.parse((await readIfThere(this.#path(ADMISSION))) ?? 'null'));
      return kept.success && kept.data.id === id ? kept.data : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async keepAdmission(admitted: Admission): Promise<void> {
    await writePrivate(this.#path(ADMISSION), JSON.stringify(admitted));
  }

  async forgetAdmission(): Promise<void> {
    await rm(this.#path(ADMISSION), { force: true });
  }

  /** The signers of the first acceptance ever; later ones must be among them. */
  async pinSigners(signers: readonly string[]): Promise<readonly string[]> {
    const pinned = await this.pinned();
    if (pinned !== undefined) return pinned;
    await writePrivate(this.#path(PINNED), JSON.stringify(signers));
    return signers;
  }

  /** The signers that were pinned; undefined before the first acceptance. */
  async pinned(): Promise<readonly string[] | undefined> {
    const text = await readIfThere(this.#path(PINNED));
    return text === undefined ? undefined : z.array(z.string()).parse(JSON.parse(text));
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

/** Reads the key of a data directory; makes it, with mode 0600, when it is not there. */
export async function openIdentity(dataDir: string): Promise<Identity> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  return new Identity(await openKey(join(dataDir, KEY)), dataDir);
}

async function openKey(path: string): Promise<KeyPair> {
  const seed = await readIfThere(path);
  if (seed !== undefined) return keyPairFromSeed(seed);
  const keyPair = createKeyPair('user');
  await writePrivate(path, `${keyPair.seed()}\n`);
  return keyPair;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writePrivate(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}

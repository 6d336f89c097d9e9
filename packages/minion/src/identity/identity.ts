import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createKeyPair, type KeyPair, keyPairFromSeed } from '@edge-run/shared/bus';
import { z } from 'zod';

/** What the master said when it let this minion in. */
export const admission = z.object({ id: z.string(), jwt: z.string(), signers: z.array(z.string()) });
export type Admission = z.infer<typeof admission>;

/** This machine's key, made here and never sent anywhere, and what it was admitted with. */
export class Identity {
  readonly keyPair: KeyPair;
  readonly #directory: string;

  constructor(keyPair: KeyPair, directory: string) {
    this.keyPair = keyPair;
    this.#directory = directory;
  }

  /** What was kept of an earlier acceptance under this id; undefined when there is none. */
  async readAdmission(id: string): Promise<Admission | undefined> {
    try {
      const kept = admission.safeParse(JSON.parse(await readFile(this.#admissionPath(), 'utf8')));
      return kept.success && kept.data.id === id ? kept.data : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined;
      throw error;
    }
  }

  async keepAdmission(admitted: Admission): Promise<void> {
    await writePrivate(this.#admissionPath(), JSON.stringify(admitted));
  }

  async forgetAdmission(): Promise<void> {
    await rm(this.#admissionPath(), { force: true });
  }

  /** The signers of the first acceptance ever; later ones must be among them. */
  async pinSigners(signers: readonly string[]): Promise<readonly string[]> {
    const path = join(this.#directory, 'trusted-keys.json');
    try {
      return z.array(z.string()).parse(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    await writePrivate(path, JSON.stringify(signers));
    return signers;
  }

  #admissionPath(): string {
    return join(this.#directory, 'admission.json');
  }
}

/** Reads the key of a data directory; makes it, with mode 0600, when it is not there. */
export async function openIdentity(dataDir: string): Promise<Identity> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, 'minion.nk');
  try {
    return new Identity(keyPairFromSeed(await readFile(path, 'utf8')), dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const keyPair = createKeyPair('user');
  await writePrivate(path, `${keyPair.seed()}\n`);
  return new Identity(keyPair, dataDir);
}

async function writePrivate(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text, { mode: 0o600 });
  await rename(`${path}.tmp`, path);
}

import type { HostReader } from '../../host/index.ts';
import { EdgeError, errorMessage } from '../../kernel/index.ts';
import type { Decryptor } from './contract.ts';

/** Where the keys are. */
export interface AgeOptions {
  readonly host: Pick<HostReader, 'readFile'>;
  /** Files as `age-keygen` writes them; all keys are tried. */
  readonly identityFiles: readonly string[];
}

/** Decrypts armored age files (https://age-encryption.org/v1) with X25519 and hybrid keys. */
export function ageDecryptor({ host, identityFiles }: AgeOptions): Decryptor {
  return {
    name: 'age',
    armor: /-----BEGIN AGE ENCRYPTED FILE-----.*?-----END AGE ENCRYPTED FILE-----/gs,
    async decrypt(armored) {
      const { armor, Decrypter } = await import('age-encryption');
      try {
        const decrypter = new Decrypter();
        for (const identity of await readIdentities(host, identityFiles)) decrypter.addIdentity(identity);
        return await decrypter.decrypt(armor.decode(armored.replaceAll('\\n', '\n')), 'uint8array');
      } catch (error) {
        throw failed(errorMessage(error), identityFiles);
      }
    },
  };
}

/** The keys are read each time: one that is added is used, and none is kept in memory. */
async function readIdentities(host: AgeOptions['host'], files: readonly string[]): Promise<readonly string[]> {
  const texts = await Promise.all(files.map(async (file) => new TextDecoder().decode(await host.readFile(file))));
  const identities = texts.flatMap((text) =>
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#')),
  );
  if (identities.length === 0) throw new Error('there is no key to decrypt with');
  return identities;
}

function failed(reason: string, files: readonly string[]): EdgeError {
  return new EdgeError(
    'EDGE_DECRYPT_FAILED',
    `an age file could not be decrypted: ${reason}`,
    { identities: [...files], reason },
    { hint: 'Name the file with the key in `age_identities` of the configuration.' },
  );
}

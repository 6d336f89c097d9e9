import type { HostReader } from '../../host/index.ts';
import { ageDecryptor } from './age.ts';
import type { Decryption } from './contract.ts';
import { gpgDecryptor } from './gpg.ts';
import { remembering } from './remember.ts';

/** Which keys a process decrypts with. */
export interface KeyOptions {
  readonly host: Pick<HostReader, 'probe' | 'readFile'>;
  /** Folder of gpg's keys. */
  readonly gpgKeydir: string;
  /** Files of age keys. */
  readonly ageIdentities: readonly string[];
  readonly mustSucceed: boolean;
}

/** What a process decrypts pillars with; each text is decrypted once. */
export function createDecryption({ host, gpgKeydir, ageIdentities, mustSucceed }: KeyOptions): Decryption {
  const decryptors = [
    gpgDecryptor({ host, keydir: gpgKeydir }),
    ageDecryptor({ host, identityFiles: ageIdentities }),
  ].map(remembering);
  return { decryptors: new Map(decryptors.map((decryptor) => [decryptor.name, decryptor])), mustSucceed };
}

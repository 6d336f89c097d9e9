import type { HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import type { Decryptor } from './contract.ts';

/** Where gpg runs and where its keys are. */
export interface GpgOptions {
  readonly host: Pick<HostReader, 'probe'>;
  /** The `--homedir` with the secret keys, which must have no passphrase (`gpg_keydir`). */
  readonly keydir: string;
}

/** One call of gpg, which may have to start its agent. */
const TIMEOUT_MS = 30_000;
const MAX_PLAIN_BYTES = 4 * 1024 * 1024;

/** Decrypts PGP messages with the `gpg` program. (Salt 3006 renderers/gpg.py.) */
export function gpgDecryptor({ host, keydir }: GpgOptions): Decryptor {
  return {
    name: 'gpg',
    armor: /-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----/gs,
    async decrypt(armored, signal) {
      const command = ['gpg', '--homedir', keydir, '--batch', '--no-tty', '--quiet', '--decrypt'] as const;
      // A message written on one line has `\n` where its lines end (Salt's translate_newlines).
      const stdin = armored.replaceAll('\\n', '\n');
      const result = await host.probe([...command], {
        stdin,
        timeoutMs: TIMEOUT_MS,
        maxOutputBytes: MAX_PLAIN_BYTES,
        ...(signal === undefined ? {} : { signal }),
      });
      if (result.exitCode === 0 && !result.truncated) return result.stdoutBytes;
      const reason = result.truncated ? 'the plain text is longer than 4 MiB' : lastLine(result.stderr);
      throw new EdgeError(
        'EDGE_DECRYPT_FAILED',
        `gpg could not decrypt a message: ${reason}`,
        { keydir, reason },
        { hint: `See which keys there are: gpg --homedir ${keydir} --list-secret-keys` },
      );
    },
  };
}

function lastLine(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.startsWith('gpg: '));
  return lines.at(-1)?.slice('gpg: '.length) ?? 'it said nothing';
}

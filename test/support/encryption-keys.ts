import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalHost } from '@edge-run/shared/host';
import { createDecryption, type Decryption } from '@edge-run/shared/pillar';

/** A PGP key and an age key, made by the real programs in a folder of their own. */
export class EncryptionKeys {
  readonly dir: string;
  readonly identityFile: string;
  readonly #recipient: string;

  private constructor(dir: string, recipient: string) {
    this.dir = dir;
    this.identityFile = join(dir, 'age.txt');
    this.#recipient = recipient;
  }

  /** Makes the keys; end with `dispose`. */
  static async make(): Promise<EncryptionKeys> {
    // The agent's socket lies in the folder, and the path of a socket must be short.
    const dir = await mkdtemp(join(tmpdir(), 'ek-'));
    await chmod(dir, 0o700);
    const key = ['--quick-generate-key', 'Edge test <edge@example.org>', 'rsa2048', 'encrypt', 'never'];
    await run(['gpg', '--homedir', dir, '--batch', '--pinentry-mode', 'loopback', '--passphrase', '', ...key]);
    const identity = await run(['age-keygen']);
    await writeFile(join(dir, 'age.txt'), identity, { mode: 0o600 });
    return new EncryptionKeys(dir, /public key: (\S+)/.exec(identity)![1]!);
  }

  /** An armored PGP message to the key. */
  async gpg(text: string | Uint8Array): Promise<string> {
    const to = ['--trust-model', 'always', '--recipient', 'edge@example.org'];
    return run(['gpg', '--homedir', this.dir, '--batch', '--armor', '--encrypt', ...to], text);
  }

  /** An armored age file to the key. */
  async age(text: string | Uint8Array): Promise<string> {
    return run(['age', '--armor', '--recipient', this.#recipient], text);
  }

  /** What a master with the keys decrypts with. */
  decryption(mustSucceed = true): Decryption {
    const host = new LocalHost({ id: 'master' });
    return createDecryption({ host, gpgKeydir: this.dir, ageIdentities: [this.identityFile], mustSucceed });
  }

  async dispose(): Promise<void> {
    await run(['gpgconf', '--homedir', this.dir, '--kill', 'gpg-agent']);
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** Indents a block of text for a `|` scalar of YAML. */
export function block(text: string, indent = '  '): string {
  return `|\n${text
    .trimEnd()
    .split('\n')
    .map((line) => indent + line)
    .join('\n')}\n`;
}

function run(
  [program, ...args]: readonly [string, ...string[]] | string[],
  stdin?: string | Uint8Array,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: 60_000 });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`${program} exited ${code}: ${err}`))));
    // Who ends early has said why, or needs nothing more.
    child.stdin.on('error', () => undefined).end(stdin ?? '');
  });
}

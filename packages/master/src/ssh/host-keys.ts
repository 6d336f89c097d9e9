import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import {
  fingerprint,
  type HostKeyVerdict,
  judgeHostKey,
  type KnownHostLine,
  keyType,
  knownHostsLine,
  knownKeyTypes,
  parseKnownHosts,
} from './known-hosts.ts';
import { addressOf, type SshTarget } from './target.ts';

/** Whose word is taken for who a host is. */
export interface HostKeyOptions {
  /** known_hosts files; the first is where `accept-new` writes. A missing file knows nobody. */
  readonly files: readonly string[];
  /** Default `strict`: an unknown key is refused. `accept-new`: it is taken and written down. A changed key never is. */
  readonly mode?: 'strict' | 'accept-new';
}

/** Decides whether a host is who it says, by known_hosts files that are read again for each connection. */
export class HostKeys {
  readonly #files: readonly string[];
  readonly #mode: 'strict' | 'accept-new';
  /** Accepting is one at a time, so that two connections do not write the same line. */
  #accepting: Promise<void> = Promise.resolve();

  constructor({ files, mode = 'strict' }: HostKeyOptions) {
    this.#files = files;
    this.#mode = mode;
  }

  /** Host key algorithms to ask for, known types first; undefined: the default order. */
  async algorithms(target: SshTarget, offered: readonly string[]): Promise<readonly string[]> {
    const known = new Set(knownKeyTypes(await this.#lines(), target.host, target.port).flatMap(algorithmsOf));
    return [...offered.filter((name) => known.has(name)), ...offered.filter((name) => !known.has(name))];
  }

  /** Resolves when the key may be trusted. @throws EdgeError `EDGE_SSH_HOST_KEY_UNKNOWN`, `…_CHANGED`, `…_REVOKED` */
  async verify(target: SshTarget, key: Uint8Array): Promise<void> {
    const verdict = judgeHostKey(await this.#lines(), target.host, target.port, key);
    if (verdict.kind === 'known') return;
    if (verdict.kind === 'unknown' && this.#mode === 'accept-new') return this.#accept(target, key);
    throw refusal(target, key, verdict, this.#files);
  }

  async #accept(target: SshTarget, key: Uint8Array): Promise<void> {
    const turn = this.#accepting.then(async () => {
      const verdict = judgeHostKey(await this.#lines(), target.host, target.port, key);
      if (verdict.kind === 'known') return;
      if (verdict.kind !== 'unknown') throw refusal(target, key, verdict, this.#files);
      const file = this.#files[0];
      if (file === undefined) throw refusal(target, key, verdict, this.#files);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await appendFile(file, knownHostsLine(target.host, target.port, key), { mode: 0o600 });
    });
    this.#accepting = turn.catch(() => undefined);
    return turn;
  }

  async #lines(): Promise<readonly KnownHostLine[]> {
    const texts = await Promise.all(this.#files.map(async (file) => parseKnownHosts(await readIfThere(file), file)));
    return texts.flat();
  }
}

async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `the known_hosts file ${file} cannot be read: ${errorMessage(error)}`,
      { file },
      { cause: error, hint: 'Make it readable for the user Edge runs as.' },
    );
  }
}

/** Signature algorithms a key type can be asked for with. */
function algorithmsOf(type: string): readonly string[] {
  return type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] : [type];
}

function refusal(
  target: SshTarget,
  key: Uint8Array,
  verdict: Exclude<HostKeyVerdict, { kind: 'known' }>,
  files: readonly string[],
): EdgeError {
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  const who = `${target.id} (${addressOf(target)})`;
  const details = { host: target.id, address: addressOf(target), shown };
  const name = target.port === 22 ? target.host : `[${target.host}]:${target.port}`;
  switch (verdict.kind) {
    case 'changed': {
      const known = verdict.known.map((line) => `${line.type} ${fingerprint(line.key)}`);
      const places = verdict.known.map(({ place }) => place);
      return new EdgeError(
        'EDGE_SSH_HOST_KEY_CHANGED',
        `${who} shows the host key ${shown}, but ${known.join(', ')} is known (${places.join(', ')})`,
        { ...details, known, places },
        {
          hint: `If the host was set up anew, run: ssh-keygen -R '${name}' -f ${files[0] ?? 'known_hosts'}. If not, somebody may be in between.`,
        },
      );
    }
    case 'revoked':
      return new EdgeError(
        'EDGE_SSH_HOST_KEY_REVOKED',
        `${who} shows the host key ${shown}, which ${verdict.place} revokes`,
        { ...details, place: verdict.place },
        { hint: 'Give the host a new key; do not connect to it before.' },
      );
    case 'unknown':
      return new EdgeError(
        'EDGE_SSH_HOST_KEY_UNKNOWN',
        `${who} shows the host key ${shown}, and no key of it is known`,
        { ...details, files },
        {
          hint: verdict.onlyAuthority
            ? `There is only a @cert-authority for it, which Edge cannot check: add the key itself to ${files[0] ?? 'known_hosts'}.`
            : `Compare the fingerprint on the host, then: ssh-keyscan -p ${target.port} ${target.host} >> ${files[0] ?? 'known_hosts'}.`,
        },
      );
    default:
      return verdict satisfies never;
  }
}

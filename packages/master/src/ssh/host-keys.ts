import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, EdgeError, errorMessage, systemClock } from '@edge-run/shared/kernel';
import type { Certificate } from './certificates.ts';
import {
  certificateObjection,
  fingerprint,
  type HostKeyVerdict,
  type HostName,
  hasAuthority,
  judgeHostKey,
  type KnownHostLine,
  keyType,
  knownHostsLine,
  knownKeyTypes,
  lookupName,
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

/** What is known about a host before it shows its key. */
export interface ExpectedHost {
  /** Host key algorithms to ask for, known types first. */
  readonly algorithms: readonly string[];
  /** Its certificate, where an authority may vouch for it and it has one. */
  readonly certificate?: Certificate;
}

/** Decides whether a host is who it says, by known_hosts files that are read again for each connection. */
export class HostKeys {
  readonly #options: HostKeyOptions;
  readonly #clock: Clock;
  /** Accepting is one at a time, so that two connections do not write the same line. */
  #accepting: Promise<void> = Promise.resolve();
  /** Name of a host → the certificate it showed the last time. */
  readonly #certificates = new Map<string, Certificate>();

  constructor(options: HostKeyOptions, clock: Clock = systemClock) {
    this.#options = options;
    this.#clock = clock;
  }

  /**
   * What to expect of a host. Where an authority may vouch for it, its certificate is asked for by `fetch`: ssh2 takes
   * none in its own handshake, but makes the host prove the very key that the certificate is about.
   */
  async expect(
    target: SshTarget,
    offered: readonly string[],
    fetch: () => Promise<Certificate | undefined>,
  ): Promise<ExpectedHost> {
    const lines = await this.#lines(target);
    const name = nameOf(target);
    const certificate = hasAuthority(lines, name) ? await this.#certificate(lines, name, fetch) : undefined;
    const types = certificate === undefined ? knownKeyTypes(lines, name) : [certificate.plainType];
    const known = new Set(types.flatMap(algorithmsOf));
    return {
      algorithms: [...offered.filter((one) => known.has(one)), ...offered.filter((one) => !known.has(one))],
      ...(certificate === undefined ? {} : { certificate }),
    };
  }

  /** Resolves when the key may be trusted. @throws EdgeError `EDGE_SSH_HOST_KEY_UNKNOWN`, `…_CHANGED`, `…_REVOKED` */
  async verify(target: SshTarget, key: Uint8Array, certificate?: Certificate): Promise<void> {
    const lines = await this.#lines(target);
    const name = nameOf(target);
    const verdict = judgeHostKey(lines, name, key);
    if (verdict.kind === 'known') return;
    const files = this.#filesOf(target);
    if (verdict.kind === 'revoked') throw refusal(target, key, verdict, files);
    let objection: string | undefined;
    if (certificate?.plainKey.equals(key)) {
      objection = certificateObjection(lines, name, certificate, this.#clock.now());
      if (objection === undefined) return;
    }
    const mode = target.hostKeyMode ?? this.#options.mode ?? 'strict';
    // Who has an authority for a host has said who may vouch for it.
    if (verdict.kind === 'unknown' && !verdict.hasAuthority && mode === 'accept-new') return this.#accept(target, key);
    throw refusal(target, key, verdict, files, objection);
  }

  async #certificate(
    lines: readonly KnownHostLine[],
    name: HostName,
    fetch: () => Promise<Certificate | undefined>,
  ): Promise<Certificate | undefined> {
    const key = lookupName({ ...name, alias: undefined });
    const kept = this.#certificates.get(key);
    if (kept !== undefined && certificateObjection(lines, name, kept, this.#clock.now()) === undefined) return kept;
    const shown = await fetch();
    if (shown !== undefined) this.#certificates.set(key, shown);
    return shown;
  }

  async #accept(target: SshTarget, key: Uint8Array): Promise<void> {
    const turn = this.#accepting.then(async () => {
      const name = nameOf(target);
      const files = this.#filesOf(target);
      const verdict = judgeHostKey(await this.#lines(target), name, key);
      if (verdict.kind === 'known') return;
      const [file] = files;
      if (verdict.kind !== 'unknown' || file === undefined) throw refusal(target, key, verdict, files);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await appendFile(file, knownHostsLine(name, key), { mode: 0o600 });
    });
    this.#accepting = turn.catch(() => undefined);
    return turn;
  }

  #filesOf({ knownHostsFiles }: SshTarget): readonly string[] {
    return knownHostsFiles ?? this.#options.files;
  }

  async #lines(target: SshTarget): Promise<readonly KnownHostLine[]> {
    const files = this.#filesOf(target);
    const texts = await Promise.all(files.map(async (file) => parseKnownHosts(await readIfThere(file), file)));
    return texts.flat();
  }
}

function nameOf({ host, port, hostKeyAlias }: SshTarget): HostName {
  return { host, port, alias: hostKeyAlias };
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
  objection?: string,
): EdgeError {
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  const who = `${target.id} (${addressOf(target)})`;
  const details = { host: target.id, address: addressOf(target), shown };
  const name = lookupName(nameOf(target));
  const file = files[0] ?? 'known_hosts';
  const certified = objection === undefined ? '' : `; ${objection}`;
  switch (verdict.kind) {
    case 'changed': {
      const known = verdict.known.map((line) => `${line.type} ${fingerprint(line.key)}`);
      const places = verdict.known.map(({ place }) => place);
      return new EdgeError(
        'EDGE_SSH_HOST_KEY_CHANGED',
        `${who} shows the host key ${shown}, but ${known.join(', ')} is known (${places.join(', ')})${certified}`,
        { ...details, known, places },
        {
          hint: `If the host was set up anew, run: ssh-keygen -R '${name}' -f ${file}. If not, somebody may be in between.`,
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
    case 'unknown': {
      const scan = `ssh-keyscan -p ${target.port} ${target.host} >> ${file}`;
      return new EdgeError(
        'EDGE_SSH_HOST_KEY_UNKNOWN',
        verdict.hasAuthority
          ? `${who} shows the host key ${shown}, and no authority vouches for it${certified || ': it has no certificate'}`
          : `${who} shows the host key ${shown}, and no key of it is known`,
        { ...details, files },
        {
          hint: verdict.hasAuthority
            ? 'Sign its key with the authority (ssh-keygen -s CA -h -n NAME …) and set HostCertificate in its sshd_config.'
            : `Compare the fingerprint on the host, then: ${scan}.`,
        },
      );
    }
    default:
      return verdict satisfies never;
  }
}

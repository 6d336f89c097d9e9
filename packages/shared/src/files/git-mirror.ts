import { createHash } from 'node:crypto';
import type { Host } from '../host/index.ts';
import { EdgeError, newId } from '../kernel/index.ts';

/** How a remote repository is reached. */
export interface GitAccess {
  /** Anything git takes: `https://…`, `git@host:repo.git`, `ssh://…`, `file:///…`, a path. */
  readonly url: string;
  /** Of HTTP; a token is the password, of whatever user the server wants. */
  readonly user?: string;
  readonly password?: string;
  /** Private key file for SSH. */
  readonly privateKey?: string;
  /** False accepts any certificate. Default true. */
  readonly verifyTls?: boolean;
  /** What is fetched. Default: branches and tags. */
  readonly refspecs?: readonly string[];
}

const FETCH_TIMEOUT_MS = 600_000;
const REFSPECS = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];

/**
 * A bare copy of a remote repository in a folder of this host, brought up to date when told. The copy appears as a whole
 * or not at all; what a killed git left behind is cleared away before the next fetch. One process owns the folder.
 */
export class GitMirror {
  /** The bare repository; it exists after the first `update` that succeeded. */
  readonly directory: string;
  readonly #host: Host;
  readonly #access: GitAccess;
  #running: Promise<boolean> | undefined;

  constructor(host: Host, folder: string, access: GitAccess) {
    this.#host = host;
    this.#access = access;
    const name = createHash('sha256').update(access.url).digest('hex').slice(0, 16);
    this.directory = `${folder}/${name}.git`;
  }

  /**
   * Fetches what changed and answers whether anything did. Calls at the same time share one fetch.
   * @throws EdgeError `EDGE_GIT_FAILED`; the copy stays as it was
   */
  update(signal?: AbortSignal): Promise<boolean> {
    this.#running ??= this.#update(signal).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #update(signal: AbortSignal | undefined): Promise<boolean> {
    if ((await this.#host.stat(this.directory)) === undefined) {
      await this.#create(signal);
      return true;
    }
    await this.#clearLocks();
    const before = await this.#refs();
    await this.#fetch(this.directory, signal);
    return (await this.#refs()) !== before;
  }

  async #create(signal: AbortSignal | undefined): Promise<void> {
    const parent = this.directory.slice(0, this.directory.lastIndexOf('/'));
    const begun = `${this.directory}.${newId()}.new`;
    await this.#run(['mkdir', '-p', '-m', '700', '--', parent]);
    await this.#removeBegun(parent);
    try {
      await this.#run(['git', 'init', '-q', '--bare', '--', begun]);
      await this.#fetch(begun, signal);
      await this.#run(['mv', '-T', '--', begun, this.directory]);
    } catch (error) {
      await this.#host.remove(begun);
      throw error;
    }
  }

  /** Copies that a killed process had begun. */
  async #removeBegun(parent: string): Promise<void> {
    const name = this.directory.slice(parent.length + 1);
    for (const entry of await this.#host.list(parent))
      if (entry.name.startsWith(`${name}.`) && entry.name.endsWith('.new'))
        await this.#host.remove(`${parent}/${entry.name}`);
  }

  async #clearLocks(): Promise<void> {
    await this.#run(['find', this.directory, '-name', '*.lock', '-type', 'f', '-delete']);
  }

  async #refs(): Promise<string> {
    return (await this.#run(['git', '--git-dir', this.directory, 'for-each-ref'])).stdout;
  }

  async #fetch(directory: string, signal: AbortSignal | undefined): Promise<void> {
    const { url, refspecs = REFSPECS } = this.#access;
    const fetch = ['fetch', '-q', '--prune', '--no-write-fetch-head', '--no-auto-maintenance', '--', url, ...refspecs];
    await this.#run(['git', '--git-dir', directory, ...fetch], signal);
  }

  async #run(command: readonly [string, ...string[]], signal?: AbortSignal): Promise<{ readonly stdout: string }> {
    const result = await this.#host.exec(command, {
      timeoutMs: FETCH_TIMEOUT_MS,
      env: gitEnvironment(this.#access),
      ...(signal === undefined ? {} : { signal }),
    });
    if (result.exitCode === 0) return result;
    const reason = withoutSecrets(result.stderr.trim() || `exit ${result.exitCode}`, this.#access);
    const repository = withoutSecrets(this.#access.url, this.#access);
    throw new EdgeError(
      'EDGE_GIT_FAILED',
      `${repository} could not be fetched: ${reason}`,
      { repository, reason },
      { hint: 'Try git ls-remote on it as the user Edge runs as, with the same key or token.' },
    );
  }
}

/** What git is told beside its arguments: no secret is in a process list, and nobody is asked for one. */
export function gitEnvironment(access: GitAccess): Record<string, string> {
  const { url, user, password, privateKey, verifyTls = true } = access;
  const settings: [string, string][] = [];
  if (password !== undefined) {
    const basic = Buffer.from(`${user ?? 'git'}:${password}`).toString('base64');
    settings.push([`http.${originOf(url)}.extraHeader`, `Authorization: Basic ${basic}`]);
  }
  if (!verifyTls) settings.push(['http.sslVerify', 'false']);
  const configured = settings.flatMap(([key, value], index): [string, string][] => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  const ssh = ['ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20'];
  const key = privateKey === undefined ? [] : ['-i', quoted(privateKey), '-o', 'IdentitiesOnly=yes'];
  return {
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: 'true',
    GIT_SSH_COMMAND: [...ssh, ...key].join(' '),
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(configured),
  };
}

/** The token goes to the server it is for and nowhere a redirection leads. */
function originOf(url: string): string {
  return URL.canParse(url) ? `${new URL(url).origin}/` : url;
}

function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}

function withoutSecrets(text: string, { password }: GitAccess): string {
  const bare = text.replace(/:\/\/[^/@\s]+@/g, '://');
  return password === undefined || password === '' ? bare : bare.replaceAll(password, '[secret]');
}

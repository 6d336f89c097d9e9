import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';

/** A repository and how its copy is kept. */
export interface GitMirrorOptions {
  readonly host: Host;
  readonly url: string;
  readonly updateIntervalMs: number;
  readonly cacheDir: string;
  resolvePath(path: string): string;
}

/** What git may speak, and that it asks nobody for a password. */
const ENVIRONMENT = { GIT_TERMINAL_PROMPT: '0', GIT_ALLOW_PROTOCOL: 'file:git:http:https:ssh' };
const TIMEOUT_MS = 100_000;

/** The bare copy of a repository, fetched again when it is old; a repository of this machine is used as it is. */
export class GitMirror {
  readonly #options: GitMirrorOptions;
  #fetched: { readonly at: number; readonly done: Promise<string> } | undefined;

  constructor(options: GitMirrorOptions) {
    this.#options = options;
  }

  /** Path of a repository that is as new as promised. @throws EdgeError `EDGE_GIT_FAILED` when it cannot be fetched */
  fresh(signal: AbortSignal): Promise<string> {
    const now = performance.now();
    if (this.#fetched !== undefined && now < this.#fetched.at + this.#options.updateIntervalMs)
      return this.#fetched.done;
    const done = this.#update(signal);
    const fetched = { at: now, done };
    this.#fetched = fetched;
    // What failed is tried again with the next question.
    done.catch(() => {
      if (this.#fetched === fetched) this.#fetched = undefined;
    });
    return done;
  }

  async #update(signal: AbortSignal): Promise<string> {
    const { url, host, cacheDir, resolvePath } = this.#options;
    const local = /^(?:file:\/\/)?(\/.*)$/.exec(url)?.[1] ?? (/^\.{1,2}\//.test(url) ? resolvePath(url) : undefined);
    if (local !== undefined) return (await host.stat(join(local, '.git'))) === undefined ? local : join(local, '.git');
    if (/^-|^ext::/.test(url))
      throw new EdgeError('EDGE_GIT_FAILED', `not an address of a repository: ${url}`, { url });
    const mirror = join(cacheDir, createHash('sha256').update(url).digest('hex').slice(0, 32));
    const isThere = (await host.stat(join(mirror, 'HEAD'))) !== undefined;
    await this.#git(
      isThere
        ? ['--git-dir', mirror, 'fetch', '--prune', '--quiet']
        : ['clone', '--mirror', '--quiet', '--', url, mirror],
      signal,
    );
    return mirror;
  }

  async #git(args: readonly string[], signal: AbortSignal): Promise<void> {
    const { host, url } = this.#options;
    const command = ['git', '-c', 'core.hooksPath=/dev/null', ...args] as const;
    const result = await host.exec([...command], { timeoutMs: TIMEOUT_MS, env: ENVIRONMENT, signal });
    if (result.exitCode === 0) return;
    const shown = url.replace(/\/\/[^/@]*@/, '//');
    const reason = result.stderr.trim().replaceAll(url, shown).slice(-500);
    throw new EdgeError('EDGE_GIT_FAILED', `cannot fetch ${shown}: ${reason}`, { url: shown, reason });
  }
}

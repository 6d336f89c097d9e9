import type { HostReader } from '../host/index.ts';
import { EdgeError } from '../kernel/index.ts';
import { contentDigest } from './content-digest.ts';
import type { FileEntry, FileHandle, FileSource } from './contract.ts';
import { type GitBlob, parseTree, pathsOfTree, resolveInTree } from './git-tree.ts';
import { belowMount, comparePaths, normalizePath, parseFileUri } from './uri.ts';

/** Which repository is served, and where its copy is kept. */
export interface GitSourceOptions {
  /** Where git runs; only commands that change nothing. */
  readonly host: Pick<HostReader, 'probe'>;
  /** The bare repository (or a `.git` directory) on that host. */
  readonly repository: string;
  /** The branch or tag that is environment `base`. Default `main`. */
  readonly base?: string;
  /** Directory of the repository that is served. Default: its top. */
  readonly root?: string;
  /** Name the files are served under. Default: at the top. */
  readonly mount?: string;
  /** Which refs are environments, where it is not every branch and tag. Makes `base`, `root` and `mount` of no use. */
  readonly environments?: GitEnvironmentsOf;
  /** Refs are read again only after `forgetRefs`, for a copy that nobody but its owner changes. Default: at each call. */
  readonly keepRefs?: boolean;
  /** Bytes of content kept in memory. Default 64 MiB. */
  readonly cacheBytes?: number;
}

/** A branch or tag. */
export interface GitRef {
  /** Without `refs/heads/`: `feature/x`. */
  readonly name: string;
  readonly kind: 'branch' | 'tag';
  readonly commit: string;
}

/** What an environment serves. */
export interface GitEnvironment {
  readonly commit: string;
  readonly root: string;
  readonly mount: string;
}

/** Environments by name, in order, from the refs a repository has: branches first. */
export type GitEnvironmentsOf = (refs: readonly GitRef[]) => ReadonlyMap<string, GitEnvironment>;

interface Tree {
  readonly blobs: ReadonlyMap<string, GitBlob>;
  /** path → target of each symlink */
  readonly links: ReadonlyMap<string, string>;
}

/** Blobs fetched by one git process, at most. */
const BATCH_BYTES = 8 * 1024 * 1024;
const KEPT_TREES = 16;

/**
 * Serves a git repository: every branch and tag is an environment (a branch wins over a tag of its name). Refs are read
 * at each call, so what is pushed is seen; trees, contents and digests are kept by their object ids. Symlinks are
 * followed inside `root` only.
 */
export class GitSource implements FileSource {
  readonly #options: GitSourceOptions;
  readonly #environmentsOf: GitEnvironmentsOf;
  #refs: Promise<ReadonlyMap<string, GitEnvironment>> | undefined;
  /** commit and root → tree, least recently used first */
  readonly #trees = new Map<string, Promise<Tree>>();
  /** blob id → `sha256:…` */
  readonly #digests = new Map<string, string>();
  /** blob id → content, least recently used first */
  readonly #contents = new Map<string, Uint8Array>();
  #contentBytes = 0;

  constructor(options: GitSourceOptions) {
    this.#options = options;
    const place = { root: normalizePath(options.root ?? '') ?? '', mount: options.mount ?? '' };
    this.#environmentsOf = options.environments ?? ((refs) => everyRef(refs, options.base ?? 'main', place));
  }

  /** Has the refs read again at the next call. */
  forgetRefs(): void {
    this.#refs = undefined;
  }

  async environments(): Promise<readonly string[]> {
    return [...(await this.#environments()).keys()];
  }

  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    const place = parseFileUri(uri, env);
    const environment = (await this.#environments()).get(place.env);
    if (environment === undefined) return undefined;
    const below = belowMount(place.path, environment.mount);
    if (below === undefined) return undefined;
    const tree = await this.#treeOf(environment);
    const found = resolveInTree(tree.blobs, tree.links, below);
    if (found.kind === 'absent') return undefined;
    if (found.kind === 'outside') {
      const message = `${place.path}: a symlink leads out of the repository's root`;
      throw new EdgeError('EDGE_FILES_OUTSIDE_ROOT', message, { path: place.path, env: place.env });
    }
    const { blob } = found;
    return { ...(await this.#entry(place.path, blob)), read: () => this.#content(blob) };
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    const environment = (await this.#environments()).get(env);
    if (environment === undefined) return;
    const tree = await this.#treeOf(environment);
    const mount = environment.mount === '' ? '' : `${environment.mount}/`;
    const wanted = pathsOfTree(tree.blobs, tree.links)
      .map((below) => ({ path: mount + below, found: resolveInTree(tree.blobs, tree.links, below) }))
      .filter(({ path }) => path.startsWith(prefix))
      .sort((a, b) => comparePaths(a.path, b.path));
    await this.#fetchDigests(wanted.flatMap(({ found }) => (found.kind === 'blob' ? [found.blob] : [])));
    for (const { path, found } of wanted) if (found.kind === 'blob') yield await this.#entry(path, found.blob);
  }

  #environments(): Promise<ReadonlyMap<string, GitEnvironment>> {
    const { keepRefs = false } = this.#options;
    if (keepRefs && this.#refs !== undefined) return this.#refs;
    const refs = this.#readRefs().then(this.#environmentsOf);
    this.#refs = refs;
    // A failed read is not remembered.
    refs.catch(() => {
      if (this.#refs === refs) this.#refs = undefined;
    });
    return refs;
  }

  async #readRefs(): Promise<readonly GitRef[]> {
    const format = '--format=%(refname) %(objectname) %(*objectname)';
    const { stdout } = await this.#git(['for-each-ref', format, 'refs/heads', 'refs/tags']);
    return parseRefs(stdout);
  }

  async #treeOf({ commit, root }: GitEnvironment): Promise<Tree> {
    const key = `${commit}:${root}`;
    const tree = this.#trees.get(key) ?? this.#readTree(commit, root);
    this.#trees.delete(key);
    this.#trees.set(key, tree);
    if (this.#trees.size > KEPT_TREES) this.#trees.delete(this.#trees.keys().next().value!);
    // A failed read is not remembered.
    tree.catch(() => this.#trees.delete(key));
    return await tree;
  }

  async #readTree(commit: string, root: string): Promise<Tree> {
    const { stdout } = await this.#git(['ls-tree', '-r', '-z', '-l', '--full-tree', commit]);
    const blobs = new Map<string, GitBlob>();
    for (const blob of parseTree(stdout)) {
      const path = belowMount(blob.path, root);
      if (path !== undefined) blobs.set(path, { ...blob, path });
    }
    const symlinks = [...blobs.values()].filter(({ kind }) => kind === 'symlink');
    await this.#fetchDigests(symlinks);
    const links = new Map<string, string>();
    for (const link of symlinks) links.set(link.path, Buffer.from(await this.#content(link)).toString());
    return { blobs, links };
  }

  async #entry(path: string, blob: GitBlob): Promise<FileEntry> {
    await this.#fetchDigests([blob]);
    return { path, digest: this.#digests.get(blob.oid)!, sizeBytes: blob.sizeBytes, mode: blob.mode };
  }

  async #content(blob: GitBlob): Promise<Uint8Array> {
    const known = this.#contents.get(blob.oid);
    if (known === undefined) return (await this.#fetch([blob])).get(blob.oid)!;
    this.#contents.delete(blob.oid);
    this.#contents.set(blob.oid, known);
    return known;
  }

  async #fetchDigests(blobs: readonly GitBlob[]): Promise<void> {
    let batch: GitBlob[] = [];
    let bytes = 0;
    const unknown = new Map(blobs.filter(({ oid }) => !this.#digests.has(oid)).map((blob) => [blob.oid, blob]));
    for (const blob of unknown.values()) {
      if (batch.length > 0 && bytes + blob.sizeBytes > BATCH_BYTES) {
        await this.#fetch(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(blob);
      bytes += blob.sizeBytes;
    }
    if (batch.length > 0) await this.#fetch(batch);
  }

  /** Reads blobs with one process and remembers their digests and, within the limit, their contents. */
  async #fetch(blobs: readonly GitBlob[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const bytes = blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes + 128, 0);
    const stdin = blobs.map(({ oid }) => `${oid}\n`).join('');
    const { stdoutBytes } = await this.#git(['cat-file', '--batch'], { stdin, maxOutputBytes: bytes });
    const contents = new Map<string, Uint8Array>();
    let at = 0;
    for (const { oid } of blobs) {
      const lineEnd = stdoutBytes.indexOf(10, at);
      const header = Buffer.from(stdoutBytes.subarray(at, lineEnd)).toString();
      const match = /^[0-9a-f]+ blob (\d+)$/.exec(header);
      if (!match) throw this.#failed('cat-file', `object ${oid}: ${header}`);
      const content = stdoutBytes.slice(lineEnd + 1, lineEnd + 1 + Number(match[1]));
      at = lineEnd + 2 + Number(match[1]);
      contents.set(oid, content);
      this.#digests.set(oid, contentDigest(content));
      this.#keep(oid, content);
    }
    return contents;
  }

  #keep(oid: string, content: Uint8Array): void {
    const limit = this.#options.cacheBytes ?? 64 * 1024 * 1024;
    if (content.length > limit || this.#contents.has(oid)) return;
    this.#contents.set(oid, content);
    this.#contentBytes += content.length;
    for (const [oldest, bytes] of this.#contents) {
      if (this.#contentBytes <= limit) break;
      this.#contents.delete(oldest);
      this.#contentBytes -= bytes.length;
    }
  }

  async #git(
    args: readonly string[],
    options: { readonly stdin?: string; readonly maxOutputBytes?: number } = {},
  ): Promise<{ readonly stdout: string; readonly stdoutBytes: Uint8Array }> {
    const result = await this.#options.host.probe(['git', '--git-dir', this.#options.repository, ...args], {
      timeoutMs: 60_000,
      maxOutputBytes: 256 * 1024 * 1024,
      env: { GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0' },
      ...options,
    });
    if (result.exitCode !== 0) throw this.#failed(args[0]!, result.stderr.trim());
    if (result.truncated) throw this.#failed(args[0]!, 'the answer is too long');
    return result;
  }

  #failed(command: string, reason: string): EdgeError {
    const { repository } = this.#options;
    return new EdgeError(
      'EDGE_GIT_FAILED',
      `git ${command} on ${repository}: ${reason}`,
      { repository, command, reason },
      { hint: `Try 'git --git-dir ${repository} for-each-ref' as the user Edge runs as.` },
    );
  }
}

/** Reads `git for-each-ref` in the format that `GitSource` asks for; branches come first. */
export function parseRefs(output: string): readonly GitRef[] {
  return output.split('\n').flatMap((line): GitRef[] => {
    const match = /^refs\/(heads|tags)\/(.+) ([0-9a-f]+) ([0-9a-f]*)$/.exec(line);
    if (match === null) return [];
    const [, kind, name, object, commit] = match;
    return [{ name: name!, kind: kind === 'heads' ? 'branch' : 'tag', commit: commit || object! }];
  });
}

/** Every branch and tag by its own name, but the one that is `base`, which comes first. */
function everyRef(
  refs: readonly GitRef[],
  base: string,
  place: { readonly root: string; readonly mount: string },
): ReadonlyMap<string, GitEnvironment> {
  const found = new Map<string, GitEnvironment>();
  for (const { name, commit } of refs) if (!found.has(name)) found.set(name, { commit, ...place });
  const first = found.get(base);
  if (first === undefined) return found;
  found.delete(base);
  return new Map([['base', first], ...[...found].filter(([name]) => name !== 'base')]);
}

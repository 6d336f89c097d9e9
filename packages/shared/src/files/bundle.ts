import { createHash } from 'node:crypto';
import { EdgeError } from '../kernel/index.ts';
import type { FileEntry, FileHandle, FileSource } from './contract.ts';
import { comparePaths, parseFileUri } from './uri.ts';

/** `sha256:<hex>` of a set of files: their paths, digests and modes, in whatever order they come. */
export function bundleDigest(files: Iterable<FileEntry>): string {
  const hash = createHash('sha256');
  for (const { path, digest, mode } of [...files].sort((a, b) => comparePaths(a.path, b.path))) {
    hash.update(`${path}\0${digest}\0${mode.toString(8)}\n`);
  }
  return `sha256:${hash.digest('hex')}`;
}

/** What a source held at one time: environment → its files, sorted by path. Contents are named by digest. */
export type FileBundle = Readonly<Record<string, readonly FileEntry[]>>;

/** Lists the environments named, each as it is now; one that does not exist holds no files. */
export async function listBundle(source: FileSource, environments: readonly string[]): Promise<FileBundle> {
  const bundle: Record<string, readonly FileEntry[]> = {};
  for (const env of [...new Set(environments)].sort()) {
    const entries: FileEntry[] = [];
    for await (const { path, digest, sizeBytes, mode } of source.list('', env))
      entries.push({ path, digest, sizeBytes, mode });
    bundle[env] = entries;
  }
  return bundle;
}

/** What a bundle is served with. */
export interface BundledFilesOptions {
  /** Read once, at the first use. @throws EdgeError when it is not kept any more */
  readonly bundle: () => Promise<FileBundle>;
  /** The files as they are now: what has not changed since is read there, and environments that are not in the bundle. */
  readonly current: FileSource;
  /** A content that was kept; undefined where it is not. */
  readonly kept: (entry: FileEntry) => Promise<Uint8Array | undefined>;
}

/** Environment → path → file. */
type Indexes = ReadonlyMap<string, ReadonlyMap<string, FileEntry>>;

/** Serves files as they were when their bundle was listed, whatever became of them since. */
export class BundledFiles implements FileSource {
  readonly #options: BundledFilesOptions;
  #indexes: Promise<Indexes> | undefined;

  constructor(options: BundledFilesOptions) {
    this.#options = options;
  }

  async environments(): Promise<readonly string[]> {
    return this.#options.current.environments();
  }

  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    const place = parseFileUri(uri, env);
    const index = (await this.#index()).get(place.env);
    if (index === undefined) return this.#options.current.open(uri, env);
    const entry = index.get(place.path);
    if (entry !== undefined) return { ...entry, read: () => this.#read(entry, place.env) };
    // What may not be served is in no list: whoever asks for it is told why.
    await this.#options.current.open(uri, env);
    return undefined;
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    const index = (await this.#index()).get(env);
    if (index === undefined) yield* this.#options.current.list(prefix, env);
    else for (const entry of index.values()) if (entry.path.startsWith(prefix)) yield entry;
  }

  async #read(entry: FileEntry, env: string): Promise<Uint8Array> {
    const current = await this.#options.current.open(entry.path, env).catch(() => undefined);
    if (current?.digest === entry.digest) return current.read();
    const kept = await this.#options.kept(entry);
    if (kept !== undefined) return kept;
    throw new EdgeError(
      'EDGE_FILE_CHANGED',
      `${entry.path} (${env}) is not what it was when the run was planned, and that content is not kept`,
      { path: entry.path, env, digest: entry.digest, sizeBytes: entry.sizeBytes },
      { hint: 'Go on with the files of today: edge-run orch retry RUN --with-current' },
    );
  }

  #index(): Promise<Indexes> {
    this.#indexes ??= this.#options.bundle().then(indexesOf, (error: unknown) => {
      this.#indexes = undefined; // the next use asks again
      throw error;
    });
    return this.#indexes;
  }
}

function indexesOf(bundle: FileBundle): Indexes {
  return new Map(
    Object.entries(bundle).map(([env, entries]) => [env, new Map(entries.map((entry) => [entry.path, entry]))]),
  );
}

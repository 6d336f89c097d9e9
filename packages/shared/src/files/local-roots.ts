import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { createReadStream } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EdgeError } from '../kernel/index.ts';
import type { FileEntry, FileHandle, FileSource } from './contract.ts';
import { belowMount, comparePaths, parseFileUri } from './uri.ts';

/** A directory whose files are served, at the top or below a name of its own. */
export interface LocalRoot {
  readonly directory: string;
  /** `orch` serves the directory's `x.sls` as `salt://orch/x.sls`. Default: at the top. */
  readonly mount?: string;
}

/** Environment → its roots, searched in order. `__env__` stands for every environment not named. */
export type LocalRootsByEnv = Readonly<Record<string, readonly LocalRoot[]>>;

const ANY_ENV = '__env__';
/** Files of a list that are looked at together. */
const LOOKED_AT_ONCE = 64;

/** Roots given as directories alone, as `file_roots` and `pillar_roots` of a configuration are. */
export function rootsOf(directories: Readonly<Record<string, readonly string[]>>): LocalRootsByEnv {
  return Object.fromEntries(
    Object.entries(directories).map(([env, folders]) => [env, folders.map((directory) => ({ directory }))]),
  );
}

/**
 * Serves directories of this machine. The first root that has a path wins. A symlink is followed inside its root only:
 * opening one that leads out is `EDGE_FILES_OUTSIDE_ROOT`, and lists leave it out. Digests are kept until a file's
 * inode, size or times change.
 */
export class LocalRoots implements FileSource {
  readonly #roots: LocalRootsByEnv;
  /** real path → stamp and digest */
  readonly #digests = new Map<string, { readonly stamp: string; readonly digest: string }>();

  constructor(roots: LocalRootsByEnv) {
    this.#roots = roots;
  }

  async environments(): Promise<readonly string[]> {
    return Object.keys(this.#roots).filter((env) => env !== ANY_ENV);
  }

  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    const place = parseFileUri(uri, env);
    for (const root of this.#rootsOf(place.env)) {
      const below = belowMount(place.path, root.mount ?? '');
      const handle = below ? await this.#openIn(root, below, place.path) : undefined;
      if (handle) return handle;
    }
    return undefined;
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    const found = new Map<string, FileEntry>();
    for (const root of this.#rootsOf(env)) {
      const base = await realpath(root.directory).catch(absent);
      if (base === undefined) continue;
      const mount = root.mount === undefined ? '' : `${root.mount}/`;
      const places = await walk({ base, prefix, mount }, '', base, new Set([base]));
      const fresh = places.filter(({ path }) => !found.has(path) && path.startsWith(prefix));
      for (let first = 0; first < fresh.length; first += LOOKED_AT_ONCE) {
        const group = fresh.slice(first, first + LOOKED_AT_ONCE);
        const handles = await Promise.all(group.map(({ path, real }) => this.#handle(path, real)));
        for (const handle of handles) if (handle !== undefined) found.set(handle.path, entryOf(handle));
      }
    }
    yield* [...found.values()].sort((a, b) => comparePaths(a.path, b.path));
  }

  #rootsOf(env: string): readonly LocalRoot[] {
    if (env === ANY_ENV) return [];
    if (Object.hasOwn(this.#roots, env)) return this.#roots[env]!;
    const any = this.#roots[ANY_ENV] ?? [];
    return any.map((root) => ({ ...root, directory: root.directory.replaceAll(ANY_ENV, env) }));
  }

  async #openIn(root: LocalRoot, below: string, path: string): Promise<FileHandle | undefined> {
    const base = await realpath(root.directory).catch(absent);
    const real = base === undefined ? undefined : await realpath(join(base, below)).catch(absent);
    if (base === undefined || real === undefined) return undefined;
    if (!isInside(real, base)) {
      throw new EdgeError(
        'EDGE_FILES_OUTSIDE_ROOT',
        `${path}: a symlink leads out of ${root.directory}, to ${real}`,
        { path, root: root.directory, target: real },
        { hint: 'Copy the file into the root, or serve its directory as a root of its own.' },
      );
    }
    return this.#handle(path, real);
  }

  /** Of a place that may be served. */
  async #handle(path: string, real: string): Promise<FileHandle | undefined> {
    const stats = await stat(real, { bigint: true }).catch(absent);
    if (!stats?.isFile()) return undefined;
    const digest = await this.#digestOf(real, stats);
    const mode = Number(stats.mode & 0o7777n);
    return { path, digest, sizeBytes: Number(stats.size), mode, read: () => readFile(real).catch(refused) };
  }

  async #digestOf(real: string, stats: BigIntStats): Promise<string> {
    const stamp = `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
    const known = this.#digests.get(real);
    if (known?.stamp === stamp) return known.digest;
    const hash = createHash('sha256');
    await pipeline(createReadStream(real), hash).catch(refused);
    const digest = `sha256:${hash.digest('hex')}`;
    this.#digests.set(real, { stamp, digest });
    return digest;
  }
}

/** What is walked through, and which part of it. */
interface Walk {
  /** The real directory of a root. */
  readonly base: string;
  readonly prefix: string;
  readonly mount: string;
}

/** A file as it is served, and where it really is. */
interface Place {
  readonly path: string;
  readonly real: string;
}

/**
 * The files below a directory of a root; `real` is where that directory is. `open` holds the real directories above,
 * which a symlink may not re-enter. Only symlinks have to be asked where they lead: the rest is where it seems to be.
 */
async function walk(of: Walk, below: string, real: string, open: ReadonlySet<string>): Promise<Place[]> {
  // A directory that goes while its parent is read held no files.
  const entries = (await readdir(real, { withFileTypes: true }).catch(absent)) ?? [];
  const found: (Place[] | Promise<Place[]>)[] = [];
  for (const entry of entries) {
    if (entry.name === '.git') continue;
    const inside = below === '' ? entry.name : `${below}/${entry.name}`;
    const path = of.mount + inside;
    if (!path.startsWith(of.prefix) && !of.prefix.startsWith(`${path}/`)) continue;
    const place = join(real, entry.name);
    if (entry.isFile()) found.push([{ path, real: place }]);
    else if (entry.isDirectory()) found.push(walk(of, inside, place, new Set([...open, place])));
    else if (entry.isSymbolicLink()) found.push(walkLink(of, inside, place, open));
  }
  return (await Promise.all(found)).flat();
}

/** What a symlink leads to, where that is inside its root. */
async function walkLink(of: Walk, below: string, link: string, open: ReadonlySet<string>): Promise<Place[]> {
  const real = await realpath(link).catch(absent);
  if (real === undefined || !isInside(real, of.base)) return [];
  const stats = await stat(real).catch(absent);
  if (stats?.isFile()) return [{ path: of.mount + below, real }];
  if (!stats?.isDirectory() || open.has(real)) return [];
  return walk(of, below, real, new Set([...open, real]));
}

function entryOf({ path, digest, sizeBytes, mode }: FileHandle): FileEntry {
  return { path, digest, sizeBytes, mode };
}

function isInside(path: string, base: string): boolean {
  return path === base || path.startsWith(base.endsWith(sep) ? base : base + sep);
}

/** What is not there, or a symlink in a circle, is an expected answer; everything else is passed on. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ELOOP') return undefined;
  throw readable(error);
}

/** Says what the operating system refused, and to whom. */
function readable(error: NodeJS.ErrnoException): Error {
  if (error.code !== 'EACCES' && error.code !== 'EPERM') return error;
  const path = error.path ?? '';
  const hint = `Let the user Edge runs as (uid ${process.getuid?.() ?? '?'}) read it and enter the directories above it.`;
  return new EdgeError('EDGE_PERMISSION_DENIED', `${path} may not be read`, { path }, { hint, cause: error });
}

/** Passes a failure on, as something a user can act on. */
function refused(error: NodeJS.ErrnoException): never {
  throw readable(error);
}

import { type Dirent, realpathSync, type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type FileEntry,
  type FileHandle,
  type FileSource,
  LocalRoots,
  type LocalRootsByEnv,
} from '@edge-run/shared/files';
import { isBelow } from './tree.ts';

/** Folders nobody keeps states in. */
const LEFT_OUT: ReadonlySet<string> = new Set(['.git', 'node_modules']);
/** More files than any tree of states has: whoever has more has named the wrong folder. */
const MOST_FILES = 20_000;

/**
 * Local roots whose lists do not read the files: nobody compares contents during a check, so entries of lists have no
 * digest. At most 20,000 files of a root are listed; folders that cannot be read are left out.
 */
export class WalkedRoots implements FileSource {
  readonly #roots: LocalRootsByEnv;
  readonly #files: LocalRoots;

  constructor(roots: LocalRootsByEnv) {
    this.#roots = roots;
    this.#files = new LocalRoots(roots);
  }

  open(uri: string, env: string): Promise<FileHandle | undefined> {
    return this.#files.open(uri, env);
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    const found = new Map<string, FileEntry>();
    for (const { directory, mount } of this.#roots[env] ?? []) {
      const base = statOf(directory) === undefined ? undefined : realpathSync(directory);
      if (base === undefined) continue;
      const above = mount === undefined ? '' : `${mount}/`;
      for (const { path, stats } of await walk(base)) {
        const served = above + path;
        if (!served.startsWith(prefix) || found.has(served)) continue;
        found.set(served, { path: served, digest: '', sizeBytes: stats.size, mode: stats.mode & 0o7777 });
      }
    }
    yield* [...found.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  environments(): Promise<readonly string[]> {
    return this.#files.environments();
  }
}

interface Walked {
  readonly path: string;
  readonly stats: Stats;
}

/** Files below a folder. Links are followed within it, none in a circle. */
async function walk(base: string): Promise<readonly Walked[]> {
  const found: Walked[] = [];
  const waiting: { readonly path: string; readonly open: readonly string[] }[] = [{ path: '', open: [base] }];
  for (let at = waiting.pop(); at !== undefined && found.length < MOST_FILES; at = waiting.pop()) {
    for (const entry of await entriesOf(join(base, at.path))) {
      if (LEFT_OUT.has(entry.name)) continue;
      const path = at.path === '' ? entry.name : `${at.path}/${entry.name}`;
      const stats = statOf(join(base, path));
      if (stats?.isFile() === true) found.push({ path, stats });
      if (stats?.isDirectory() !== true) continue;
      const real = entry.isSymbolicLink() ? realpathSync(join(base, path)) : join(at.open.at(-1)!, entry.name);
      if (isBelow(real, base) && !at.open.includes(real)) waiting.push({ path, open: [...at.open, real] });
    }
  }
  return found;
}

async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    // What cannot be read cannot be checked either; the rest can.
    return [];
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    // A link that leads nowhere, or a file that has gone meanwhile.
    return undefined;
  }
}

import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { compileGlob, matchTarget, parseTarget } from '../../target/index.ts';
import { PyMap } from '../../values/index.ts';
import type { ExternalPillarRequest } from '../compile.ts';
import { mergeMaps } from '../merge.ts';
import { defineExternal, type ExternalServices } from './contract.ts';

const settings = z.strictObject({
  root_dir: z.string().describe('Folder with `hosts/ID/…` and `nodegroups/NAME/…`.'),
  follow_dir_links: z.boolean().default(false).describe('Whether links to folders are followed.'),
  keep_newline: z
    .union([z.boolean(), z.array(z.string())])
    .default(false)
    .describe('Whether the last line end of a file is kept; or globs of the files where it is.'),
});

/** Bytes of all files of one host together. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Folders are keys, files are values: text where it is UTF-8, bytes where not. (Salt 3006 pillar/file_tree.py.) */
export const fileTree = defineExternal<z.output<typeof settings>>({
  name: 'file_tree',
  summary: 'Folders of the master: names are keys, contents of files are values.',
  settings,
  create(given, services) {
    const root = services.resolvePath(given.root_dir);
    return {
      async fetch(request, signal) {
        if (!(await isDirectory(root)))
          throw new EdgeError('EDGE_FILE_NOT_FOUND', `there is no folder ${root}`, { root });
        const reader = new TreeReader(root, given, signal);
        let data = new PyMap();
        for (const name of groupsOf(request, services)) {
          data = mergeMaps(data, await reader.read(`nodegroups/${name}`), false);
        }
        // An id is a file name here, and must not lead anywhere else.
        if (/[/\\\0]|^\.{1,2}$/.test(request.id)) throw new EdgeError('EDGE_BAD_ARGUMENT', `not an id: ${request.id}`);
        return { data: mergeMaps(data, await reader.read(`hosts/${request.id}`), false) };
      },
    };
  },
});

/** Nodegroups the host is in, in the order of the configuration. */
function groupsOf({ id, grains, pillar }: ExternalPillarRequest, { nodegroups }: ExternalServices): readonly string[] {
  return Object.keys(nodegroups).filter((name) => {
    const target = parseTarget(name, 'nodegroup');
    return target.value !== undefined && matchTarget(target.value, { id, grains, pillar }, { nodegroups });
  });
}

class TreeReader {
  readonly #root: string;
  readonly #settings: z.output<typeof settings>;
  readonly #signal: AbortSignal;
  #bytes = 0;

  constructor(root: string, given: z.output<typeof settings>, signal: AbortSignal) {
    this.#root = root;
    this.#settings = given;
    this.#signal = signal;
  }

  /** The tree below a folder; empty where there is none. */
  async read(path: string, open: readonly string[] = []): Promise<PyMap> {
    const tree = new PyMap();
    const entries = await readdir(join(this.#root, path), { withFileTypes: true }).catch(absent);
    for (const entry of (entries ?? []).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      this.#signal.throwIfAborted();
      const below = `${path}/${entry.name}`;
      const kind = await this.#kindOf(entry, below, open);
      if (kind.type === 'folder') tree.set(entry.name, await this.read(below, [...open, kind.identity]));
      if (kind.type === 'file') tree.set(entry.name, await this.#content(below));
    }
    return tree;
  }

  async #kindOf(
    entry: Dirent,
    path: string,
    open: readonly string[],
  ): Promise<{ type: 'folder'; identity: string } | { type: 'file' } | { type: 'neither' }> {
    const found = await stat(join(this.#root, path)).catch(absent);
    if (found?.isFile()) return { type: 'file' };
    if (!found?.isDirectory() || (entry.isSymbolicLink() && !this.#settings.follow_dir_links))
      return { type: 'neither' };
    const identity = `${found.dev}:${found.ino}`;
    if (!open.includes(identity)) return { type: 'folder', identity };
    throw new EdgeError('EDGE_BAD_ARGUMENT', `${join(this.#root, path)} is a link to a folder it lies in`, { path });
  }

  async #content(path: string): Promise<string | Uint8Array> {
    const bytes = await readFile(join(this.#root, path), { signal: this.#signal });
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_BYTES) {
      throw new EdgeError('EDGE_NOT_SUPPORTED', `${this.#root} holds more than ${MAX_BYTES} bytes for one host`);
    }
    const kept = this.#keepsNewline(path) || bytes.at(-1) !== 10 ? bytes : bytes.subarray(0, -1);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(kept);
    } catch {
      return new Uint8Array(kept); // no text: the value is the bytes themselves
    }
  }

  /** Globs are of the path below the folder of the host or nodegroup: `files/testdir/*`. */
  #keepsNewline(path: string): boolean {
    const { keep_newline } = this.#settings;
    if (typeof keep_newline === 'boolean') return keep_newline;
    const below = path.split('/').slice(2).join('/');
    return keep_newline.some((glob) => compileGlob(glob)(below));
  }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(absent))?.isDirectory() ?? false;
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw new EdgeError(
    'EDGE_PERMISSION_DENIED',
    `${error.path ?? ''} cannot be read: ${error.code}`,
    {},
    { cause: error },
  );
}

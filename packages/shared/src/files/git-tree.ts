import { normalizePath } from './uri.ts';

/** A blob of a commit, as `git ls-tree -r -z -l` lists it. */
export interface GitBlob {
  readonly path: string;
  readonly oid: string;
  readonly sizeBytes: number;
  readonly kind: 'file' | 'symlink';
  /** Permission bits: 0o755 or 0o644. */
  readonly mode: number;
}

/** Reads the output of `git ls-tree -r -z -l`; submodules are left out. */
export function parseTree(output: string): readonly GitBlob[] {
  return output
    .split('\0')
    .map((line) => /^(\d{6}) blob ([0-9a-f]+) +(\d+)\t(.+)$/s.exec(line))
    .filter((match) => match !== null)
    .map(([, mode, oid, size, path]) => ({
      path: path!,
      oid: oid!,
      sizeBytes: Number(size),
      kind: mode === '120000' ? 'symlink' : 'file',
      mode: mode === '100755' ? 0o755 : 0o644,
    }));
}

/** What a path of a commit comes to when its symlinks are followed. */
export type Resolved =
  | { readonly kind: 'blob'; readonly blob: GitBlob }
  | { readonly kind: 'absent' }
  | { readonly kind: 'outside' };

/** As many as Linux follows. */
const MAX_SYMLINKS = 40;

/** Follows the symlinks of a path within the tree. `links` maps the path of each symlink to its target. */
export function resolveInTree(
  blobs: ReadonlyMap<string, GitBlob>,
  links: ReadonlyMap<string, string>,
  path: string,
): Resolved {
  let here = path;
  for (let followed = 0; followed <= MAX_SYMLINKS; followed += 1) {
    const link = firstLink(links, here);
    if (link === undefined) {
      const blob = blobs.get(here);
      return blob === undefined ? { kind: 'absent' } : { kind: 'blob', blob };
    }
    const target = links.get(link)!;
    const parent = link.split('/').slice(0, -1).join('/');
    const next = target.startsWith('/') ? undefined : normalizePath(`${parent}/${target}/${here.slice(link.length)}`);
    if (next === undefined) return { kind: 'outside' };
    here = next;
  }
  return { kind: 'absent' };
}

/** Every path of the tree that can be opened, those below symlinks to directories included. */
export function pathsOfTree(
  blobs: ReadonlyMap<string, GitBlob>,
  links: ReadonlyMap<string, string>,
): readonly string[] {
  const paths = [...blobs.values()].filter(({ kind }) => kind === 'file').map(({ path }) => path);
  const found = new Set(paths);
  // A link may show what another link added, so links are gone through until nothing is new.
  for (let round = 0, size = -1; size !== found.size && round < MAX_SYMLINKS; round += 1) {
    size = found.size;
    for (const link of links.keys()) {
      const parent = link.split('/').slice(0, -1).join('/');
      const target = normalizePath(`${parent}/${links.get(link)!}`);
      if (target === undefined || links.get(link)!.startsWith('/')) continue;
      // A link to a directory it lies in would never end.
      if (target === '' || link.startsWith(`${target}/`)) continue;
      for (const path of [...found]) {
        if (path === target) found.add(link);
        else if (path.startsWith(`${target}/`)) found.add(link + path.slice(target.length));
      }
    }
  }
  return [...found];
}

function firstLink(links: ReadonlyMap<string, string>, path: string): string | undefined {
  const parts = path.split('/');
  for (let length = 1; length <= parts.length; length += 1) {
    const head = parts.slice(0, length).join('/');
    if (links.has(head)) return head;
  }
  return undefined;
}

import { EdgeError } from '../../../kernel/index.ts';

/** Archives that can be extracted. */
export type ArchiveFormat = 'tar' | 'zip';

/** How a tar archive is packed. */
export type Packing = 'none' | 'gzip' | 'bzip2' | 'xz' | 'zstd';

/** One thing in an archive. A hard link is a file that has a target. */
export interface ArchiveMember {
  /** Relative, without a slash at its end. */
  readonly path: string;
  readonly kind: 'directory' | 'file' | 'link';
  /** What a symlink or a hard link points to, where the list tells. */
  readonly target?: string;
}

/** What is in an archive. */
export interface ArchiveContents {
  readonly members: readonly ArchiveMember[];
  /** It takes a password to extract it. */
  readonly isEncrypted: boolean;
}

const ENDINGS: Readonly<Record<ArchiveFormat, RegExp>> = {
  tar: /\.(?:tar(?:\.(?:gz|bz2|xz|lzma|zst))?|tgz|tbz2?|txz|tlz|tzst)$/i,
  zip: /\.zip$/i,
};

/** The format a name stands for; undefined where it does not tell. */
export function formatOf(name: string): ArchiveFormat | undefined {
  const path = name.replace(/^(\w+:\/\/[^?#]*)[?#].*$/, '$1');
  return (['tar', 'zip'] as const).find((format) => ENDINGS[format].test(path));
}

/** How a tar archive is packed, by its first bytes. */
export function packingOf(start: Uint8Array): Packing {
  const begins = (...bytes: number[]): boolean => bytes.every((byte, index) => start[index] === byte);
  if (begins(0x1f, 0x8b)) return 'gzip';
  if (begins(0x42, 0x5a, 0x68)) return 'bzip2';
  if (begins(0xfd, 0x37, 0x7a, 0x58, 0x5a) || begins(0x5d, 0x00, 0x00)) return 'xz';
  return begins(0x28, 0xb5, 0x2f, 0xfd) ? 'zstd' : 'none';
}

/** Reads what `tar -t` printed and, behind an empty line, `tar -tv`. @throws EdgeError `EDGE_COMMAND_FAILED` */
export function parseTarList(printed: string): ArchiveContents {
  const { names, lines } = halvesOf(printed);
  const members = names.map((name, index): ArchiveMember => {
    const line = lines[index]!;
    const kind = line.startsWith('d') ? 'directory' : line.startsWith('l') ? 'link' : 'file';
    const target = [' -> ', ' link to '].flatMap((arrow) => {
      const at = line.indexOf(` ${name}${arrow}`);
      return at === -1 || line.endsWith(` ${name}`) ? [] : [line.slice(at + 1 + name.length + arrow.length)];
    })[0];
    if (target === undefined && !line.endsWith(` ${name}`)) throw unreadable(name);
    return { path: name, kind, ...(target === undefined ? {} : { target }) };
  });
  return { members: tidy(members), isEncrypted: false };
}

/** Reads what `unzip -Z1` printed and, behind an empty line, `unzip -Z`. @throws EdgeError `EDGE_COMMAND_FAILED` */
export function parseZipList(printed: string): ArchiveContents {
  const { names, lines } = halvesOf(printed, /^[-?a-zA-Z]\S{6,9} +\d+\.\d +\S+ +\d+ +(\S)\S +\S+ +\S+ +\S+ /);
  const members = names.map((name, index): ArchiveMember => {
    const line = lines[index]!;
    const isDirectory = name.endsWith('/') || line.startsWith('d');
    return { path: name, kind: isDirectory ? 'directory' : line.startsWith('l') ? 'link' : 'file' };
  });
  // The fifth column is text or binary, in capitals where it is encrypted.
  const isEncrypted = lines.some((line) => /^\S+ +\S+ +\S+ +\d+ +[A-Z]/.test(line));
  return { members: tidy(members), isEncrypted };
}

/** The names of a list, and the line about each; `counted` says which lines are about one. */
function halvesOf(printed: string, counted?: RegExp): { names: readonly string[]; lines: readonly string[] } {
  const all = printed.replace(/\n$/, '').split('\n');
  const gap = all.indexOf('');
  const names = gap === -1 ? [] : all.slice(0, gap);
  const lines = all.slice(gap + 1).filter((line) => counted === undefined || counted.test(line));
  if (gap === -1 || names.length !== lines.length) throw unreadable(`${names.length} names, ${lines.length} lines`);
  const strange = names.find((name) => name.includes('\ufffd'));
  if (strange !== undefined) throw unreadable(strange);
  return { names, lines };
}

/** Paths without empty parts and dots; the directory that is extracted into is no member. */
function tidy(members: readonly ArchiveMember[]): readonly ArchiveMember[] {
  return members.flatMap((member) => {
    const parts = member.path.split('/').filter((part) => part !== '' && part !== '.');
    const path = `${member.path.startsWith('/') ? '/' : ''}${parts.join('/')}`;
    return path === '' ? [] : [{ ...member, path }];
  });
}

/** The contents as they are with the first directories of each path left out (`--strip-components`). */
export function withoutFirst(contents: ArchiveContents, count: number): ArchiveContents {
  if (count === 0) return contents;
  const members = contents.members.flatMap((member) => {
    const path = member.path.split('/').slice(count).join('/');
    return path === '' ? [] : [{ ...member, path }];
  });
  return { ...contents, members };
}

/** What `--strip-components` in options of tar says; 0 where they do not (Salt 3006 states/archive.py). */
export function strippedBy(options: string | undefined): number {
  return Number(/--strip(?:-components)?(?:\s+|=)["']?(\d+)["']?/.exec(options ?? '')?.[1] ?? 0);
}

/** The members that would be written outside of the directory that is extracted into, or through a link of the archive. */
export function leaving({ members }: ArchiveContents): readonly string[] {
  const links = new Set(members.filter(({ kind }) => kind === 'link').map(({ path }) => path));
  return members
    .filter(({ path, kind, target }) => {
      if (leads(path) || (kind === 'file' && target !== undefined && leads(target))) return true;
      return (kind !== 'link' && links.has(path)) || above(path).some((directory) => links.has(directory));
    })
    .map(({ path }) => path);
}

/** Every directory of an archive, those among them that only paths of others tell of. */
export function directoriesOf({ members }: ArchiveContents): ReadonlySet<string> {
  return new Set(members.flatMap(({ path, kind }) => (kind === 'directory' ? [...above(path), path] : above(path))));
}

/** What is at the top of an archive, by kind. */
export function topLevel(contents: ArchiveContents): {
  readonly directories: readonly string[];
  readonly others: readonly string[];
} {
  const directories = directoriesOf(contents);
  const top = [...new Set(contents.members.map(({ path }) => path.split('/', 1)[0]!))];
  return {
    directories: top.filter((name) => directories.has(name)),
    others: top.filter((name) => !directories.has(name)),
  };
}

/** unzip takes backslashes of archives from Windows for slashes. */
function leads(path: string): boolean {
  return /^[\\/]/.test(path) || path.split(/[\\/]/).includes('..');
}

function above(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function unreadable(what: string): EdgeError {
  return new EdgeError(
    'EDGE_COMMAND_FAILED',
    `the list of the archive cannot be read: ${what}`,
    {},
    { hint: 'Names of members must be UTF-8 and one line each.' },
  );
}

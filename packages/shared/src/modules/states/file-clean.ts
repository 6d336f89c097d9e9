import { dirname, normalize } from 'node:path/posix';
import type { FileSource } from '../../files/index.ts';
import type { DirectoryEntry, HostReader } from '../../host/index.ts';
import type { Change, ModuleContext, RequiredState } from '../contract/index.ts';
import { bare } from './file-arguments.ts';
import { isIncluded, matchesAny, patternList } from './file-patterns.ts';

/** What of a directory stays when it is cleaned. */
export interface CleanRequest {
  /** The directory as the author wrote it. */
  readonly root: string;
  /** Where it is: the end of its symlinks. */
  readonly real: string;
  /** Paths relative to the directory that the state itself manages. */
  readonly managed: Iterable<string>;
  /** Patterns of relative paths that are left alone. */
  readonly excluded: readonly string[];
}

/** What is there below a directory. */
interface Leftover {
  readonly path: string;
  readonly kind: DirectoryEntry['kind'];
  /** Every path that goes with it. */
  readonly below: readonly string[];
}

/** What cleaning a directory would do. */
export interface Cleaning {
  readonly changes: readonly Change[];
  /** Every path that goes, where it is. */
  readonly gone: ReadonlySet<string>;
}

/** Why a directory cannot be cleaned; undefined: it can. */
export function whyNotClean({ required }: ModuleContext, path: string): string | undefined {
  if (normalize(path).replaceAll('/', '') === '') return 'Refusing to clean "/"';
  if (required !== undefined) return undefined;
  return 'clean: True needs to know what other states manage, so it works in a run of states only';
}

/**
 * Removes what is below a directory and nobody manages: a change for each path that goes, with all that goes with it.
 * Symlinks go themselves. Of the states that the directory requires, those of `file` keep their paths; where such a path
 * is a directory, all of it stays, or, of `file.recurse`, what that manages (Salt 3006 states/file.py, _gen_keep_files).
 * Directories that hold something that stays, stay.
 */
export async function cleaning(ctx: ModuleContext, request: CleanRequest): Promise<Cleaning> {
  const { excluded } = request;
  const root = bare(normalize(request.root));
  const real = bare(normalize(request.real));
  const kept = await keptBy(ctx, root, real);
  for (const path of request.managed) keep(kept.paths, path);
  const relative = (path: string): string => path.slice(real.length + 1);
  const { gone } = await sift(ctx.host, real, {
    whole: (path) => kept.whole.has(relative(path)),
    stays: (path) => kept.paths.has(relative(path)) || matchesAny(relative(path), excluded),
  });
  const removed: string[] = [];
  const changes = gone.map(({ path, kind, below: inner }): Change => {
    const all = [path, ...inner].map((one) => root + one.slice(real.length));
    return {
      what: `${all[0]!}: removed${inner.length === 0 ? '' : `, with ${inner.length} below it`}`,
      before: kind,
      after: null,
      changes: Object.fromEntries(all.map((one) => [one, { removed: 'Removed due to clean' }])),
      async apply({ host }) {
        await host.remove(path);
        removed.push(...all);
        return { changes: { removed: [...removed] } };
      },
    };
  });
  return { changes, gone: new Set(gone.flatMap((one) => [one.path, ...one.below])) };
}

interface Kept {
  /** Relative paths, those above them among them. */
  readonly paths: Set<string>;
  /** Relative paths of which everything below stays. */
  readonly whole: Set<string>;
}

/** What the states that are required manage below the directory. */
async function keptBy({ host, files, required = [] }: ModuleContext, root: string, real: string): Promise<Kept> {
  const kept: Kept = { paths: new Set(), whole: new Set() };
  for (const state of required) {
    if (state.state !== 'file' || typeof state.name !== 'string' || !state.name.startsWith('/')) continue;
    const path = bare(normalize(state.name));
    const relative = below(path, root) ?? below(path, real);
    if (relative === undefined) continue;
    const isTree = (await host.stat(path))?.kind === 'directory';
    if (isTree && state.fun === 'recurse')
      for (const one of await recursedPaths(files, state))
        keep(kept.paths, relative === '' ? one : `${relative}/${one}`);
    else if (isTree) kept.whole.add(relative);
    keep(kept.paths, relative);
  }
  return kept;
}

/** The paths, relative to its directory, that a `file.recurse` manages. */
async function recursedPaths(files: FileSource, { args, env }: RequiredState): Promise<readonly string[]> {
  const source = args.get('source');
  if (typeof source !== 'string') return [];
  const [include, exclude] = ['include_pat', 'exclude_pat'].map((name) =>
    patternList.parse(args.get(name) ?? undefined),
  );
  const prefix = sourcePrefix(source);
  const paths: string[] = [];
  for await (const { path } of files.list(prefix, env))
    if (isIncluded(path.slice(prefix.length), include!, exclude!)) paths.push(path.slice(prefix.length));
  return paths;
}

/** Where the files of a tree of the file roots begin: its path with a slash behind. */
export function sourcePrefix(source: string): string {
  return `${source
    .replace(/^(salt|edge):\/\//, '')
    .replace(/\?.*$/, '')
    .replace(/\/+$/, '')}/`;
}

/** Keeps a path and the directories above it. */
function keep(paths: Set<string>, path: string): void {
  for (let at = path; at !== '.' && at !== ''; at = dirname(at)) paths.add(at);
}

/** The path relative to a directory; empty for the directory itself, undefined outside of it. */
function below(path: string, directory: string): string | undefined {
  if (path === directory) return '';
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
}

interface Judge {
  whole(path: string): boolean;
  stays(path: string): boolean;
}

/** What goes of a directory, and whether anything of it stays. */
async function sift(host: HostReader, directory: string, judge: Judge): Promise<{ stays: boolean; gone: Leftover[] }> {
  const gone: Leftover[] = [];
  if (judge.whole(directory)) return { stays: true, gone };
  let stays = false;
  for (const { name, kind } of await host.list(directory)) {
    const path = `${directory}/${name}`;
    const inner = kind === 'directory' ? await sift(host, path, judge) : undefined;
    if (judge.stays(path) || inner?.stays === true) {
      stays = true;
      gone.push(...(inner?.gone ?? []));
    } else {
      gone.push({ path, kind, below: (inner?.gone ?? []).flatMap((one) => [one.path, ...one.below]) });
    }
  }
  return { stays, gone };
}

import { dirname } from 'node:path/posix';
import { z } from 'zod';
import { type FileEntry, type FileHandle, openFiles } from '../../files/index.ts';
import type { FileStat } from '../../host/index.ts';
import { mapBounded } from '../../kernel/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  type ModuleContext,
  refused,
  type StateModule,
} from '../contract/index.ts';
import {
  applyOwnership,
  followLinks,
  isDirectory,
  lookAt,
  makeDirectories,
  mustRun,
  type Ownership,
  walk,
} from '../operations/index.ts';
import { parseMode } from '../text/index.ts';
import {
  asksForPath,
  backupArg,
  bare,
  makedirsArg,
  modeArg,
  ownerArgs,
  ownershipOf,
  pathArg,
  showChangesArg,
  showDiffArg,
  variablesArg,
} from './file-arguments.ts';
import { cleaning, sourcePrefix, whyNotClean } from './file-clean.ts';
import { contentChange, fetchSource, ownershipChange } from './file-content.ts';
import { templateArgs, templateVariables } from './file-managed.ts';
import { isIncluded, patternList } from './file-patterns.ts';

const forceArg = z.boolean().default(false).describe('Replace what is there although it is something else.');

/** Files of a tree that are looked at together: over a slow line that hides its delay. */
const LOOKS_AT_ONCE = 32;

/** `file.directory`. */
export const fileDirectory: StateModule = defineState({
  name: 'file.directory',
  summary: 'Ensure a directory exists with given owner and permissions.',
  effect: 'repair',
  args: z.object({
    name: pathArg,
    ...ownerArgs,
    recurse: z
      .array(z.enum(['user', 'group', 'mode', 'ignore_files', 'ignore_dirs', 'silent']))
      .default([])
      .describe('What to apply to everything below as well.'),
    max_depth: z.number().int().min(0).optional().describe('How many levels below; all where absent.'),
    dir_mode: modeArg.optional().describe('Permissions of directories, octal, in quotes.'),
    file_mode: modeArg.optional().describe('Permissions of files below, with recurse: [mode].'),
    clean: z
      .boolean()
      .default(false)
      .describe('Remove what is below the directory and not managed by a `file` state it requires.'),
    exclude_pat: patternList.describe('With clean, paths to leave: shell patterns, or E@ and a regular expression.'),
    makedirs: makedirsArg,
    force: forceArg,
    follow_symlinks: z.boolean().default(false).describe('Take a symlink to a directory for the directory.'),
    allow_symlink: z.boolean().default(true).describe('A symlink to a directory is fine.'),
    children_only: z.boolean().default(false).describe('With recurse: leave the directory itself alone.'),
    mode: modeArg.optional().describe('The same as dir_mode.'),
  }),
  examples: [
    { title: 'owned by the application', args: { name: '/srv/app', user: 'app', mode: '0755', makedirs: true } },
    { title: 'nothing in it but what required states put there', args: { name: '/etc/app.d', clean: true } },
  ],
  firstLook: (name) => asksForPath(bare(name)),
  async check(args, ctx) {
    const { name } = args;
    if (!name.startsWith('/')) return refused(`Specified file ${name} is not an absolute path`);
    const path = bare(name);
    if (args.clean && args.max_depth !== undefined) return refused('Cannot specify both max_depth and clean');
    const ownership = ownershipOf({ ...args, mode: args.dir_mode ?? args.mode });
    const found = await ctx.host.stat(path);
    const isThere =
      found?.kind === 'directory' ||
      (found?.kind === 'symlink' && args.allow_symlink && (await isDirectory(ctx.host, path)));
    if (found !== undefined && !isThere && !args.force)
      return refused(`Specified location ${path} exists and is a ${found.kind}`);
    if (found === undefined || !isThere)
      return changesOf({
        what: `directory ${path}: exists`,
        before: found?.kind ?? null,
        after: 'directory',
        changes: { [path]: { directory: 'new' } },
        async apply({ host }) {
          if (found !== undefined) await host.remove(path);
          if (args.makedirs) await makeDirectories(host, dirname(path), ownership);
          await mustRun(host, ['mkdir', '--', path], {}, 'Add makedirs: True when the directory above may be missing.');
          await applyOwnership(host, path, ownership);
          return undefined;
        },
      });
    const real = found.kind === 'symlink' ? await followLinks(ctx.host, path) : path;
    const unclean = args.clean ? whyNotClean(ctx, real) : undefined;
    if (unclean !== undefined) return refused(unclean);
    const here = found.kind === 'symlink' ? (await ctx.host.stat(real))! : found;
    const self = args.children_only || rights(path, real, here, ownership);
    const left = args.clean
      ? await cleaning(ctx, { root: path, real, managed: [], excluded: args.exclude_pat })
      : { changes: [], gone: new Set<string>() };
    const inner = args.recurse.length === 0 ? [] : await below(ctx, real, args, ownership, left.gone);
    return changesOf(...left.changes, self, ...inner);
  },
});

async function below(
  { host }: ModuleContext,
  root: string,
  args: { recurse: readonly string[]; max_depth?: number | undefined; file_mode?: string | number | undefined },
  dirs: Ownership,
  gone: ReadonlySet<string>,
): Promise<Change[]> {
  const { recurse } = args;
  const owner = {
    user: recurse.includes('user') ? dirs.user : undefined,
    group: recurse.includes('group') ? dirs.group : undefined,
  };
  const modes = recurse.includes('mode');
  const fileMode = args.file_mode === undefined || !modes ? undefined : parseMode(args.file_mode);
  const changes: Change[] = [];
  for await (const { path, found } of walk(host, root)) {
    const isDir = found.kind === 'directory';
    const depth = path.slice(root.length).split('/').length - 2;
    if (gone.has(path) || (args.max_depth !== undefined && depth > args.max_depth)) continue;
    if (isDir ? recurse.includes('ignore_dirs') : recurse.includes('ignore_files')) continue;
    const wanted = { ...owner, mode: isDir ? (modes ? dirs.mode : undefined) : fileMode };
    const change = rights(path, path, found, wanted);
    if (change !== true) changes.push(change);
  }
  return changes;
}

function rights(name: string, path: string, found: FileStat, wanted: Ownership): Change | true {
  const change = ownershipChange(name, found, wanted, async ({ host }) => {
    await applyOwnership(host, path, wanted);
    return undefined;
  });
  return change === true ? true : { ...change, changes: { [path]: change.changes } };
}

/** `file.recurse`. */
export const fileRecurse: StateModule = defineState({
  name: 'file.recurse',
  summary: 'Ensure a directory holds the files of a tree of the file roots.',
  effect: 'repair',
  args: z.object({
    name: pathArg,
    source: z.string().describe('`salt://` path of a directory.'),
    clean: z
      .boolean()
      .default(false)
      .describe(
        'Remove what is below the directory and neither in the tree nor managed by a `file` state it requires.',
      ),
    ...ownerArgs,
    dir_mode: modeArg.optional().describe('Permissions of directories, octal, in quotes.'),
    file_mode: modeArg.optional().describe('Permissions of files, octal, in quotes; `keep` takes those of the source.'),
    ...templateArgs,
    replace: z.boolean().default(true).describe('False leaves files that exist alone.'),
    backup: backupArg(false),
    include_pat: patternList.describe('Only paths that match: shell patterns, or E@ and a regular expression.'),
    exclude_pat: patternList.describe('Paths to leave out: shell patterns, or E@ and a regular expression.'),
    makedirs: z.boolean().default(true).describe('Make the directories above that are missing.'),
    show_changes: showChangesArg,
    show_diff: showDiffArg,
    keep_source: z.boolean().default(true).describe('Accepted for Salt trees; downloads are not kept.'),
    variables: variablesArg,
  }),
  keywords: 'variables',
  keywordsWith: 'template',
  examples: [
    { title: 'static files', args: { name: '/srv/www', source: 'salt://www', clean: true, file_mode: '0644' } },
  ],
  async check(args, ctx) {
    const { name } = args;
    if (!name.startsWith('/')) return refused(`Specified file ${name} is not an absolute path`);
    const root = name.replace(/\/+$/, '');
    const found = await ctx.host.stat(root);
    if (found !== undefined && !(await isDirectory(ctx.host, root)))
      return refused(`The path ${name} exists and is not a directory`);
    const prefix = sourcePrefix(args.source);
    const wanted = new Set<string>();
    const changes: (Change | true)[] = [];
    const dirs = ownershipOf({ ...args, mode: args.dir_mode });
    const seenDirs = new Set<string>();
    const entries: FileEntry[] = [];
    for await (const entry of ctx.files.list(prefix, ctx.saltenv))
      if (isIncluded(entry.path.slice(prefix.length), args.include_pat, args.exclude_pat)) entries.push(entry);
    const looks: (() => Promise<Change | true>)[] = [];
    for (const file of await openFiles(ctx.files, entries, ctx.saltenv)) {
      const relative = file.path.slice(prefix.length);
      wanted.add(relative);
      for (const dir of parents(relative)) {
        if (seenDirs.has(dir)) continue;
        seenDirs.add(dir);
        looks.push(() => directoryChange(ctx, dir === '' ? root : `${root}/${dir}`, dirs, args.makedirs));
      }
      looks.push(() => fileChange(ctx, args, root, relative, file));
    }
    changes.push(...(await mapBounded(looks, LOOKS_AT_ONCE, (look) => look())));
    if (wanted.size === 0) return refused(`${args.source} holds no files in environment ${ctx.saltenv}`);
    if (args.clean && found !== undefined) {
      const real = await followLinks(ctx.host, root);
      const unclean = whyNotClean(ctx, real);
      if (unclean !== undefined) return refused(unclean);
      changes.push(...(await cleaning(ctx, { root, real, managed: wanted, excluded: args.exclude_pat })).changes);
    }
    return changesOf(...changes);
  },
});

async function directoryChange(
  { host }: ModuleContext,
  path: string,
  wanted: Ownership,
  makedirs: boolean,
): Promise<Change | true> {
  const found = await host.stat(path);
  if (found?.kind === 'directory') return rights(path, path, found, wanted);
  if (found?.kind === 'symlink') return true;
  return {
    what: `directory ${path}: exists`,
    before: null,
    after: 'directory',
    changes: { [path]: { directory: 'new' } },
    async apply({ host: writer }) {
      if (makedirs) await makeDirectories(writer, path, wanted);
      else await mustRun(writer, ['mkdir', '--', path]);
      await applyOwnership(writer, path, wanted);
      return undefined;
    },
  };
}

interface RecurseArgs {
  readonly user?: string | undefined;
  readonly group?: string | undefined;
  readonly file_mode?: string | number | undefined;
  readonly template?: string | undefined;
  readonly replace: boolean;
  readonly backup: string | boolean;
  readonly show_changes: boolean;
  readonly show_diff: boolean;
}

async function fileChange(
  ctx: ModuleContext,
  args: RecurseArgs & Parameters<typeof templateVariables>[0],
  root: string,
  relative: string,
  file: FileHandle,
): Promise<Change | true> {
  const path = `${root}/${relative}`;
  const target = await lookAt(ctx.host, path, { followLinks: false });
  const { stat: found } = target;
  const ownership = ownershipOf({ ...args, mode: args.file_mode === 'keep' ? undefined : args.file_mode });
  const wanted = args.file_mode === 'keep' ? { ...ownership, mode: file.mode } : ownership;
  const own = found === undefined || rights(path, path, found, wanted);
  if (found !== undefined && !args.replace) return own;
  const content = await fetchSource(ctx, {
    sources: [`salt://${file.path}`],
    opened: file,
    sourceHash: undefined,
    skipVerify: true,
    template: args.template,
    variables: templateVariables(args),
  });
  const change = await contentChange(ctx, {
    name: path,
    found: target,
    content,
    ownership: wanted,
    makedirs: false,
    backup: args.backup,
    showChanges: args.show_changes && args.show_diff,
  });
  return change === true ? own : { ...change, changes: { [path]: change.changes } };
}

/** The directories above a relative path, outermost first; the root is empty. */
function parents(relative: string): string[] {
  const parts = relative.split('/').slice(0, -1);
  return ['', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

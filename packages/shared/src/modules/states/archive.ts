import { normalize } from 'node:path/posix';
import { z } from 'zod';
import type { Host, HostReader } from '../../host/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import { isDirectory, makeDirectories, mustProbe, mustRun } from '../operations/index.ts';
import {
  type ArchiveContents,
  type ArchiveFormat,
  directoriesOf,
  extractArchive,
  formatOf,
  giveUsualRights,
  kindsBelow,
  leaving,
  listArchive,
  missingProgram,
  packingFor,
  strippedBy,
  topLevel,
  withoutFirst,
} from '../providers/archive/index.ts';
import { type FoundArchive, findArchive, readRecord, writeRecord } from './archive-source.ts';
import { bare, ownerArgs, ownershipOf } from './file-arguments.ts';

/** Files of `extracted_files` where `trim_output` is true. */
const TRIMMED = 100;
/** Paths that one command is given. */
const PATHS_AT_ONCE = 500;
/** Paths that a sentence names. */
const NAMED = 10;

const accepted = (why: string): z.ZodDefault<z.ZodBoolean> =>
  z.boolean().default(true).describe(`Accepted for Salt trees; ${why}.`);

const schema = z.object({
  name: z.string().describe('Absolute path of the directory to extract into.'),
  source: z
    .union([z.string(), z.array(z.string()).min(1)])
    .transform((source) => (typeof source === 'string' ? [source] : source))
    .describe('`salt://` path, path on the host or http address; a list: the first that exists.'),
  source_hash: z
    .string()
    .optional()
    .describe('Digest the archive must have: sha256=<hex>, or the address of a file of digests.'),
  source_hash_name: z.string().optional().describe('Name of the archive in a file of digests.'),
  source_hash_update: z
    .boolean()
    .default(false)
    .describe('Extract when another version than this was extracted last, although every member is there.'),
  skip_files_list_verify: z
    .boolean()
    .default(false)
    .describe('Where this very version was extracted last, do not look whether every member is still there.'),
  skip_verify: z.boolean().default(false).describe('Take an http source without a digest.'),
  keep_source: accepted('downloads are not kept'),
  keep: accepted('downloads are not kept'),
  password: z.string().optional().describe('Password of a zip archive.'),
  options: z.string().optional().describe('More options for tar or unzip: `--strip-components=1`.'),
  list_options: z.string().optional().describe('Options with which tar can list an archive it does not know.'),
  force: z
    .boolean()
    .default(false)
    .describe('Remove what is something else than in the archive: a file for a directory.'),
  overwrite: z
    .boolean()
    .default(false)
    .describe('Extract over what is there, where another version than this was extracted last.'),
  clean: z
    .boolean()
    .default(false)
    .describe('When it is extracted, first remove what has a name at the top of the archive, with everything in it.'),
  clean_parent: z
    .boolean()
    .default(false)
    .describe('When it is extracted, first remove the directory itself, with everything in it.'),
  ...ownerArgs,
  if_missing: z.string().optional().describe('Absolute path; nothing is done when it is there.'),
  trim_output: z
    .union([z.boolean(), z.coerce.number().int().min(0)])
    .default(false)
    .describe('Most members the return lists; true: 100.'),
  use_cmd_unzip: z.boolean().optional().describe('Accepted for Salt trees; zip archives are extracted by unzip.'),
  extract_perms: z.boolean().default(true).describe('Of zip archives: false gives the permissions new files have.'),
  enforce_toplevel: z.boolean().default(true).describe('Refuse an archive with more than one directory at its top.'),
  enforce_ownership_on: z
    .string()
    .optional()
    .describe('Path below the directory that is to belong to user and group, instead of all there is in the archive.'),
  archive_format: z.string().optional().describe('tar or zip; by the name of the source where absent.'),
});
type Args = z.output<typeof schema>;

/** Archives that are extracted. */
export const archiveStates: readonly StateModule[] = [
  defineState({
    name: 'archive.extracted',
    summary: 'Ensure an archive is extracted into a directory.',
    effect: 'repair',
    args: schema,
    examples: [
      {
        title: 'a release from the web',
        args: {
          name: '/opt',
          source: 'https://example.com/app-1.2.tar.gz',
          source_hash: `sha256=${'0'.repeat(64)}`,
          user: 'app',
        },
      },
      {
        title: 'without its top directory',
        args: {
          name: '/srv/app',
          source: 'salt://app.tar.xz',
          options: '--strip-components=1',
          enforce_toplevel: false,
        },
      },
    ],
    async check(args, ctx) {
      const problem = wrongArguments(args);
      if (problem !== undefined) return refused(problem);
      const { host } = ctx;
      const into = bare(normalize(args.name));
      if (args.if_missing !== undefined && (await host.stat(args.if_missing)) !== undefined)
        return inSync(`Path ${args.if_missing} exists`);
      const there = await host.stat(into);
      if (there !== undefined && !(await isDirectory(host, into)))
        return refused(`${into} exists and is not a directory`);
      const archive = await findArchive(ctx, {
        sources: args.source,
        sourceHash: args.source_hash,
        sourceHashName: args.source_hash_name,
        skipVerify: args.skip_verify,
      });
      const format = formatNamed(args.archive_format ?? formatOf(archive.source));
      const wrong = format === undefined ? whichFormat(archive.source) : wrongForFormat(args, format);
      if (format === undefined || wrong !== undefined) return refused(wrong!);
      return await look(args, ctx, { into, isThere: there !== undefined, archive, format });
    },
  }),
];

interface Target {
  readonly into: string;
  readonly isThere: boolean;
  readonly archive: FoundArchive;
  readonly format: ArchiveFormat;
}

async function look(args: Args, ctx: ModuleContext, target: Target): Promise<Verdict> {
  const { host, signal } = ctx;
  const { into, archive, format } = target;
  const record = await readRecord(ctx, into, archive.source);
  const isKnown = record?.version === archive.version;
  if (isKnown && args.skip_files_list_verify) return inSync(`${archive.source} is the version extracted last`);
  let whole = isKnown ? record.contents : undefined;
  if (whole === undefined) {
    const file = await archive.file();
    const program = await missingProgram(host, format, await packingFor(host, format, file));
    if (program !== undefined) return changesOf(withoutProgram(archive.source, program));
    whole = await listArchive(host, { format, file, options: args.list_options, signal });
  }
  const outside = leaving(whole);
  if (outside.length > 0) return refused(`${archive.source} has members outside of the directory: ${shown(outside)}`);
  if (whole.isEncrypted && args.password === undefined)
    return refused(`${archive.source} takes a password; set the argument password`);
  const contents = withoutFirst(whole, format === 'tar' ? strippedBy(args.options) : 0);
  if (contents.members.length === 0) return refused(`${archive.source} has nothing in it to extract`);
  const top = topLevel(contents);
  if (args.enforce_toplevel && (top.directories.length > 1 || top.others.length > 0))
    return refused(
      `${archive.source} has more than one directory at its top: ${shown([...top.directories, ...top.others])}. Set enforce_toplevel to False, and name a directory of its own for it`,
    );
  const found = await whatIsThere(host, into, contents);
  const isCleaned = args.clean || args.clean_parent;
  if (found.other.length > 0 && !args.force && !isCleaned)
    return refused(
      `below ${into} something else is in the place of ${shown(found.other)}. With force: True it is removed`,
    );
  const isOutdated = !isKnown && (args.overwrite || args.source_hash_update);
  const isNeeded = found.missing.length > 0 || found.other.length > 0 || isOutdated;
  if (!isNeeded) {
    const owner = await ownerChange(args, host, into, [...top.directories, ...top.others]);
    return owner === undefined ? inSync('All files in archive are already present') : changesOf(owner);
  }
  if (archive.mismatch !== undefined) return refused(archive.mismatch.message);
  const tops = [...top.directories, ...top.others].map((name) => inside(into, name));
  const removed = args.clean_parent
    ? target.isThere
      ? [into]
      : []
    : args.clean
      ? tops
      : outermost(found.other).map((path) => inside(into, path));
  const present = args.clean_parent ? removed : await thoseThere(host, removed);
  return changesOf(
    extraction(args, ctx, {
      ...target,
      whole,
      contents,
      removed: present,
      why: isOutdated && found.missing.length === 0 ? 'version' : 'missing',
    }),
  );
}

interface Extraction extends Target {
  /** As the archive has it, and as it is below the directory. */
  readonly whole: ArchiveContents;
  readonly contents: ArchiveContents;
  readonly removed: readonly string[];
  readonly why: 'version' | 'missing';
}

function extraction(args: Args, ctx: ModuleContext, todo: Extraction): Change {
  const { into, archive, format, whole, contents, removed } = todo;
  const all = contents.members.map(({ path, kind }) => (format === 'zip' && kind === 'directory' ? `${path}/` : path));
  const limit = args.trim_output === true ? TRIMMED : args.trim_output === false ? all.length : args.trim_output;
  const isOwned = args.user !== undefined || args.group !== undefined;
  const changes = {
    ...(removed.length === 0 ? {} : { removed }),
    ...(todo.isThere && !args.clean_parent ? {} : { directories_created: [`${into}/`] }),
    extracted_files: limit === 0 ? all : all.slice(0, limit),
    ...(isOwned ? { 'updated ownership': true } : {}),
  };
  const why = todo.why === 'version' ? 'another version was extracted last' : 'files or directories were missing';
  return {
    what: `${archive.source}: extracted into ${into}${removed.length === 0 ? '' : `, after ${shown(removed)} was removed`}`,
    before: todo.isThere ? why : null,
    after: archive.version,
    changes,
    async apply(writing) {
      const { host, signal } = writing;
      if (args.options !== undefined)
        ctx.requireAllowed?.({ cmd: `${format === 'tar' ? 'tar -x' : 'unzip'} ${args.options}` });
      const file = await archive.file();
      for (const path of removed) await host.remove(path);
      await makeDirectories(host, into, { user: args.user });
      await extractArchive(host, { format, file, into, options: args.options, password: args.password, signal });
      if (format === 'zip' && !args.extract_perms)
        await giveUsualRights(
          host,
          into,
          contents.members.map(({ path }) => path),
          signal,
        );
      const { directories, others } = topLevel(contents);
      if (isOwned) await giveOwner(host, into, ownedPaths(args, into, [...directories, ...others]), args);
      await writeRecord(writing, into, archive.source, { version: archive.version, contents: whole });
      return { comment: `${archive.source} extracted to ${into}/: ${why}` };
    },
  };
}

/** What of an archive is missing below a directory, and where something else is in its place. */
async function whatIsThere(
  host: HostReader,
  into: string,
  contents: ArchiveContents,
): Promise<{ readonly missing: readonly string[]; readonly other: readonly string[] }> {
  const wanted = new Map([...directoriesOf(contents)].map((path) => [path, 'directory']));
  for (const { path, kind } of contents.members) wanted.set(path, kind);
  const kinds = await kindsBelow(host, into, [...wanted.keys()]);
  const entries = [...wanted].map(([path, kind], index) => ({ path, kind, found: kinds[index]! }));
  return {
    missing: entries.filter(({ found }) => found === 'none').map(({ path }) => path),
    other: entries.filter(({ kind, found }) => found !== 'none' && found !== kind).map(({ path }) => path),
  };
}

/** Paths without those below another: what is below a symlink that goes is not the directory's. */
function outermost(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other}/`)));
}

async function thoseThere(host: HostReader, paths: readonly string[]): Promise<readonly string[]> {
  const kinds = await kindsBelow(
    host,
    '/',
    paths.map((path) => path.slice(1)),
  );
  return paths.filter((_, index) => kinds[index] !== 'none');
}

/** What has to be done for everything to belong to whom it should; undefined: nothing. */
async function ownerChange(
  args: Args,
  host: HostReader,
  into: string,
  top: readonly string[],
): Promise<Change | undefined> {
  const tests = [
    args.user === undefined ? [] : ['!', '-user', args.user],
    args.group === undefined ? [] : ['!', '-group', args.group],
  ].filter((test) => test.length > 0);
  if (tests.length === 0) return undefined;
  const paths = ownedPaths(args, into, top);
  let count = 0;
  for (const some of chunks(paths)) {
    const expression = ['(', ...tests.flatMap((test, index) => (index === 0 ? test : ['-o', ...test])), ')', '-print'];
    const { stdout } = await mustProbe(host, ['find', ...some, ...expression], {}, 'Are user and group on the host?');
    count += stdout.split('\n').length - 1;
  }
  if (count === 0) return undefined;
  const owner = { user: args.user, group: args.group };
  return {
    what: `${into}: ${count} paths belong to ${[args.user, args.group].filter((one) => one !== undefined).join(':')}`,
    before: `${count} belong to others`,
    after: owner,
    changes: { 'updated ownership': true },
    async apply({ host: writer }) {
      await giveOwner(writer, into, paths, args);
      return undefined;
    },
  };
}

async function giveOwner(host: Host, into: string, paths: readonly string[], args: Args): Promise<void> {
  const { user = '', group } = ownershipOf({ user: args.user, group: args.group });
  const owner = `${user}${group === undefined ? '' : `:${group}`}`;
  for (const some of chunks(paths))
    await mustRun(
      host,
      ['chown', '-h', '-R', '--', owner, ...some],
      {},
      `What was extracted into ${into} has its owner of before.`,
    );
}

/** The paths that are to belong to user and group, with everything below them. */
function ownedPaths({ enforce_ownership_on }: Args, into: string, top: readonly string[]): readonly string[] {
  return enforce_ownership_on === undefined
    ? top.map((name) => inside(into, name))
    : [bare(normalize(enforce_ownership_on))];
}

function inside(directory: string, path: string): string {
  return directory === '/' ? `/${path}` : `${directory}/${path}`;
}

function chunks(paths: readonly string[]): readonly (readonly string[])[] {
  return Array.from({ length: Math.ceil(paths.length / PATHS_AT_ONCE) }, (_, index) =>
    paths.slice(index * PATHS_AT_ONCE, (index + 1) * PATHS_AT_ONCE),
  );
}

/** A plan may be made before the state that installs the program has run. */
function withoutProgram(source: string, program: string): Change {
  return {
    what: `${source}: extracted, once the program ${program} is there`,
    before: null,
    after: source,
    apply: ({ host }) =>
      Promise.resolve({
        result: false,
        comment: `archive.extracted needs the program ${program}, which is not on ${host.id}`,
      }),
  };
}

function wrongArguments(args: Args): string | undefined {
  const { name, if_missing, enforce_ownership_on: owned } = args;
  if (!name.startsWith('/')) return `${name} is not an absolute path`;
  if (normalize(name).replaceAll('/', '') === '' && (args.clean || args.clean_parent)) return 'Refusing to clean "/"';
  if (if_missing !== undefined && !if_missing.startsWith('/'))
    return `if_missing: ${if_missing} is not an absolute path`;
  if (owned !== undefined && !`${bare(normalize(owned))}/`.startsWith(`${bare(normalize(name))}/`))
    return `enforce_ownership_on: ${owned} is not below ${name}`;
  if (args.clean && args.clean_parent) return 'only one of clean and clean_parent can be True';
  if (args.skip_files_list_verify && args.skip_verify)
    return 'only one of skip_files_list_verify and skip_verify can be True';
  return undefined;
}

function wrongForFormat({ password, options, use_cmd_unzip }: Args, format: ArchiveFormat): string | undefined {
  if (format === 'tar' && password !== undefined) return 'only zip archives have a password';
  if (format === 'zip' && options !== undefined && use_cmd_unzip === false)
    return 'options are for the unzip command, which use_cmd_unzip: False forbids';
  return undefined;
}

function formatNamed(name: string | undefined): ArchiveFormat | undefined {
  const format = name?.toLowerCase();
  return format === 'tar' || format === 'zip' ? format : undefined;
}

function whichFormat(source: string): string {
  return `${source} is neither a tar nor a zip archive by its name or archive_format; set archive_format to tar or zip`;
}

function shown(paths: readonly string[]): string {
  const named = paths.slice(0, NAMED).join(', ');
  return paths.length > NAMED ? `${named} and ${paths.length - NAMED} more` : named;
}

import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { download, mustProbe, mustRun, splitWords, verifyDigest } from '../operations/index.ts';
import {
  type ArchiveContents,
  type ArchiveFile,
  type ArchiveFormat,
  extractArchive,
  formatOf,
  giveUsualRights,
  leaving,
  listArchive,
  topLevel,
  withoutFirst,
} from '../providers/archive/index.ts';

/** Packing may take long. */
const TIMEOUT_MS = 1_800_000;
const TRIMMED = 100;
/** Patterns of a shell, as the files they mean; one that means none stays as it is. */
const EXPAND = `IFS=; for pattern in "$@"; do for path in $pattern; do printf '%s\\n' "$path"; done; done`;

const zipArg = z.string().describe('Absolute path of the archive on the host.');
const cwdArg = z.string().optional().describe('Directory to run in.');
const runasArg = z.string().optional().describe('User to run as.');
const optionsArg = z.string().optional().describe('More options of the command.');
const sourcesArg = z
  .union([z.string().transform((text) => text.split(',').map((source) => source.trim())), z.array(z.string())])
  .describe('Files and directories, also as shell patterns: a list, or with commas.');
const addressArg = z.string().describe('Path on the host, or address of `salt://` or http(s)://.');
const hashArg = z.string().optional().describe('Digest the archive must have: sha256=…');
const saltenvArg = z.string().optional().describe('File environment; that of the job when absent.');
const cleanArg = z.boolean().default(false).describe('Accepted for Salt trees; downloads are not kept.');

const unzipArgs = {
  zip_file: zipArg,
  dest: z.string().describe('Absolute path of the directory to extract into.'),
  excludes: sourcesArg.optional().describe('Members to leave out: a list, or with commas.'),
  options: optionsArg,
  runas: runasArg,
  trim_output: z
    .union([z.boolean(), z.coerce.number().int().min(0)])
    .default(false)
    .describe('Most members to answer; true: 100.'),
  password: z.string().optional().describe('Password of the archive.'),
};
const zipArgs = {
  zip_file: zipArg,
  sources: sourcesArg,
  cwd: cwdArg,
  runas: runasArg,
};

/** Archives: what is in them, packing and extracting. */
export const archiveFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'archive.list',
    summary: 'List what is in a tar or zip archive.',
    args: z.object({
      name: addressArg,
      archive_format: z.enum(['tar', 'zip']).optional().describe('By the name where absent.'),
      options: z.string().optional().describe('Options with which tar can list an archive it does not know.'),
      strip_components: z.coerce
        .number()
        .int()
        .min(0)
        .default(0)
        .describe('Directories to leave out at the start of each path.'),
      clean: cleanArg,
      verbose: z
        .boolean()
        .default(false)
        .describe('Answer directories, files and links apart, and what is at the top.'),
      saltenv: saltenvArg,
      source_hash: hashArg,
    }),
    returns: 'The paths, those of directories with a slash at the end; or lists by kind.',
    examples: [{ title: 'a release', args: { name: 'salt://app-1.2.tar.gz' } }],
    async run(args, ctx) {
      const format = args.archive_format ?? formatOf(args.name);
      if (format === undefined) throw unknownFormat(args.name);
      const file = await archiveOf(ctx, args);
      const { signal } = ctx;
      const contents = await listArchive(ctx.host, { format, file, options: args.options, signal });
      return listed(withoutFirst(contents, args.strip_components), args.verbose);
    },
  }),
  defineRead({
    name: 'archive.is_encrypted',
    summary: 'Tell whether a zip archive takes a password.',
    args: z.object({ name: addressArg, clean: cleanArg, saltenv: saltenvArg, source_hash: hashArg }),
    returns: 'True or false.',
    examples: [{ title: 'one on the host', args: { name: '/srv/backup.zip' } }],
    run: async (args, ctx) =>
      (await listArchive(ctx.host, { format: 'zip', file: await archiveOf(ctx, args), signal: ctx.signal }))
        .isEncrypted,
  }),
  defineWrite({
    name: 'archive.tar',
    summary: 'Run tar: pack or extract.',
    args: z.object({
      options: z.string().min(1).describe('Options of tar, letters with or without a dash: `czf`.'),
      tarfile: z.string().describe('The archive.'),
      sources: sourcesArg.default([]).describe('What to pack or extract: a list, or with commas; shell patterns too.'),
      dest: z.string().optional().describe('Directory to extract into.'),
      cwd: cwdArg,
      runas: runasArg,
    }),
    returns: 'The lines tar printed.',
    examples: [{ title: 'packed', args: { options: 'czf', tarfile: '/srv/app.tgz', sources: 'app', cwd: '/srv' } }],
    async run({ options, tarfile, sources, dest, cwd, runas }, ctx) {
      const into = dest === undefined ? [] : ['-C', dest];
      const files = await expanded(ctx, sources, cwd);
      return await linesOf(ctx, ['tar', ...splitWords(options), tarfile, ...into, ...files], { cwd, runas });
    },
  }),
  ...(['gzip', 'gunzip'] as const).map((name) =>
    defineWrite({
      name: `archive.${name}`,
      summary: name === 'gzip' ? 'Pack a file with gzip.' : 'Unpack a file that gzip packed.',
      args: z.object({
        [name === 'gzip' ? 'sourcefile' : 'gzipfile']: z.string().describe('Absolute path of the file.'),
        runas: runasArg,
        options: optionsArg,
      }),
      returns: 'The lines the command printed.',
      examples: [],
      run: ({ runas, options, ...file }, ctx) =>
        linesOf(ctx, [name, ...splitWords(String(options ?? '')), ...Object.values(file).map(String)], {
          runas: runas as string | undefined,
        }),
    }),
  ),
  ...(['zip', 'cmd_zip'] as const).map((name) =>
    defineWrite({
      name: `archive.${name}`,
      summary: 'Pack files and directories into a zip archive.',
      args: z.object({
        ...zipArgs,
        zip64: z.boolean().default(false).describe('Accepted for Salt trees; zip sees itself what it needs.'),
      }),
      returns: 'The lines zip printed.',
      examples: [{ title: 'logs', args: { zip_file: '/srv/logs.zip', sources: '/var/log/app/*' } }],
      run: async ({ zip_file, sources, cwd, runas }, ctx) =>
        linesOf(ctx, ['zip', '-r', zip_file, ...(await expanded(ctx, sources, cwd))], { cwd, runas }),
    }),
  ),
  defineWrite({
    name: 'archive.unzip',
    summary: 'Extract a zip archive.',
    args: z.object({
      ...unzipArgs,
      extract_perms: z.boolean().default(true).describe('False gives the permissions new files have.'),
    }),
    returns: 'The members that were extracted.',
    examples: [{ title: 'a release', args: { zip_file: '/tmp/app.zip', dest: '/srv/app' } }],
    run: (args, ctx) => unzip(args, args.extract_perms, ctx),
  }),
  defineWrite({
    name: 'archive.cmd_unzip',
    summary: 'Extract a zip archive.',
    args: z.object(unzipArgs),
    returns: 'The members that were extracted.',
    examples: [],
    run: (args, ctx) => unzip(args, true, ctx),
  }),
];

interface UnzipRequest {
  readonly zip_file: string;
  readonly dest: string;
  readonly excludes?: readonly string[] | undefined;
  readonly options?: string | undefined;
  readonly runas?: string | undefined;
  readonly trim_output: boolean | number;
  readonly password?: string | undefined;
}

async function unzip(args: UnzipRequest, keepsRights: boolean, ctx: ModuleContext<Host>): Promise<readonly string[]> {
  const { zip_file, dest: into, excludes = [], options, runas: runAs, password } = args;
  const { host, signal } = ctx;
  const file = { path: zip_file };
  const contents = await listArchive(host, { format: 'zip', file, signal });
  const outside = leaving(contents);
  if (outside.length > 0) throw leavingError(zip_file, outside);
  if (contents.isEncrypted && password === undefined)
    throw new EdgeError('EDGE_MISSING_ARGUMENT', `${zip_file} takes a password`, {}, { hint: 'Give it as password.' });
  if (options !== undefined) ctx.requireAllowed?.({ cmd: `unzip ${options}` });
  await mustRun(host, ['mkdir', '-p', '--', into], runAs === undefined ? {} : { runAs });
  await extractArchive(host, { format: 'zip', file, into, options, password, excludes, runAs, signal });
  const left = contents.members.filter(({ path }) => !excludes.includes(path));
  if (!keepsRights)
    await giveUsualRights(
      host,
      into,
      left.map(({ path }) => path),
      signal,
    );
  const names = left.map(({ path, kind }) => (kind === 'directory' ? `${path}/` : path));
  const limit = args.trim_output === true ? TRIMMED : Number(args.trim_output);
  return limit === 0 ? names : names.slice(0, limit);
}

function listed(contents: ArchiveContents, isVerbose: boolean): Value {
  const named = (kind: string): string[] =>
    contents.members
      .filter((member) => member.kind === kind)
      .map(({ path }) => (kind === 'directory' ? `${path}/` : path))
      .sort();
  const [dirs, files, links] = ['directory', 'file', 'link'].map(named) as [string[], string[], string[]];
  if (!isVerbose) return [...dirs, ...files, ...links].sort();
  const top = topLevel(contents);
  const isLink = new Set(links);
  return new PyMap([
    ['dirs', dirs],
    ['files', files],
    ['links', links],
    ['top_level_dirs', top.directories.map((name) => `${name}/`)],
    ['top_level_files', top.others.filter((name) => !isLink.has(name))],
    ['top_level_links', top.others.filter((name) => isLink.has(name))],
  ]);
}

/** An archive on the host, or its content from elsewhere. */
async function archiveOf(
  ctx: ModuleContext,
  { name, saltenv, source_hash }: { name: string; saltenv?: string | undefined; source_hash?: string | undefined },
): Promise<ArchiveFile> {
  const path = name.startsWith('file://') ? name.slice('file://'.length) : name;
  if (path.startsWith('/')) return { path };
  const bytes = /^https?:\/\//.test(name)
    ? await download(name, ctx.signal)
    : await (await ctx.files.open(name, saltenv ?? ctx.saltenv))?.read();
  if (bytes === undefined) throw new EdgeError('EDGE_FILE_NOT_FOUND', `there is no archive ${name}`, { name });
  if (source_hash !== undefined) verifyDigest(name, bytes, source_hash);
  return { bytes };
}

async function expanded(
  { host }: ModuleContext,
  sources: readonly string[],
  cwd: string | undefined,
): Promise<readonly string[]> {
  if (sources.length === 0) return [];
  const { stdout } = await mustProbe(host, ['sh', '-c', EXPAND, 'sh', ...sources], cwd === undefined ? {} : { cwd });
  return stdout.split('\n').slice(0, -1);
}

async function linesOf(
  ctx: ModuleContext<Host>,
  command: readonly string[],
  { cwd, runas }: { readonly cwd?: string | undefined; readonly runas?: string | undefined },
): Promise<readonly string[]> {
  const [program, ...words] = command as [string, ...string[]];
  ctx.requireAllowed?.({ cmd: command });
  const { stdout } = await mustRun(ctx.host, [program, ...words], {
    signal: ctx.signal,
    timeoutMs: TIMEOUT_MS,
    ...(cwd === undefined ? {} : { cwd }),
    ...(runas === undefined ? {} : { runAs: runas }),
  });
  return stdout.split('\n').filter((line) => line !== '');
}

function unknownFormat(name: string): EdgeError {
  const formats: readonly ArchiveFormat[] = ['tar', 'zip'];
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `the name ${name} does not tell what kind of archive it is`,
    { name },
    { hint: `Give archive_format: ${formats.join(' or ')}.` },
  );
}

function leavingError(archive: string, outside: readonly string[]): EdgeError {
  return new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${archive} has members outside of the directory: ${outside.slice(0, 10).join(', ')}`,
    { outside: outside.slice(0, 100) },
    { hint: 'Nothing was extracted. Ask who made the archive.' },
  );
}

import { createHash } from 'node:crypto';
import { basename } from 'node:path/posix';
import { z } from 'zod';
import type { Command } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { followLinks, mustProbe, readIfPresent } from '../operations/index.ts';
import { formatMode, pythonRegex } from '../text/index.ts';

const pathArg = z.string().describe('Absolute path.');
const followArg = z.boolean().default(true).describe('Follow a symlink to what it points to.');
const HASHES = ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] as const;

/** What `file.find` can answer of a path. */
const FIND_FIELDS = ['path', 'name', 'size', 'type', 'mode', 'user', 'group', 'mtime'] as const;

/** Functions that only look at files. */
export const fileLookFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'file.read',
    summary: 'Answer the content of a file.',
    args: z.object({
      path: pathArg,
      binary: z.boolean().default(false).describe('Answer bytes instead of text.'),
    }),
    returns: 'The text.',
    examples: [{ title: 'the name of the host', args: { path: '/etc/hostname' } }],
    async run({ path, binary }, { host }) {
      const content = await host.readFile(path);
      return binary ? content : Buffer.from(content).toString('utf8');
    },
  }),
  defineRead({
    name: 'file.search',
    summary: 'Tell whether a regular expression matches anywhere in a file.',
    args: z.object({
      path: pathArg,
      pattern: z.string().describe('Regular expression, in the dialect of Python.'),
      flags: z
        .union([z.coerce.number(), z.array(z.string())])
        .default(8)
        .describe('Flags as names or as the number of Python; 8 is MULTILINE.'),
      bufsize: z
        .union([z.number(), z.string()])
        .default(1)
        .describe('Accepted for Salt trees; the whole file is read.'),
      ignore_if_missing: z.boolean().default(false).describe('Answer false for a missing file instead of failing.'),
      multiline: z.boolean().default(false).describe('Let the expression match across lines.'),
    }),
    returns: 'True or false.',
    examples: [{ title: 'was the right revision deployed?', args: { path: '/srv/app/REVISION', pattern: '^4f2a' } }],
    async run({ path, pattern, flags, ignore_if_missing, multiline }, { host }) {
      const content = await readIfPresent(host, path);
      if (content === undefined) {
        if (ignore_if_missing) return false;
        throw missingFile(path, host.id);
      }
      const text = Buffer.from(content).toString('utf8');
      const regex = pythonRegex(pattern, flags);
      // Line by line, as Salt with its default buffer, an expression can not run over a line end.
      return multiline ? text.search(regex) !== -1 : text.split('\n').some((line) => line.search(regex) !== -1);
    },
  }),
  ...(['file.contains', 'file.contains_regex'] as const).map((name) =>
    defineRead({
      name,
      summary:
        name === 'file.contains'
          ? 'Tell whether a file holds a text.'
          : 'Tell whether a regular expression matches a line of a file.',
      args: z.object({
        path: pathArg,
        ...(name === 'file.contains'
          ? { text: z.string().describe('Text to look for.') }
          : { regex: z.string().describe('Regular expression, in the dialect of Python.') }),
      }),
      returns: 'True or false; false for a missing file.',
      examples: [],
      async run(args, { host }) {
        const { path, text, regex } = args as { path: string; text?: string; regex?: string };
        const content = await readIfPresent(host, path);
        if (content === undefined) return false;
        const lines = Buffer.from(content).toString('utf8').split('\n');
        if (regex === undefined) return lines.some((line) => line.trim().includes(text!.trim()));
        const expression = pythonRegex(regex);
        return lines.some((line) => line.search(expression) !== -1);
      },
    }),
  ),
  exists('file.file_exists', 'Tell whether a path is a file.', ['test', '-f']),
  exists('file.directory_exists', 'Tell whether a path is a directory.', ['test', '-d']),
  exists('file.path_exists_glob', 'Tell whether anything matches a path with wildcards.', [
    'sh',
    '-c',
    'for p in $1; do [ -e "$p" ] && exit 0; done; exit 1',
    'sh',
  ]),
  exists('file.is_link', 'Tell whether a path is a symlink.', ['test', '-L']),
  defineRead({
    name: 'file.access',
    summary: 'Tell whether a path exists, or may be read, written or executed.',
    args: z.object({
      path: pathArg,
      mode: z.enum(['f', 'r', 'w', 'x']).default('f').describe('f: it exists; r, w, x: what may be done with it.'),
    }),
    returns: 'True or false.',
    examples: [{ title: 'a program', args: { path: '/usr/sbin/a2enmod', mode: 'x' } }],
    run: async ({ path, mode }, { host }) =>
      (await host.probe(['test', mode === 'f' ? '-e' : `-${mode}`, path])).exitCode === 0,
  }),
  defineRead({
    name: 'file.stats',
    summary: 'Answer everything the host knows about a path.',
    args: z.object({
      path: pathArg,
      hash_type: z.enum(HASHES).optional().describe('Also answer the digest of a file.'),
      follow_symlinks: followArg,
    }),
    returns: 'A mapping of size, mode, type, user, group, uid, gid, mtime, target and, where asked, sum.',
    examples: [],
    async run({ path, hash_type, follow_symlinks }, ctx) {
      const found = await lookAt(ctx, path, follow_symlinks);
      const types: Record<string, string> = { directory: 'dir', symlink: 'link', fifo: 'pipe' };
      return {
        type: types[found.kind] ?? found.kind,
        target: await followLinks(ctx.host, path),
        mode: formatMode(found.mode),
        user: found.user,
        group: found.group,
        uid: found.uid,
        gid: found.gid,
        size: found.sizeBytes,
        mtime: found.modifiedAt / 1000,
        ...(hash_type === undefined ? {} : { sum: digest(hash_type, await ctx.host.readFile(path)) }),
      };
    },
  }),
  property('file.get_mode', 'Answer the permissions of a path in octal.', (found) => formatMode(found.mode)),
  property('file.get_user', 'Answer the user a path belongs to.', (found) => found.user),
  property('file.get_group', 'Answer the group a path belongs to.', (found) => found.group),
  property('file.get_uid', 'Answer the user number a path belongs to.', (found) => found.uid),
  property('file.get_gid', 'Answer the group number a path belongs to.', (found) => found.gid),
  property('file.size', 'Answer the size of a file in bytes.', (found) => found.sizeBytes),
  defineRead({
    name: 'file.get_hash',
    summary: 'Answer the digest of a file.',
    args: z.object({ path: pathArg, form: z.enum(HASHES).default('sha256').describe('Kind of digest.') }),
    returns: 'Hexadecimal digits.',
    examples: [],
    run: async ({ path, form }, { host }) => digest(form, await host.readFile(path)),
  }),
  defineRead({
    name: 'file.check_hash',
    summary: 'Tell whether a file has a digest.',
    args: z.object({ path: pathArg, file_hash: z.string().describe('`sha256=<hex>` or `sha256:<hex>`.') }),
    returns: 'True or false.',
    examples: [],
    async run({ path, file_hash }, { host }) {
      const [form, hex] = file_hash.split(/[=:]/, 2) as [string, string | undefined];
      if (hex === undefined || !(HASHES as readonly string[]).includes(form))
        throw new EdgeError('EDGE_BAD_ARGUMENT', `not a digest: ${file_hash}`, {}, { hint: 'Write sha256=<hex>.' });
      return digest(form, await host.readFile(path)) === hex.toLowerCase();
    },
  }),
  defineRead({
    name: 'file.readlink',
    summary: 'Answer what a symlink points to.',
    args: z.object({
      path: pathArg,
      canonicalize: z.boolean().default(false).describe('Follow every link on the way to the real path.'),
    }),
    returns: 'A path.',
    examples: [],
    async run({ path, canonicalize }, { host }) {
      const found = await host.stat(path);
      if (found?.kind !== 'symlink')
        throw new EdgeError('EDGE_BAD_ARGUMENT', `${path} on ${host.id} is not a symlink`, { path });
      return canonicalize ? await followLinks(host, path) : found.linkTarget;
    },
  }),
  defineRead({
    name: 'file.readdir',
    summary: 'Answer the names in a directory.',
    args: z.object({ path: pathArg }),
    returns: 'A list that begins with `.` and `..`.',
    examples: [],
    run: async ({ path }, { host }) => ['.', '..', ...(await host.list(path)).map(({ name }) => name)],
  }),
  defineRead({
    name: 'file.find',
    summary: 'Find paths below a directory.',
    args: z.object({
      path: pathArg,
      name: z.string().optional().describe('Shell pattern of the last part of the path.'),
      iname: z.string().optional().describe('The same, whatever the case.'),
      regex: z
        .string()
        .optional()
        .describe('Regular expression of the last part of the path, in the dialect of Python.'),
      type: z.string().optional().describe('Letters of the kinds wanted: f d l p s b c.'),
      owner: z.string().optional().describe('User it belongs to.'),
      group: z.string().optional().describe('Group it belongs to.'),
      size: z.string().optional().describe('Size as `find` takes it: +10M.'),
      mtime: z.string().optional().describe('Days since it was changed, as `find` takes it: -2.'),
      maxdepth: z.coerce.number().int().min(0).optional().describe('How many levels to go down.'),
      mindepth: z.coerce.number().int().min(0).optional().describe('How many levels to leave out.'),
      print: z
        .string()
        .default('path')
        .transform((words) => words.split(',').map((word) => word.trim()))
        .pipe(z.array(z.enum(FIND_FIELDS)))
        .describe('What to answer of each: path, name, size, type, mode, user, group, mtime; several with commas.'),
    }),
    returns: 'A sorted list of paths; of lists where several things are asked for.',
    examples: [{ title: 'old logs', args: { path: '/var/log', name: '*.gz', mtime: '+30' } }],
    async run({ path, regex, type, owner, print, ...rest }, { host }) {
      const tests: string[] = [];
      const options = {
        maxdepth: rest.maxdepth,
        mindepth: rest.mindepth,
        name: rest.name,
        iname: rest.iname,
        user: owner,
        group: rest.group,
        size: rest.size,
        mtime: rest.mtime,
      };
      for (const [option, value] of Object.entries(options))
        if (value !== undefined) tests.push(`-${option}`, String(value));
      if (type !== undefined)
        tests.push(
          '(',
          ...[...type].flatMap((letter, index) => (index === 0 ? ['-type', letter] : ['-o', '-type', letter])),
          ')',
        );
      if ((await host.stat(path)) === undefined) return [];
      const { stdout } = await mustProbe(host, ['find', path, ...tests, '-print0']);
      const paths = stdout.split('\0').filter((found) => found !== '');
      const expression = regex === undefined ? undefined : pythonRegex(regex);
      const chosen = paths
        .filter((found) => expression === undefined || basename(found).search(expression) !== -1)
        .sort();
      if (print.every((field) => field === 'path')) return chosen;
      return await Promise.all(
        chosen.map(async (found) => {
          const fields = await Promise.all(print.map((field) => findField(host, found, field)));
          return fields.length === 1 ? fields[0] : fields;
        }),
      );
    },
  }),
  defineRead({
    name: 'file.grep',
    summary: 'Search files with the grep of the host.',
    args: z.object({
      path: z.string().describe('Path, wildcards allowed.'),
      pattern: z.string().describe('Pattern as grep takes it.'),
      opts: z.array(z.string()).default([]).describe('Further options of grep.'),
    }),
    rest: 'opts',
    returns: 'A mapping of retcode, stdout and stderr.',
    examples: [],
    async run({ path, pattern, opts }, { host }) {
      const line = 'p=$1; g=$2; shift 2; grep "$@" -e "$g" -- $p';
      const { exitCode, stdout, stderr } = await host.probe([
        'sh',
        '-c',
        line,
        'sh',
        path,
        pattern,
        ...opts.flatMap((opt) => opt.split(' ')),
      ]);
      return { retcode: exitCode, stdout: stdout.replace(/\n$/, ''), stderr: stderr.replace(/\n$/, '') };
    },
  }),
  ...(['basename', 'dirname'] as const).map((part) =>
    defineRead({
      name: `file.${part}`,
      summary: part === 'basename' ? 'Answer the last part of a path.' : 'Answer the path without its last part.',
      args: z.object({ path: z.string().describe('A path; nothing is looked up.') }),
      returns: 'A text.',
      examples: [],
      run: ({ path }) => {
        const cut = path.lastIndexOf('/');
        return Promise.resolve(
          part === 'basename' ? path.slice(cut + 1) : cut <= 0 ? path.slice(0, cut + 1) : path.slice(0, cut),
        );
      },
    }),
  ),
  defineRead({
    name: 'file.join',
    summary: 'Join parts to a path.',
    args: z.object({ parts: z.array(z.string()).min(1).describe('The parts; the first is absolute.') }),
    rest: 'parts',
    returns: 'A path.',
    examples: [],
    run: ({ parts }) =>
      Promise.resolve(
        parts
          .map((part, index) => (index === 0 ? part.replace(/\/+$/, '') : part.replace(/^\/+|\/+$/g, '')))
          .join('/') || '/',
      ),
  }),
  defineRead({
    name: 'file.diskusage',
    summary: 'Answer how many bytes a path and what is below it take.',
    args: z.object({ path: pathArg }),
    returns: 'Bytes.',
    examples: [],
    async run({ path }, { host }) {
      const { stdout } = await mustProbe(host, [
        'find',
        path,
        '-type',
        'f',
        '-size',
        '+0',
        '-exec',
        'wc',
        '-c',
        '{}',
        ';',
      ]);
      return [...stdout.matchAll(/^\s*(\d+) /gm)].reduce((sum, match) => sum + Number(match[1]), 0);
    },
  }),
  defineRead({
    name: 'file.list_hash_types',
    summary: 'Answer the kinds of digests that can be worked out.',
    args: z.object({}),
    returns: 'A list of names.',
    examples: [],
    run: () => Promise.resolve([...HASHES]),
  }),
];

/** One thing that `file.find` is asked for of a path. */
async function findField(
  host: ModuleContext['host'],
  path: string,
  field: (typeof FIND_FIELDS)[number],
): Promise<string | number | undefined> {
  if (field === 'path') return path;
  if (field === 'name') return basename(path);
  const found = await host.stat(path);
  if (found === undefined) return undefined;
  switch (field) {
    case 'size':
      return found.sizeBytes;
    case 'mtime':
      return Math.floor(found.modifiedAt / 1000);
    case 'mode':
      return Number.parseInt(formatMode(found.mode), 8);
    case 'type':
      return (
        ({ directory: 'd', symlink: 'l', file: 'f', fifo: 'p' } as Record<string, string>)[found.kind] ?? found.kind
      );
    default:
      return found[field];
  }
}

function exists(name: `${string}.${string}`, summary: string, command: Command): ExecutionModule {
  return defineRead({
    name,
    summary,
    args: z.object({ path: pathArg }),
    returns: 'True or false.',
    examples: [],
    run: async ({ path }, { host }) => (await host.probe([...command, path])).exitCode === 0,
  });
}

type Found = NonNullable<Awaited<ReturnType<ModuleContext['host']['stat']>>>;

function property(
  name: `${string}.${string}`,
  summary: string,
  read: (found: Found) => string | number,
): ExecutionModule {
  return defineRead({
    name,
    summary,
    args: z.object({ path: pathArg, follow_symlinks: followArg }),
    returns: 'The value.',
    examples: [],
    run: async ({ path, follow_symlinks }, ctx) => read(await lookAt(ctx, path, follow_symlinks)),
  });
}

async function lookAt({ host }: ModuleContext, path: string, follow: boolean): Promise<Found> {
  const found = await host.stat(follow ? await followLinks(host, path) : path);
  if (found === undefined) throw missingFile(path, host.id);
  return found;
}

function missingFile(path: string, id: string): EdgeError {
  return new EdgeError('EDGE_FILE_NOT_FOUND', `${path} does not exist on ${id}`, { path }, { hint: 'Check the path.' });
}

function digest(form: string, content: Uint8Array): string {
  return createHash(form).update(content).digest('hex');
}

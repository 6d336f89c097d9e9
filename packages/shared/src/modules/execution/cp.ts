import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path/posix';
import { z } from 'zod';
import { type FileEntry, listSls } from '../../files/index.ts';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { isDirectory, makeDirectories } from '../operations/index.ts';
import { copyTree, fetchContent, fetchUrl, filesBelow } from './cp-files.ts';

const saltenvArg = z.string().optional().describe('File environment; that of the job when absent.');
const pathArg = z.string().describe('`salt://` path; `?saltenv=x` in it wins.');
const destArg = z.string().describe('Path on the host; a directory takes the file under its own name.');
const makedirsArg = z.boolean().default(false).describe('Make the directories above that are missing.');
const templateArg = z.enum(['jinja']).optional().describe('Render the content; paths may hold templates too.');
const gzipArg = z.number().int().min(0).max(9).optional().describe('Accepted for Salt trees.');
const envArgs = z.object({ saltenv: z.string().default('base').describe('File environment.') });
const prefixArg = z.string().default('').describe('Only below this path.');

/** Files of the file server, and what a host gets of them. */
export const cpFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'cp.get_file',
    summary: 'Copy a file of the file server to the host.',
    args: z.object({
      path: pathArg,
      dest: destArg,
      saltenv: saltenvArg,
      makedirs: makedirsArg,
      template: templateArg,
      gzip: gzipArg,
    }),
    returns: 'The path of the copy; empty when there is no such file.',
    failed: (answer) => answer === '',
    examples: [{ title: 'a key', args: { path: 'salt://web/site.conf', dest: '/etc/site.conf' } }],
    async run({ path, dest, saltenv, makedirs, template }, ctx) {
      const rendered = async (text: string): Promise<string> => (template === undefined ? text : inline(ctx, text));
      const uri = await rendered(path);
      const file = await ctx.files.open(uri, saltenv ?? ctx.saltenv);
      if (file === undefined) return '';
      const target = await destination(ctx.host, await rendered(dest), basename(file.path), makedirs);
      const content = await file.read();
      const text = template === undefined ? content : await renderedContent(ctx, content, file.path);
      await ctx.host.writeFile(target, text, { mode: file.mode });
      return target;
    },
  }),
  defineWrite({
    name: 'cp.get_template',
    summary: 'Render a file of the file server to the host.',
    args: z.object({
      path: pathArg,
      dest: destArg,
      template: z.enum(['jinja']).default('jinja').describe('The template engine.'),
      saltenv: saltenvArg,
      makedirs: makedirsArg,
    }),
    returns: 'The path of what was rendered; empty when there is no such file.',
    failed: (answer) => answer === '',
    examples: [{ title: 'a configuration', args: { path: 'salt://web/site.conf', dest: '/etc/site.conf' } }],
    async run({ path, dest, saltenv, makedirs }, ctx) {
      const file = await ctx.files.open(path, saltenv ?? ctx.saltenv);
      if (file === undefined) return '';
      const target = await destination(ctx.host, dest, basename(file.path), makedirs);
      const content = await renderedContent(ctx, await file.read(), file.path);
      await ctx.host.writeFile(target, content, { mode: file.mode });
      return target;
    },
  }),
  defineRead({
    name: 'cp.get_file_str',
    summary: 'Answer the text of a file of the file server.',
    args: z.object({ path: pathArg, saltenv: saltenvArg }),
    returns: 'The text; false when there is no such file.',
    failed: (answer) => answer === false,
    examples: [{ title: 'a key', args: { path: 'salt://keys/deploy.pub' } }],
    async run({ path, saltenv }, ctx) {
      const content = await fetchContent(ctx, path, saltenv);
      return content === undefined ? false : new TextDecoder().decode(content.bytes);
    },
  }),
  defineWrite({
    name: 'cp.get_dir',
    summary: 'Copy a directory of the file server to the host, under its own name.',
    args: z.object({
      path: pathArg,
      dest: z.string().describe('Directory on the host that gets it; it is made where it is missing.'),
      saltenv: saltenvArg,
      template: templateArg,
      gzip: gzipArg,
    }),
    returns: 'The paths of the copies; empty when there is no such directory.',
    examples: [{ title: 'a site', args: { path: 'salt://web/htdocs', dest: '/srv' } }],
    run: ({ path, dest, saltenv, template }, ctx) =>
      copyTree(ctx, { uri: path, saltenv, dest }, async (content, name) =>
        template === undefined ? content : renderedContent(ctx, content, name),
      ),
  }),
  defineWrite({
    name: 'cp.get_url',
    summary: 'Copy a file to the host from the file server, the web or the host itself.',
    args: z.object({
      path: z.string().describe('`salt://`, `http://`, `https://`, `file://` or an absolute path.'),
      dest: z.string().default('').describe('Path on the host; empty answers the text instead.'),
      saltenv: saltenvArg,
      makedirs: makedirsArg,
      source_hash: z.string().optional().describe('Digest the content must have: sha256=…'),
    }),
    returns: 'The path of the copy, or the text; false when there is no such file.',
    failed: (answer) => answer === false,
    examples: [{ title: 'a release', args: { path: 'https://example.org/app.tgz', dest: '/tmp/app.tgz' } }],
    async run({ path, dest, saltenv, makedirs, source_hash }, ctx) {
      const content = await fetchUrl(ctx, path, { saltenv, sourceHash: source_hash });
      if (content === undefined) return false;
      if (dest === '') return new TextDecoder().decode(content.bytes);
      const target = await destination(ctx.host, dest, basename(new URL(path, 'file:///').pathname), makedirs);
      await ctx.host.writeFile(target, content.bytes, { mode: content.mode ?? 0o644 });
      return target;
    },
  }),
  defineRead({
    name: 'cp.hash_file',
    summary: 'Answer the digest of a file of the file server, or of the host.',
    args: z.object({ path: z.string().describe('`salt://` path, or a path on the host.'), saltenv: saltenvArg }),
    returns: 'A mapping of hsum and hash_type; empty when there is no such file.',
    examples: [{ title: 'a file', args: { path: 'salt://web/site.conf' } }],
    run: async ({ path, saltenv }, ctx) => {
      const digest = await digestOf(ctx, path, saltenv);
      return digest === undefined ? {} : { hsum: digest, hash_type: 'sha256' };
    },
  }),
  defineRead({
    name: 'cp.stat_file',
    summary: 'Answer the permissions of a file of the file server.',
    args: z.object({
      path: pathArg,
      saltenv: saltenvArg,
      octal: z.boolean().default(true).describe('As octal text; false answers the number.'),
    }),
    returns: 'The permissions; empty when there is no such file.',
    examples: [{ title: 'a script', args: { path: 'salt://bin/check' } }],
    async run({ path, saltenv, octal }, ctx) {
      const file = await ctx.files.open(path, saltenv ?? ctx.saltenv);
      if (file === undefined) return '';
      return octal ? `0${file.mode.toString(8)}` : file.mode;
    },
  }),
  defineRead({
    name: 'cp.list_master',
    summary: 'List the files of the file server.',
    args: z.object({ ...envArgs.shape, prefix: prefixArg }),
    returns: 'A list of paths.',
    examples: [{ title: 'below web', args: { prefix: 'web' } }],
    run: async ({ saltenv, prefix }, ctx) => (await filesBelow(ctx.files, prefix, saltenv)).map(({ path }) => path),
  }),
  defineRead({
    name: 'cp.list_master_dirs',
    summary: 'List the directories of the file server that hold files.',
    args: z.object({ ...envArgs.shape, prefix: prefixArg }),
    returns: 'A list of paths.',
    examples: [{ title: 'all', args: {} }],
    run: async ({ saltenv, prefix }, ctx) =>
      [...new Set((await filesBelow(ctx.files, prefix, saltenv)).flatMap(directoriesOf))].sort(),
  }),
  defineRead({
    name: 'cp.list_states',
    summary: 'List the SLS files of the file server.',
    args: envArgs,
    returns: 'A list of names.',
    examples: [{ title: 'all', args: {} }],
    run: ({ saltenv }, { files }) => listSls(files, saltenv),
  }),
  defineRead({
    name: 'cp.envs',
    summary: 'List the file environments.',
    args: z.object({}),
    returns: 'A list of names.',
    examples: [{ title: 'all', args: {} }],
    run: async (_, { files }) => [...(await files.environments())],
  }),
];

/** Where a copy goes: below `dest` where that is a directory. @throws EdgeError when its directory is missing */
async function destination(host: Host, dest: string, name: string, makedirs: boolean): Promise<string> {
  if (!dest.startsWith('/'))
    throw new EdgeError('EDGE_BAD_ARGUMENT', `${dest} is not an absolute path`, { dest }, { hint: 'Begin it with /.' });
  const target = dest.endsWith('/') || (await isDirectory(host, dest)) ? `${dest.replace(/\/+$/, '')}/${name}` : dest;
  if (makedirs) await makeDirectories(host, dirname(target));
  else if (!(await isDirectory(host, dirname(target))))
    throw new EdgeError(
      'EDGE_FILE_NOT_FOUND',
      `no directory ${dirname(target)} on ${host.id}`,
      { dest: target },
      {
        hint: 'Say makedirs=True to have it made.',
      },
    );
  return target;
}

function inline(ctx: ModuleContext, text: string): Promise<string> {
  return ctx.renderTemplate({ text, path: 'argument', engine: 'jinja', variables: new Map() });
}

async function renderedContent(ctx: ModuleContext, content: Uint8Array, path: string): Promise<Uint8Array> {
  const text = new TextDecoder().decode(content);
  const request = { text, path, engine: 'jinja', variables: new Map<string, never>() };
  return new TextEncoder().encode(await ctx.renderTemplate(request));
}

async function digestOf(ctx: ModuleContext, path: string, saltenv: string | undefined): Promise<string | undefined> {
  if (!path.startsWith('/'))
    return (await ctx.files.open(path, saltenv ?? ctx.saltenv))?.digest.slice('sha256:'.length);
  const found = await ctx.host.stat(path);
  if (found === undefined) return undefined;
  return createHash('sha256')
    .update(await ctx.host.readFile(path))
    .digest('hex');
}

function directoriesOf({ path }: FileEntry): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return ['.', ...parts.map((_, index) => parts.slice(0, index + 1).join('/'))];
}

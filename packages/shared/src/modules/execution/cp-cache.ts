import { basename, dirname } from 'node:path/posix';
import { z } from 'zod';
import { parseFileUri, readFiles } from '../../files/index.ts';
import type { Host, HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { makeDirectories, readIfPresent, walk } from '../operations/index.ts';
import { type FetchedContent, fetchUrl, filesBelow } from './cp-files.ts';

const saltenvArg = z.string().optional().describe('File environment; that of the job when absent.');
const urlArg = z.string().describe('`salt://`, `http://`, `https://` or `file://` address, or a path on the host.');
const hashArg = z.string().optional().describe('Digest the content must have: sha256=…');

/** Copies of files in the cache folder of the host, for functions and commands that take a path. */
export const cpCacheFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'cp.cache_file',
    summary: 'Put a file into the cache of the host.',
    args: z.object({ path: urlArg, saltenv: saltenvArg, source_hash: hashArg }),
    returns: 'The path in the cache; empty when there is no such file.',
    failed: (answer) => answer === '',
    examples: [{ title: 'a script', args: { path: 'salt://bin/check' } }],
    run: ({ path, saltenv, source_hash }, ctx) => cacheFile(ctx, path, saltenv, source_hash),
  }),
  defineWrite({
    name: 'cp.cache_files',
    summary: 'Put several files into the cache of the host.',
    args: z.object({
      paths: z
        .union([z.string().transform((text) => text.split(',').map((path) => path.trim())), z.array(z.string())])
        .describe('Addresses: a list, or with commas.'),
      saltenv: saltenvArg,
    }),
    returns: 'The paths in the cache; empty for a file that there is none of.',
    failed: (answer) => Array.isArray(answer) && answer.includes(''),
    examples: [{ title: 'two', args: { paths: ['salt://a', 'salt://b'] } }],
    async run({ paths, saltenv }, ctx) {
      const cached: string[] = [];
      for (const path of paths) cached.push(await cacheFile(ctx, path, saltenv));
      return cached;
    },
  }),
  defineWrite({
    name: 'cp.cache_dir',
    summary: 'Put a directory of the file server into the cache of the host.',
    args: z.object({ path: z.string().describe('`salt://` path of a directory.'), saltenv: saltenvArg }),
    returns: 'The paths in the cache.',
    examples: [{ title: 'a site', args: { path: 'salt://web/htdocs' } }],
    run: ({ path, saltenv }, ctx) => cacheTree(ctx, path, saltenv ?? ctx.saltenv),
  }),
  defineWrite({
    name: 'cp.cache_master',
    summary: 'Put every file of an environment into the cache of the host.',
    args: z.object({ saltenv: saltenvArg }),
    returns: 'The paths in the cache.',
    examples: [{ title: 'all', args: {} }],
    run: ({ saltenv }, ctx) => cacheTree(ctx, '', saltenv ?? ctx.saltenv),
  }),
  defineRead({
    name: 'cp.is_cached',
    summary: 'Tell where a file is in the cache of the host.',
    args: z.object({ path: urlArg, saltenv: saltenvArg }),
    returns: 'The path in the cache; empty when it is not there.',
    examples: [{ title: 'a script', args: { path: 'salt://bin/check' } }],
    async run({ path, saltenv }, ctx) {
      const place = cachePlace(ctx, path, saltenv);
      return (await ctx.host.stat(place))?.kind === 'file' ? place : '';
    },
  }),
  defineRead({
    name: 'cp.list_minion',
    summary: 'List the cached files of an environment.',
    args: z.object({ saltenv: saltenvArg }),
    returns: 'Paths in the cache.',
    examples: [{ title: 'all', args: {} }],
    run: ({ saltenv }, ctx) => listCached(ctx.host, `${cacheDir(ctx)}/files/${saltenv ?? ctx.saltenv}`),
  }),
];

async function cacheFile(
  ctx: ModuleContext<Host>,
  url: string,
  saltenv: string | undefined,
  sourceHash?: string,
): Promise<string> {
  const place = cachePlace(ctx, url, saltenv);
  const content = await fetchUrl(ctx, url, { saltenv, sourceHash });
  if (content === undefined) return '';
  await put(ctx.host, place, content);
  return place;
}

async function cacheTree(ctx: ModuleContext<Host>, uri: string, saltenv: string): Promise<readonly string[]> {
  const { path, env } = parseFileUri(uri, saltenv);
  const cached: string[] = [];
  for await (const { entry, content } of readFiles(ctx.files, await filesBelow(ctx.files, path, env), env)) {
    const place = `${cacheDir(ctx)}/files/${env}/${entry.path}`;
    await put(ctx.host, place, { bytes: content, mode: entry.mode });
    cached.push(place);
  }
  return cached;
}

/** Writes only what differs, so that a path in use keeps its inode. */
async function put(host: Host, place: string, { bytes, mode }: FetchedContent): Promise<void> {
  const known = await readIfPresent(host, place);
  if (known !== undefined && Buffer.compare(known, bytes) === 0) return;
  await makeDirectories(host, dirname(place));
  await host.writeFile(place, bytes, { mode: mode ?? 0o644 });
}

/** Salt's layout: `files/<saltenv>/<path>`, `extrn_files/<saltenv>/<host>/<path>`, `localfiles/<path>`. */
function cachePlace(ctx: ModuleContext, url: string, saltenv: string | undefined): string {
  const place = parseFileUri(/^(salt|edge):/.test(url) ? url : '', saltenv ?? ctx.saltenv);
  if (/^https?:\/\//.test(url)) {
    const { host, pathname } = new URL(url);
    const path = parseFileUri(decodeURIComponent(pathname), place.env).path;
    return `${cacheDir(ctx)}/extrn_files/${place.env}/${host}/${path === '' ? basename(host) : path}`;
  }
  const local = url.startsWith('file://') ? url.slice('file://'.length) : url;
  if (local.startsWith('/')) return `${cacheDir(ctx)}/localfiles/${parseFileUri(local, place.env).path}`;
  const served = parseFileUri(url, place.env);
  return `${cacheDir(ctx)}/files/${served.env}/${served.path}`;
}

function cacheDir({ opts, host }: ModuleContext): string {
  const directory = opts.get('cachedir');
  if (typeof directory === 'string') return directory;
  throw new EdgeError('EDGE_NOT_SUPPORTED', `${host.id} has no cache folder`, {}, { hint: 'Set cachedir.' });
}

async function listCached(host: HostReader, root: string): Promise<readonly string[]> {
  if ((await host.stat(root)) === undefined) return [];
  const paths: string[] = [];
  for await (const { path, found } of walk(host, root)) if (found.kind === 'file') paths.push(path);
  return paths.sort();
}

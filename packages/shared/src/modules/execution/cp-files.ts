import { dirname } from 'node:path/posix';
import { type FileEntry, type FileSource, parseFileUri, readFiles } from '../../files/index.ts';
import type { Host } from '../../host/index.ts';
import type { ModuleContext } from '../contract/index.ts';
import { download, makeDirectories, readIfPresent, verifyDigest } from '../operations/index.ts';

/** A file's bytes; `mode` where its source has one. */
export interface FetchedContent {
  readonly bytes: Uint8Array;
  readonly mode?: number;
}

/** Content of a file of the file server; undefined when there is none. */
export async function fetchContent(
  ctx: ModuleContext,
  uri: string,
  saltenv: string | undefined,
): Promise<Required<FetchedContent> | undefined> {
  const file = await ctx.files.open(uri, saltenv ?? ctx.saltenv);
  return file === undefined ? undefined : { bytes: await file.read(), mode: file.mode };
}

/** Content from `salt://`, `http(s)://`, `file://` or a path on the host. @throws EdgeError where the digest differs */
export async function fetchUrl(
  ctx: ModuleContext,
  url: string,
  { saltenv, sourceHash }: { readonly saltenv?: string | undefined; readonly sourceHash?: string | undefined },
): Promise<FetchedContent | undefined> {
  const content = await fetchAny(ctx, url, saltenv);
  if (content !== undefined && sourceHash !== undefined) verifyDigest(url, content.bytes, sourceHash);
  return content;
}

async function fetchAny(ctx: ModuleContext, url: string, saltenv?: string): Promise<FetchedContent | undefined> {
  if (/^https?:\/\//.test(url)) {
    const bytes = await download(url, ctx.signal);
    return bytes === undefined ? undefined : { bytes };
  }
  const local = url.startsWith('file://') ? url.slice('file://'.length) : url;
  if (!local.startsWith('/')) return fetchContent(ctx, url, saltenv);
  const bytes = await readIfPresent(ctx.host, local);
  if (bytes === undefined) return undefined;
  const mode = (await ctx.host.stat(local))?.mode;
  return mode === undefined ? { bytes } : { bytes, mode };
}

/** Every file at or below a path of the file server, sorted. */
export async function filesBelow(files: FileSource, path: string, saltenv: string): Promise<readonly FileEntry[]> {
  const clean = path.replace(/^\/+|\/+$/g, '');
  const entries: FileEntry[] = [];
  for await (const entry of files.list(clean, saltenv)) {
    if (clean === '' || entry.path === clean || entry.path.startsWith(`${clean}/`)) entries.push(entry);
  }
  return entries;
}

/** Copies a directory of the file server below `dest`, under its own name; answers the paths that were written. */
export async function copyTree(
  ctx: ModuleContext<Host>,
  tree: { readonly uri: string; readonly saltenv: string | undefined; readonly dest: string },
  change: (content: Uint8Array, path: string) => Promise<Uint8Array>,
): Promise<readonly string[]> {
  const place = parseFileUri(tree.uri, tree.saltenv ?? ctx.saltenv);
  const above = place.path.includes('/') ? `${dirname(place.path)}/` : '';
  const entries = await filesBelow(ctx.files, place.path, place.env);
  const written: string[] = [];
  for await (const { entry, content } of readFiles(ctx.files, entries, place.env)) {
    const target = `${tree.dest.replace(/\/+$/, '')}/${entry.path.slice(above.length)}`;
    await makeDirectories(ctx.host, dirname(target));
    await ctx.host.writeFile(target, await change(content, entry.path), { mode: entry.mode });
    written.push(target);
  }
  return written;
}

import { createHash } from 'node:crypto';
import { dirname } from 'node:path/posix';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import type { ModuleContext } from '../contract/index.ts';
import {
  type Digest,
  makeDirectories,
  mayDownload,
  mustProbe,
  otherDigest,
  parseDigest,
  readIfPresent,
} from '../operations/index.ts';
import type { ArchiveContents, ArchiveFile } from '../providers/archive/index.ts';
import { digestOf, fetchSource } from './file-content.ts';

/** Where an archive is to come from, as trees say it. */
export interface ArchiveRequest {
  /** Candidates in order; the first that exists wins. */
  readonly sources: readonly string[];
  readonly sourceHash: string | undefined;
  readonly sourceHashName: string | undefined;
  readonly skipVerify: boolean;
}

/** An archive that was found, not necessarily fetched yet. */
export interface FoundArchive {
  readonly source: string;
  /** Which version it is: `sha256:<hex>`. */
  readonly version: string;
  /** What is wrong with its digest. */
  readonly mismatch?: EdgeError;
  /** The archive, fetched once. @throws EdgeError when it cannot be fetched or has another digest than it should */
  file(): Promise<ArchiveFile>;
}

/** Finds the first source that exists, and fetches no more of it than is needed to tell its version. @throws EdgeError */
export async function findArchive(ctx: ModuleContext, request: ArchiveRequest): Promise<FoundArchive> {
  for (const [index, source] of request.sources.entries()) {
    const hasNext = index < request.sources.length - 1;
    if (hasNext && isRemote(source) && !(await mayDownload(source, ctx.signal))) continue;
    const found = await archiveAt(ctx, source, request);
    if (found !== undefined) return found;
  }
  throw new EdgeError(
    'EDGE_FILE_NOT_FOUND',
    `no source is there: ${request.sources.join(', ')}`,
    { sources: [...request.sources], saltenv: ctx.saltenv },
    { hint: `Paths of salt:// are below the file roots of ${ctx.saltenv}.` },
  );
}

async function archiveAt(
  ctx: ModuleContext,
  source: string,
  request: ArchiveRequest,
): Promise<FoundArchive | undefined> {
  const path = source.startsWith('file://') ? source.slice('file://'.length) : source;
  const wantedOf = async (): Promise<Digest | undefined> => {
    const { sourceHash, sourceHashName, skipVerify } = request;
    if (sourceHash === undefined || skipVerify) return undefined;
    return parseDigest(await digestOf(ctx, source, { sourceHash, sourceHashName, target: undefined }));
  };
  if (path.startsWith('/')) {
    if ((await ctx.host.probe(['test', '-f', path])).exitCode !== 0) return undefined;
    const wanted = await wantedOf();
    const found = await digestOnHost(ctx, path, wanted?.form ?? 'sha256');
    return {
      source,
      version: `${found.form}:${found.hex}`,
      ...(wanted === undefined || wanted.hex === found.hex ? {} : { mismatch: otherDigest(source, found, wanted.hex) }),
      file: () => Promise.resolve({ path }),
    };
  }
  const served = isRemote(source) ? undefined : await ctx.files.open(source, ctx.saltenv);
  if (!isRemote(source) && served === undefined) return undefined;
  const wanted = await wantedOf();
  const fetch = async (): Promise<Uint8Array> => {
    const digest = wanted === undefined ? undefined : `${wanted.form}=${wanted.hex}`;
    const wish = { sources: [source], sourceHash: digest, skipVerify: request.skipVerify, opened: served };
    return (await fetchSource(ctx, { ...wish, template: undefined, variables: new Map() })).bytes;
  };
  let bytes: Promise<Uint8Array> | undefined;
  const file = async (): Promise<ArchiveFile> => {
    bytes ??= fetch();
    return { bytes: await bytes };
  };
  if (wanted !== undefined) return { source, version: `${wanted.form}:${wanted.hex}`, file };
  if (served !== undefined) return { source, version: served.digest, file };
  const fetched = await fetchIfThere(fetch);
  if (fetched === undefined) return undefined;
  const version = `sha256:${createHash('sha256').update(fetched).digest('hex')}`;
  return { source, version, file: () => Promise.resolve({ bytes: fetched }) };
}

function isRemote(source: string): boolean {
  return /^https?:\/\//.test(source);
}

async function fetchIfThere(fetch: () => Promise<Uint8Array>): Promise<Uint8Array | undefined> {
  try {
    return await fetch();
  } catch (error) {
    if (error instanceof EdgeError && error.code === 'EDGE_FILE_NOT_FOUND') return undefined;
    throw error;
  }
}

async function digestOnHost({ host, signal }: ModuleContext, path: string, form: string): Promise<Digest> {
  const { stdout } = await mustProbe(host, [`${form}sum`, path], { signal, timeoutMs: 1_800_000 });
  // A backslash at the start says that the name behind the digest is escaped.
  const hex = /^\\?([0-9a-f]+)/.exec(stdout)?.[1];
  if (hex !== undefined) return { form, hex };
  throw new EdgeError('EDGE_COMMAND_FAILED', `${form}sum of ${path} on ${host.id} printed no digest`, { stdout });
}

const recordSchema = z.object({
  version: z.string(),
  contents: z.object({
    members: z.array(
      z.object({
        path: z.string(),
        kind: z.enum(['directory', 'file', 'link']),
        target: z.string().optional(),
      }),
    ),
    isEncrypted: z.boolean(),
  }),
});

/** Which version of an archive was extracted last, and what is in it. */
export interface ExtractionRecord {
  readonly version: string;
  readonly contents: ArchiveContents;
}

/** The record of what was extracted from a source into a directory; one that cannot be read is none. */
export async function readRecord(
  ctx: ModuleContext,
  directory: string,
  source: string,
): Promise<ExtractionRecord | undefined> {
  const bytes = await readIfPresent(ctx.host, recordPath(ctx, directory, source));
  if (bytes === undefined) return undefined;
  try {
    return recordSchema.parse(JSON.parse(gunzipSync(bytes).toString('utf8'))) as ExtractionRecord;
  } catch (error) {
    ctx.log.warn(`the record of what was extracted into ${directory} cannot be read: ${String(error)}`);
    return undefined;
  }
}

/** Keeps what was extracted in the cache of the host. */
export async function writeRecord(
  ctx: ModuleContext<Host>,
  directory: string,
  source: string,
  record: ExtractionRecord,
): Promise<void> {
  const path = recordPath(ctx, directory, source);
  await makeDirectories(ctx.host, dirname(path), { mode: 0o700 });
  await ctx.host.writeFile(path, new Uint8Array(gzipSync(JSON.stringify(record))), { mode: 0o600 });
}

function recordPath({ opts }: ModuleContext, directory: string, source: string): string {
  const cachedir = opts.get('cachedir');
  const base = typeof cachedir === 'string' ? cachedir : '/var/cache/edge';
  return `${base}/archives/${createHash('sha256').update(`${directory}\0${source}`).digest('hex')}.json.gz`;
}

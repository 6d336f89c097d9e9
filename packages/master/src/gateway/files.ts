import type { FileEntry, FileSource } from '@edge-run/shared/files';
import { EdgeError } from '@edge-run/shared/kernel';
import { z } from 'zod';
import { type Operation, operation } from './serve.ts';

const PAGE = 1_000;
const MAX_CHUNK_BYTES = 512 * 1024;
/** Files of one question; more bytes than one chunk are not answered either. */
const MAX_BLOBS = 1_000;
/** Contents kept in memory while their chunks are asked for. */
const MAX_OPEN_BYTES = 256 * 1024 * 1024;
const KEEP_OPEN_MS = 30_000;

/** With the digest of a bundle, the files are those of then. */
const place = { env: z.string(), bundle: z.string().optional() };

/** What minions ask of a FileSource: `file-environments`, `file-find`, `file-list`, `file-blobs`, `file-chunk`. */
export function fileOperations(
  files: FileSource,
  filesOf: (bundle: string) => FileSource = () => files,
): Readonly<Record<string, Operation>> {
  const sourceOf = (bundle: string | undefined): FileSource => (bundle === undefined ? files : filesOf(bundle));
  const open = new OpenContents(sourceOf);
  return {
    'file-environments': operation(z.object({}), () => files.environments()),
    'file-find': operation(z.object({ uri: z.string(), ...place }), async ({ uri, env, bundle }) => {
      const handle = await sourceOf(bundle).open(uri, env);
      return handle === undefined ? null : entryOf(handle);
    }),
    'file-list': operation(
      z.object({ prefix: z.string(), after: z.string().default(''), ...place }),
      async ({ prefix, after, env, bundle }) => {
        const entries: FileEntry[] = [];
        for await (const entry of sourceOf(bundle).list(prefix, env)) {
          if (after !== '' && entry.path <= after) continue;
          if (entries.length === PAGE) return { entries, more: true };
          entries.push(entryOf(entry));
        }
        return { entries, more: false };
      },
    ),
    'file-blobs': operation(
      z.object({ files: z.array(z.object({ path: z.string(), digest: z.string() })).max(MAX_BLOBS), ...place }),
      async ({ files: wanted, env, bundle }) => {
        const opened = await Promise.all(wanted.map(({ path }) => sourceOf(bundle).open(path, env)));
        let bytes = 0;
        const served = opened.map((handle, index) => {
          if (handle?.digest !== wanted[index]!.digest || bytes + handle.sizeBytes > MAX_CHUNK_BYTES) return null;
          bytes += handle.sizeBytes;
          return handle.read();
        });
        const contents = await Promise.all(served);
        const blobs = contents.map((content) => (content === null ? null : Buffer.from(content).toString('base64')));
        return { blobs };
      },
    ),
    'file-chunk': operation(
      z.object({
        uri: z.string(),
        digest: z.string(),
        offset: z.number().int().min(0),
        length: z.number().int().min(1).max(MAX_CHUNK_BYTES),
        ...place,
      }),
      async ({ uri, env, bundle, digest, offset, length }) => {
        const content = await open.content({ uri, env, bundle, digest });
        return content.subarray(offset, offset + length);
      },
    ),
  };
}

interface WantedContent {
  readonly uri: string;
  readonly env: string;
  readonly bundle: string | undefined;
  readonly digest: string;
}

/** A file is read once for all its chunks. */
class OpenContents {
  readonly #sourceOf: (bundle: string | undefined) => FileSource;
  readonly #open = new Map<string, Promise<Uint8Array>>();
  #bytes = 0;

  constructor(sourceOf: (bundle: string | undefined) => FileSource) {
    this.#sourceOf = sourceOf;
  }

  content(wanted: WantedContent): Promise<Uint8Array> {
    const { uri, env, digest } = wanted;
    const key = `${env}\n${uri}\n${digest}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const reading = this.#read(wanted);
    this.#open.set(key, reading);
    const forget = (bytes: number): void => {
      if (this.#open.get(key) === reading) this.#open.delete(key);
      this.#bytes -= bytes;
    };
    reading.then(
      ({ length }) => {
        this.#bytes += length;
        setTimeout(() => forget(length), this.#bytes > MAX_OPEN_BYTES ? 0 : KEEP_OPEN_MS).unref();
      },
      () => forget(0),
    );
    return reading;
  }

  async #read({ uri, env, bundle, digest }: WantedContent): Promise<Uint8Array> {
    const handle = await this.#sourceOf(bundle).open(uri, env);
    if (handle === undefined || handle.digest !== digest) {
      throw new EdgeError(
        'EDGE_FILE_CHANGED',
        `${uri} (${env}) is not what it was: ${digest}`,
        { uri, env, digest },
        {
          hint: 'Run the job again.',
        },
      );
    }
    return handle.read();
  }
}

function entryOf({ path, digest, sizeBytes, mode }: FileEntry): FileEntry {
  return { path, digest, sizeBytes, mode };
}

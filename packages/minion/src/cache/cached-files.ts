import { contentDigest, type FileEntry, type FileHandle, type FileSource } from '@edge-run/shared/files';
import { EdgeError, type JsonObject, type JsonValue } from '@edge-run/shared/kernel';
import { z } from 'zod';
import type { BlobStore } from './blob-store.ts';

/** Asks the master; `agent/rpc.ts` is the one that does. */
export interface Ask {
  ask(operation: string, question: JsonObject): Promise<JsonValue>;
  /** As `ask`, where the answer is bytes. */
  askBytes(operation: string, question: JsonObject): Promise<Uint8Array>;
}

/** How much of a file is asked for at a time; below what the NATS server takes as one message. */
export const CHUNK_BYTES = 512 * 1024;
const IN_FLIGHT = 4;
/** Files of one question, beside the bound of their bytes. */
const MAX_BATCH_FILES = 1_000;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

const entry = z.object({
  path: z.string(),
  digest: z.string().regex(DIGEST),
  sizeBytes: z.number().int().min(0),
  mode: z.number().int(),
});
const listing = z.object({ entries: z.array(entry), more: z.boolean() });
const found = entry.nullable();
/** In the order asked for; null where the file is not what it was. */
const blobs = z.object({ blobs: z.array(z.string().nullable()) });

/**
 * The master's files, asked for as they are needed; contents are kept by digest, so that an unchanged file is fetched
 * once. What is read is always checked against the digest.
 */
export class CachedFiles implements FileSource {
  readonly #rpc: Ask;
  readonly #store: BlobStore;
  /** Digest → fetch under way. */
  readonly #fetches = new Map<string, Promise<Uint8Array>>();

  /** Of the digest of a bundle, what its files are asked for with. */
  readonly #place: { readonly bundle?: string };

  constructor(rpc: Ask, store: BlobStore, bundle?: string) {
    this.#rpc = rpc;
    this.#store = store;
    this.#place = bundle === undefined ? {} : { bundle };
  }

  /** The files as they were when a run was planned, over the same store. */
  ofBundle(bundle: string): FileSource {
    return new CachedFiles(this.#rpc, this.#store, bundle);
  }

  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    const answer = found.parse(await this.#rpc.ask('file-find', { uri, env, ...this.#place }));
    return answer === null ? undefined : this.#handle(answer, uri, env);
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    let after = '';
    for (;;) {
      const page = listing.parse(await this.#rpc.ask('file-list', { prefix, env, after, ...this.#place }));
      yield* page.entries;
      const last = page.entries.at(-1);
      if (!page.more || last === undefined) return;
      after = last.path;
    }
  }

  /** What is lacking of small files comes together, half a megabyte to a question; large files come when they are read. */
  async openAll(entries: readonly FileEntry[], env: string): Promise<readonly FileHandle[]> {
    const lacking = new Map<string, FileEntry>();
    for (const wanted of entries)
      if (wanted.sizeBytes <= CHUNK_BYTES && !lacking.has(wanted.digest) && !(await this.#store.has(wanted.digest)))
        lacking.set(wanted.digest, wanted);
    const batches = batchesOf([...lacking.values()]);
    const worker = async (): Promise<void> => {
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift())
        await this.#fetchBatch(batch, env);
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    return entries.map((wanted) => this.#handle(wanted, wanted.path, env));
  }

  async environments(): Promise<readonly string[]> {
    return z.array(z.string()).parse(await this.#rpc.ask('file-environments', {}));
  }

  #handle(wanted: FileEntry, uri: string, env: string): FileHandle {
    return { ...wanted, read: () => this.#content(wanted, uri, env) };
  }

  #content(wanted: FileEntry, uri: string, env: string): Promise<Uint8Array> {
    const running = this.#fetches.get(wanted.digest);
    if (running !== undefined) return running;
    const fetch = this.#store
      .read(wanted.digest)
      .then((kept) => kept ?? this.#fetch(wanted, uri, env))
      .finally(() => this.#fetches.delete(wanted.digest));
    this.#fetches.set(wanted.digest, fetch);
    return fetch;
  }

  async #fetchBatch(batch: readonly FileEntry[], env: string): Promise<void> {
    const files = batch.map(({ path, digest }) => ({ path, digest }));
    const answer = blobs.parse(await this.#rpc.ask('file-blobs', { env, files, ...this.#place }));
    const kept = batch.map(async ({ digest, path }, index) => {
      const data = answer.blobs[index];
      // Reading it says what is wrong.
      if (data === undefined || data === null) return;
      const content = Buffer.from(data, 'base64');
      if (contentDigest(content) !== digest) throw damaged(path, digest);
      await this.#store.keep(digest, content);
    });
    await Promise.all(kept);
  }

  async #fetch({ digest, sizeBytes, path }: FileEntry, uri: string, env: string): Promise<Uint8Array> {
    const content = Buffer.alloc(sizeBytes);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < sizeBytes) {
        const offset = next;
        next += CHUNK_BYTES;
        const length = Math.min(CHUNK_BYTES, sizeBytes - offset);
        const question = { uri, env, digest, offset, length, ...this.#place };
        const bytes = await this.#rpc.askBytes('file-chunk', question);
        if (bytes.length !== length) throw damaged(path, digest);
        content.set(bytes, offset);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    if (contentDigest(content) !== digest) throw damaged(path, digest);
    await this.#store.keep(digest, content);
    return content;
  }
}

/** Files in the order given, together no more than one message holds. */
function batchesOf(files: readonly FileEntry[]): FileEntry[][] {
  const batches: FileEntry[][] = [];
  let bytes = 0;
  for (const file of files) {
    const last = batches.at(-1);
    if (last === undefined || bytes + file.sizeBytes > CHUNK_BYTES || last.length === MAX_BATCH_FILES) {
      batches.push([file]);
      bytes = 0;
    } else last.push(file);
    bytes += file.sizeBytes;
  }
  return batches;
}

function damaged(path: string, digest: string): EdgeError {
  return new EdgeError(
    'EDGE_FILE_CHANGED',
    `${path} changed on the master while it was fetched`,
    { path, digest },
    {
      hint: 'Run the job again.',
    },
  );
}

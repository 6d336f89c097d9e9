import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileEntry, FileHandle, FileSource } from '@edge-run/shared/files';
import { EdgeError, type JsonObject, type JsonValue } from '@edge-run/shared/kernel';
import { z } from 'zod';

/** Asks the master; `agent/rpc.ts` is the one that does. */
export interface Ask {
  ask(operation: string, question: JsonObject): Promise<JsonValue>;
}

/** How much of a file is asked for at a time; below what the NATS server takes as one message. */
export const CHUNK_BYTES = 512 * 1024;
const IN_FLIGHT = 4;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

const entry = z.object({
  path: z.string(),
  digest: z.string().regex(DIGEST),
  sizeBytes: z.number().int().min(0),
  mode: z.number().int(),
});
const listing = z.object({ entries: z.array(entry), more: z.boolean() });
const found = entry.nullable();
const chunk = z.object({ data: z.string() });

/**
 * The master's files, asked for as they are needed; contents are kept by digest, so that an unchanged file is fetched
 * once. What is read is always checked against the digest.
 */
export class CachedFiles implements FileSource {
  readonly #rpc: Ask;
  readonly #directory: string;
  /** Digest → fetch under way. */
  readonly #fetches = new Map<string, Promise<Uint8Array>>();

  constructor(rpc: Ask, directory: string) {
    this.#rpc = rpc;
    this.#directory = directory;
  }

  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    const answer = found.parse(await this.#rpc.ask('file-find', { uri, env }));
    if (answer === null) return undefined;
    return { ...answer, read: () => this.#content(answer, uri, env) };
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    let after = '';
    for (;;) {
      const page = listing.parse(await this.#rpc.ask('file-list', { prefix, env, after }));
      yield* page.entries;
      const last = page.entries.at(-1);
      if (!page.more || last === undefined) return;
      after = last.path;
    }
  }

  async environments(): Promise<readonly string[]> {
    return z.array(z.string()).parse(await this.#rpc.ask('file-environments', {}));
  }

  #content(wanted: FileEntry, uri: string, env: string): Promise<Uint8Array> {
    const running = this.#fetches.get(wanted.digest);
    if (running !== undefined) return running;
    const fetch = this.#kept(wanted)
      .then((kept) => kept ?? this.#fetch(wanted, uri, env))
      .finally(() => this.#fetches.delete(wanted.digest));
    this.#fetches.set(wanted.digest, fetch);
    return fetch;
  }

  /** Undefined when it is not there or was damaged. */
  async #kept({ digest }: FileEntry): Promise<Uint8Array | undefined> {
    try {
      const content = await readFile(this.#path(digest));
      return digestOf(content) === digest ? content : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #fetch({ digest, sizeBytes, path }: FileEntry, uri: string, env: string): Promise<Uint8Array> {
    const content = Buffer.alloc(sizeBytes);
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < sizeBytes) {
        const offset = next;
        next += CHUNK_BYTES;
        const length = Math.min(CHUNK_BYTES, sizeBytes - offset);
        const { data } = chunk.parse(await this.#rpc.ask('file-chunk', { uri, env, digest, offset, length }));
        const bytes = Buffer.from(data, 'base64');
        if (bytes.length !== length) throw damaged(path, digest);
        bytes.copy(content, offset);
      }
    };
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
    if (digestOf(content) !== digest) throw damaged(path, digest);
    await this.#keep(digest, content);
    return content;
  }

  async #keep(digest: string, content: Uint8Array): Promise<void> {
    const path = this.#path(digest);
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomBytes(4).toString('hex')}`;
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, path);
  }

  #path(digest: string): string {
    const hex = digest.slice('sha256:'.length);
    return join(this.#directory, hex.slice(0, 2), hex);
  }
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
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

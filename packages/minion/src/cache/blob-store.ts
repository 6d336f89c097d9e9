import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { contentDigest } from '@edge-run/shared/files';
import type { Clock } from '@edge-run/shared/kernel';

/** Where contents lie and how much of them. */
export interface BlobStoreOptions {
  readonly directory: string;
  /** When they come to more, those not used the longest go. One larger than this is not kept at all. */
  readonly maxBytes: number;
  readonly clock: Clock;
}

interface Blob {
  readonly sizeBytes: number;
  usedAt: number;
  /** The time its file has, which is all that a restart has to go by. */
  touchedAt: number;
}

const TOUCH_EVERY_MS = 60_000;

const PART = '.part';

/**
 * Contents by digest in a folder. A content is there as a whole or not at all, whenever the process is killed; what a
 * killed one had begun is cleared away at the next start, and what a disk damaged counts as not there.
 */
export class BlobStore {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  /** digest → what is known of it, as found at the first use and kept since */
  #known: Promise<Map<string, Blob>> | undefined;
  #bytes = 0;

  constructor({ directory, maxBytes, clock }: BlobStoreOptions) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  /** Whether it is there; its content is looked at only when it is read. */
  async has(digest: string): Promise<boolean> {
    return (await this.#index()).has(digest);
  }

  /** Undefined when it is not there or was damaged. */
  async read(digest: string): Promise<Uint8Array | undefined> {
    const known = await this.#index();
    const blob = known.get(digest);
    if (blob === undefined) return undefined;
    const content = await readFile(this.#path(digest)).catch(absent);
    if (content === undefined || contentDigest(content) !== digest) {
      this.#forget(known, digest);
      return undefined;
    }
    blob.usedAt = this.#clock.now();
    if (blob.usedAt - blob.touchedAt > TOUCH_EVERY_MS) {
      blob.touchedAt = blob.usedAt;
      await utimes(this.#path(digest), blob.usedAt / 1000, blob.usedAt / 1000).catch(absent);
    }
    return content;
  }

  async keep(digest: string, content: Uint8Array): Promise<void> {
    const known = await this.#index();
    if (content.length > this.#maxBytes) return;
    const path = this.#path(digest);
    await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomBytes(4).toString('hex')}${PART}`;
    await writeFile(temporary, content, { mode: 0o600 });
    await rename(temporary, path);
    this.#forget(known, digest);
    const now = this.#clock.now();
    known.set(digest, { sizeBytes: content.length, usedAt: now, touchedAt: now });
    this.#bytes += content.length;
    await this.#makeRoom(known, digest);
  }

  async #makeRoom(known: Map<string, Blob>, except: string): Promise<void> {
    if (this.#bytes <= this.#maxBytes) return;
    for (const [digest] of [...known].sort(([, a], [, b]) => a.usedAt - b.usedAt)) {
      if (this.#bytes <= this.#maxBytes) return;
      if (digest === except) continue;
      this.#forget(known, digest);
      await rm(this.#path(digest), { force: true });
    }
  }

  #forget(known: Map<string, Blob>, digest: string): void {
    this.#bytes -= known.get(digest)?.sizeBytes ?? 0;
    known.delete(digest);
  }

  #index(): Promise<Map<string, Blob>> {
    this.#known ??= this.#readFolder();
    return this.#known;
  }

  async #readFolder(): Promise<Map<string, Blob>> {
    const known = new Map<string, Blob>();
    for (const folder of (await readdir(this.#directory).catch(absent)) ?? []) {
      if (!/^[0-9a-f]{2}$/.test(folder)) continue;
      for (const name of await readdir(join(this.#directory, folder))) {
        const path = join(this.#directory, folder, name);
        if (name.endsWith(PART)) await rm(path, { force: true });
        if (!/^[0-9a-f]{64}$/.test(name)) continue;
        const { size, mtimeMs } = await stat(path);
        known.set(`sha256:${name}`, { sizeBytes: size, usedAt: mtimeMs, touchedAt: mtimeMs });
        this.#bytes += size;
      }
    }
    return known;
  }

  #path(digest: string): string {
    const hex = digest.slice('sha256:'.length);
    return join(this.#directory, hex.slice(0, 2), hex);
  }
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

import { createHash } from 'node:crypto';
import { type FileEntry, type FileHandle, type FileSource, parseFileUri } from '@edge-run/shared/files';

/** Environment → path → text. */
export type MemoryTrees = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Serves texts from memory. */
export class MemoryFiles implements FileSource {
  readonly #trees: MemoryTrees;

  constructor(trees: MemoryTrees) {
    this.#trees = trees;
  }

  async environments(): Promise<readonly string[]> {
    return Object.keys(this.#trees);
  }

  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    const place = parseFileUri(uri, env);
    const text = this.#trees[place.env]?.[place.path];
    if (text === undefined) return undefined;
    return { ...entryOf(place.path, text), read: async () => Buffer.from(text) };
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    for (const path of Object.keys(this.#trees[env] ?? {}).sort()) {
      if (path.startsWith(prefix)) yield entryOf(path, this.#trees[env]![path]!);
    }
  }
}

function entryOf(path: string, text: string): FileEntry {
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
  return { path, digest, sizeBytes: Buffer.byteLength(text), mode: 0o644 };
}

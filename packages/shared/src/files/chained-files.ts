import type { FileEntry, FileHandle, FileSource } from './contract.ts';
import { comparePaths } from './uri.ts';

/** Several sources as one: the first that has a file wins, and every environment of any of them is there. */
export class ChainedFiles implements FileSource {
  readonly #sources: readonly FileSource[];

  constructor(sources: readonly FileSource[]) {
    this.#sources = sources;
  }

  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    for (const source of this.#sources) {
      const handle = await source.open(uri, env);
      if (handle !== undefined) return handle;
    }
    return undefined;
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    const found = new Map<string, FileEntry>();
    for (const source of this.#sources) {
      for await (const entry of source.list(prefix, env)) if (!found.has(entry.path)) found.set(entry.path, entry);
    }
    yield* [...found.values()].sort((a, b) => comparePaths(a.path, b.path));
  }

  async environments(): Promise<readonly string[]> {
    const names = await Promise.all(this.#sources.map((source) => source.environments()));
    return [...new Set(names.flat())];
  }
}

import type { FileEntry, FileHandle, FileSource } from '@edge-run/shared/files';

/** A file source that opens and lists everything once, and knows what was opened: nothing changes during a check. */
export class RememberedFiles implements FileSource {
  readonly #source: FileSource;
  readonly #opened = new Map<string, Promise<FileHandle | undefined>>();
  readonly #lists = new Map<string, Promise<readonly FileEntry[]>>();
  /** `env\0path` of every file that was there when it was asked for. */
  readonly read = new Set<string>();

  constructor(source: FileSource) {
    this.#source = source;
  }

  async open(uri: string, env: string): Promise<FileHandle | undefined> {
    const key = `${env}\0${uri}`;
    const known = this.#opened.get(key) ?? this.#source.open(uri, env).then((file) => file && remembered(file));
    this.#opened.set(key, known);
    const file = await known;
    if (file !== undefined) this.read.add(`${env}\0${file.path}`);
    return file;
  }

  async *list(prefix: string, env: string): AsyncIterable<FileEntry> {
    const known = this.#lists.get(env) ?? all(this.#source.list('', env));
    this.#lists.set(env, known);
    for (const entry of await known) if (entry.path.startsWith(prefix)) yield entry;
  }

  environments(): Promise<readonly string[]> {
    return this.#source.environments();
  }
}

function remembered(file: FileHandle): FileHandle {
  let content: Promise<Uint8Array> | undefined;
  const { path, digest, sizeBytes, mode } = file;
  return {
    ...{ path, digest, sizeBytes, mode },
    read: () => {
      content ??= file.read();
      return content;
    },
  };
}

async function all(entries: AsyncIterable<FileEntry>): Promise<readonly FileEntry[]> {
  const found: FileEntry[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

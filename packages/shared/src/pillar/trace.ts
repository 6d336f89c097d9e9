import { createHash } from 'node:crypto';
import { contentDigest, type FileEntry, type FileHandle, type FileSource } from '../files/index.ts';
import type { TemplateCalls } from '../render/index.ts';
import { encodeValue, PyMap, type Value } from '../values/index.ts';

/** Filters and globals that give something else each time, or look at the machine. */
const UNREPEATABLE =
  /\b(rand_str|random\w*|strftime|gen_mac|lipsum|which|file_hashsum|list_files|is_(?:text|bin|empty)_file|dns_check|http_query|get_uid)\b/;

/** Functions that answer from grains, the pillar so far and the configuration alone. */
const FROM_GRAINS = /^(grains|pillar|config|match)\.\w+$/;

/**
 * Writes down what a compilation looks at, so that it can be said later whether it would look at the same again: files
 * by digest, grains by value. What cannot be said that of makes it unrepeatable.
 */
export class Trace {
  /** `env` NUL `uri` → digest; null for a file that was not there. */
  readonly #opened = new Map<string, string | null>();
  /** `env` NUL `prefix` → digest of what was listed. */
  readonly #listed = new Map<string, string>();
  #environments: string | undefined;
  /** Top-level grain → digest. */
  readonly #grains = new Map<string, string>();
  #allGrains: string | undefined;
  #isRepeatable = true;

  get isRepeatable(): boolean {
    return this.#isRepeatable;
  }

  /** The source, watched. */
  files(source: FileSource): FileSource {
    const list = async (prefix: string, env: string): Promise<readonly FileEntry[]> => {
      const entries = await collect(source.list(prefix, env));
      this.#listed.set(`${env}\0${prefix}`, digestOfList(entries));
      return entries;
    };
    return {
      open: async (uri, env) => {
        const file = await source.open(uri, env);
        this.#opened.set(`${env}\0${uri}`, file?.digest ?? null);
        return file && this.#watched(file);
      },
      async *list(prefix, env) {
        yield* await list(prefix, env);
      },
      environments: async () => {
        const environments = await source.environments();
        this.#environments = JSON.stringify(environments);
        return environments;
      },
    };
  }

  /** The grains, watched. */
  grains(grains: PyMap): PyMap {
    const see = (key: Value): void => {
      if (typeof key !== 'string') this.#seeAll(grains);
      else if (!this.#grains.has(key)) this.#grains.set(key, digestOf(grains.get(key)));
    };
    return new WatchedMap(grains, see, () => this.#seeAll(grains));
  }

  /** The functions of templates, watched. */
  calls(calls: TemplateCalls, grains: PyMap): TemplateCalls {
    return {
      has: (name) => calls.has(name),
      names: () => calls.names(),
      call: (name, args, kwargs, place) => {
        if (FROM_GRAINS.test(name)) this.#seeAll(grains);
        else this.#isRepeatable = false;
        return calls.call(name, args, kwargs, place);
      },
    };
  }

  /** True when everything is as it was. */
  async holds(source: FileSource, grains: PyMap): Promise<boolean> {
    if (this.#allGrains !== undefined && digestOf(grains) !== this.#allGrains) return false;
    for (const [key, digest] of this.#grains) if (digestOf(grains.get(key)) !== digest) return false;
    if (this.#environments !== undefined && JSON.stringify(await source.environments()) !== this.#environments) {
      return false;
    }
    for (const [place, digest] of this.#opened) {
      const [env, uri] = place.split('\0') as [string, string];
      if (((await source.open(uri, env))?.digest ?? null) !== digest) return false;
    }
    for (const [place, digest] of this.#listed) {
      const [env, prefix] = place.split('\0') as [string, string];
      if (digestOfList(await collect(source.list(prefix, env))) !== digest) return false;
    }
    return true;
  }

  #watched(file: FileHandle): FileHandle {
    return {
      ...file,
      read: async () => {
        const bytes = await file.read();
        if (UNREPEATABLE.test(Buffer.from(bytes).toString('latin1'))) this.#isRepeatable = false;
        // Read after it was looked at, it may be another one already.
        if (contentDigest(bytes) !== file.digest) this.#isRepeatable = false;
        return bytes;
      },
    };
  }

  #seeAll(grains: PyMap): void {
    this.#allGrains ??= digestOf(grains);
  }
}

/** A mapping that tells which of its keys are looked at. */
class WatchedMap extends PyMap {
  readonly #see: (key: Value) => void;
  readonly #seeAll: () => void;

  constructor(entries: PyMap, see: (key: Value) => void, seeAll: () => void) {
    super(entries);
    this.#see = see;
    this.#seeAll = seeAll;
  }

  override get size(): number {
    this.#seeAll();
    return super.size;
  }

  override get(key: Value): Value | undefined {
    this.#see(key);
    return super.get(key);
  }

  override has(key: Value): boolean {
    this.#see(key);
    return super.has(key);
  }

  override keys(): IterableIterator<Value> {
    this.#seeAll();
    return super.keys();
  }

  override values(): IterableIterator<Value> {
    this.#seeAll();
    return super.values();
  }

  override entries(): IterableIterator<[Value, Value]> {
    this.#seeAll();
    return super.entries();
  }
}

/** A digest of a value; secrets count. */
export function digestOf(value: Value | undefined): string {
  const json = value === undefined ? undefined : encodeValue(value, { secrets: 'revealed' });
  return createHash('sha256')
    .update(JSON.stringify(json) ?? 'undefined')
    .digest('base64');
}

async function collect(entries: AsyncIterable<FileEntry>): Promise<readonly FileEntry[]> {
  const collected: FileEntry[] = [];
  for await (const entry of entries) collected.push(entry);
  return collected;
}

function digestOfList(entries: readonly FileEntry[]): string {
  const hash = createHash('sha256');
  for (const { path, digest } of entries) hash.update(`${path}\0${digest}\0`);
  return hash.digest('base64');
}

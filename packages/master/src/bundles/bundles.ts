import {
  BundledFiles,
  contentDigest,
  type FileBundle,
  type FileEntry,
  type FileSource,
  listBundle,
} from '@edge-run/shared/files';
import { EdgeError } from '@edge-run/shared/kernel';
import type { Contents } from './contents.ts';

/** Larger files are known by digest only: when one changes under a run, the run says so instead of going on with it. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;
/** With more environments than this, as git branches can be, a run stands on those it was planned in. */
const MAX_ENVIRONMENTS = 16;
const KEPT_AT_ONCE = 64;
/** Where top files are looked for first. */
const HIGHSTATE_ENVIRONMENT = 'base';
/** How often files are listed again that changed meanwhile. */
const MAX_TRIES = 5;
/** Bundles whose lists stay in memory. */
const MAX_OPEN = 8;

/** The files of a run: a digest that travels with its jobs, and the files themselves. */
export interface Bundle {
  /** `sha256:<hex>`. */
  readonly digest: string;
  readonly files: FileSource;
}

/** Keeps the files that runs stand on, so that whoever goes on with a run goes on with them. */
export class Bundles {
  readonly #current: FileSource;
  readonly #contents: Contents;
  /** Digest → its files, least recently used first. */
  readonly #open = new Map<string, FileSource>();

  constructor(current: FileSource, contents: Contents) {
    this.#current = current;
    this.#contents = contents;
  }

  /** The files a new run stands on: those of the run that asks for it, or those of now. */
  async forRun({ bundle, saltenv }: { readonly bundle?: string; readonly saltenv?: string }): Promise<Bundle> {
    return bundle === undefined ? this.take(saltenv) : { digest: bundle, files: this.files(bundle) };
  }

  /** Keeps the files as they are now. */
  async take(saltenv = HIGHSTATE_ENVIRONMENT): Promise<Bundle> {
    const bundle = await this.#takeList([HIGHSTATE_ENVIRONMENT, saltenv], MAX_TRIES);
    const list = new TextEncoder().encode(JSON.stringify(bundle));
    const digest = contentDigest(list);
    await this.#contents.keep(digest, async () => list);
    return { digest, files: this.#remember(digest, () => this.#serve(async () => bundle)) };
  }

  /** The files of a bundle that was taken before, here or by another master. Reading them fails when it is not kept. */
  files(digest: string): FileSource {
    return this.#remember(digest, () => this.#serve(() => this.#read(digest)));
  }

  #serve(bundle: () => Promise<FileBundle>): FileSource {
    const kept = ({ digest }: FileEntry): Promise<Uint8Array | undefined> => this.#contents.read(digest);
    return new BundledFiles({ bundle, current: this.#current, kept });
  }

  #remember(digest: string, serve: () => FileSource): FileSource {
    const files = this.#open.get(digest) ?? serve();
    this.#open.delete(digest);
    this.#open.set(digest, files);
    if (this.#open.size > MAX_OPEN) this.#open.delete(this.#open.keys().next().value!);
    return files;
  }

  async #read(digest: string): Promise<FileBundle> {
    const list = await this.#contents.read(digest);
    if (list !== undefined) return JSON.parse(new TextDecoder().decode(list)) as FileBundle;
    throw new EdgeError(
      'EDGE_BUNDLE_GONE',
      'the files this run was planned with are not kept any more',
      { bundle: digest },
      { hint: 'Go on with the files of today: edge-run orch retry RUN --with-current' },
    );
  }

  /** Files may be written while they are listed: what was listed and what is kept are the same in the end. */
  async #takeList(wanted: readonly string[], tries: number): Promise<FileBundle> {
    const all = await this.#current.environments();
    const bundle = await listBundle(this.#current, all.length > MAX_ENVIRONMENTS ? wanted : [...all, ...wanted]);
    try {
      await this.#keepContents(bundle);
      return bundle;
    } catch (error) {
      if (tries <= 1 || !(error instanceof EdgeError) || error.code !== 'EDGE_FILE_CHANGED') throw error;
      return this.#takeList(wanted, tries - 1);
    }
  }

  async #keepContents(bundle: FileBundle): Promise<void> {
    const wanted = new Map<string, { readonly entry: FileEntry; readonly env: string }>();
    for (const [env, entries] of Object.entries(bundle))
      for (const entry of entries) if (entry.sizeBytes <= MAX_KEPT_BYTES) wanted.set(entry.digest, { entry, env });
    const queue = [...wanted.values()];
    const worker = async (): Promise<void> => {
      for (let next = queue.pop(); next !== undefined; next = queue.pop()) await this.#keep(next.entry, next.env);
    };
    await Promise.all(Array.from({ length: KEPT_AT_ONCE }, worker));
  }

  #keep({ path, digest }: FileEntry, env: string): Promise<void> {
    return this.#contents.keep(digest, async () => {
      const file = await this.#current.open(path, env);
      if (file?.digest === digest) return file.read();
      throw new EdgeError(
        'EDGE_FILE_CHANGED',
        `${path} (${env}) changed while the files were being listed`,
        { path, env },
        { hint: 'Ask again; nothing was run.' },
      );
    });
  }
}

import type { FileSource } from '../files/index.ts';
import { type Diagnostic, hasErrors } from '../kernel/index.ts';
import type { TemplateCalls } from '../render/index.ts';
import type { PyMap } from '../values/index.ts';
import { Trace } from './trace.ts';

/** What a compilation looks at beside what its key says. */
export interface PillarInputs {
  readonly files: FileSource;
  readonly grains: PyMap;
  readonly calls: TemplateCalls;
}

/** What the files of a pillar give a host, before anything else is merged. */
export interface FilesPart {
  readonly data: PyMap;
  readonly diagnostics: readonly Diagnostic[];
}

interface Entry {
  readonly trace: Trace;
  readonly part: FilesPart;
}

/** Hosts and environments kept, at most. */
const MAX_ENTRIES = 4_096;

/**
 * Compiled pillars of hosts, answered again as long as everything that was looked at is as it was: the digests of the
 * files (those that were not there, too) and the grains their templates used. Files are looked at for each answer, so a
 * changed one is seen at once. Templates that call functions or give something else each time are never kept.
 */
export class PillarCache {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  readonly #maxEntries: number;
  #hits = 0;
  #misses = 0;

  constructor({ maxEntries = MAX_ENTRIES }: { readonly maxEntries?: number } = {}) {
    this.#maxEntries = maxEntries;
  }

  /** How often an answer was there, and how often not. */
  get counts(): { readonly hits: number; readonly misses: number; readonly entries: number } {
    return { hits: this.#hits, misses: this.#misses, entries: this.#entries.size };
  }

  /** The part kept under `key` if it still holds, or else what `compile` makes of the inputs it is given; not to be changed. */
  async filesOf(
    key: string,
    inputs: PillarInputs,
    compile: (inputs: PillarInputs) => Promise<FilesPart>,
  ): Promise<FilesPart> {
    const kept = this.#entries.get(key);
    if (kept !== undefined && (await kept.trace.holds(inputs.files, inputs.grains))) {
      this.#hits += 1;
      this.#keep(key, kept);
      return kept.part;
    }
    this.#misses += 1;
    this.#entries.delete(key);
    const trace = new Trace();
    const part = await compile({
      files: trace.files(inputs.files),
      grains: trace.grains(inputs.grains),
      calls: trace.calls(inputs.calls, inputs.grains),
    });
    if (!hasErrors(part.diagnostics) && trace.isRepeatable) this.#keep(key, { trace, part });
    return part;
  }

  #keep(key: string, entry: Entry): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > this.#maxEntries) this.#entries.delete(this.#entries.keys().next().value!);
  }
}

import type { TopEntry, TopFile } from './top-file.ts';

/**
 * How the top files of several environments become one (Salt's `top_file_merging_strategy`):
 *
 * - `merge`: base's file is taken whole; another environment's only for its own section, and only where base has none.
 * - `merge_all`: every section of every file, SLS names of the same target joined.
 * - `same`: from each file its own section only; an environment without a file takes its section from `defaultTop`.
 * - `pillar`: what pillars do: every section of every file, a later entry replacing the same target.
 */
export type TopStrategy = 'merge' | 'merge_all' | 'same' | 'pillar';

/** How the top files of several environments become one. */
export interface MergeTopsOptions {
  readonly strategy: TopStrategy;
  /** Environments to take first, in this order; the others follow in theirs. */
  readonly envOrder?: readonly string[];
  /** For `same`. Default `base`. */
  readonly defaultTop?: string;
}

/** environment → its entries, in the order they apply */
export type MergedTop = ReadonlyMap<string, readonly TopEntry[]>;

/** Merges the top files of each environment (several when they include each other). */
export function mergeTops(tops: ReadonlyMap<string, readonly TopFile[]>, options: MergeTopsOptions): MergedTop {
  const ordered = orderEnvironments([...tops.keys()], options.envOrder ?? []);
  const merger = new Merger();
  switch (options.strategy) {
    case 'merge':
      mergeBaseFirst(merger, tops, ordered);
      break;
    case 'merge_all':
      for (const env of ordered) for (const file of tops.get(env)!) merger.addAll(file, joinEntries);
      break;
    case 'same':
      mergeOwnSections(merger, tops, ordered, options.defaultTop ?? 'base');
      break;
    case 'pillar':
      for (const env of ordered) for (const file of tops.get(env)!) merger.addAll(file, replaceEntry);
      return sorted(merger.result());
  }
  return merger.result();
}

/** The environments of `order` first, then the rest as they are. */
export function orderEnvironments(environments: readonly string[], order: readonly string[]): readonly string[] {
  const first = order.filter((env) => environments.includes(env));
  return [...first, ...environments.filter((env) => !first.includes(env))];
}

type Combine = (earlier: TopEntry, later: TopEntry) => TopEntry;

class Merger {
  readonly #sections = new Map<string, Map<string, TopEntry>>();

  has(env: string): boolean {
    return this.#sections.has(env);
  }

  addAll(file: TopFile, combine: Combine): void {
    for (const env of file.sections.keys()) this.addSection(file, env, combine);
  }

  addSection(file: TopFile, env: string, combine: Combine): void {
    const entries = file.sections.get(env);
    if (entries === undefined) return;
    const section = this.#sections.get(env) ?? new Map<string, TopEntry>();
    this.#sections.set(env, section);
    for (const entry of entries) {
      const earlier = section.get(entry.target);
      section.set(entry.target, earlier === undefined ? entry : combine(earlier, entry));
    }
  }

  result(): MergedTop {
    return new Map([...this.#sections].map(([env, entries]) => [env, [...entries.values()]]));
  }
}

const replaceEntry: Combine = (_earlier, later) => later;

const joinEntries: Combine = (earlier, later) => ({
  ...later,
  // Without a word about matching the later file leaves the matcher as it was.
  ...(later.matcher === 'compound' ? { matcher: earlier.matcher, expression: earlier.expression } : {}),
  sls: [...earlier.sls, ...later.sls.filter((name) => !earlier.sls.includes(name))],
  places: new Map([...later.places, ...earlier.places]),
  elsewhere: [...earlier.elsewhere, ...later.elsewhere],
  subfilters: [...earlier.subfilters, ...later.subfilters],
  ignoreMissing: earlier.ignoreMissing || later.ignoreMissing,
});

function mergeBaseFirst(merger: Merger, tops: ReadonlyMap<string, readonly TopFile[]>, order: readonly string[]): void {
  for (const file of tops.get('base') ?? []) merger.addAll(file, replaceEntry);
  for (const env of order) {
    if (env === 'base' || merger.has(env)) continue;
    for (const file of tops.get(env)!) merger.addSection(file, env, replaceEntry);
  }
}

function mergeOwnSections(
  merger: Merger,
  tops: ReadonlyMap<string, readonly TopFile[]>,
  order: readonly string[],
  defaultTop: string,
): void {
  for (const env of order) {
    const own = tops.get(env)!.filter(({ sections }) => sections.size > 0);
    const files = own.length > 0 ? own : (tops.get(defaultTop) ?? []);
    for (const file of files) merger.addSection(file, env, replaceEntry);
  }
}

function sorted(top: MergedTop): MergedTop {
  return new Map([...top].map(([env, entries]) => [env, [...entries].sort((a, b) => a.order - b.order)]));
}

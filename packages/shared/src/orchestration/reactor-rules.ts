import type { Diagnostic } from '../kernel/index.ts';
import { compileGlob } from '../target/index.ts';

/** `reactor` of the configuration: a list of one tag glob → SLS files each. */
export type ReactorConfig = readonly Readonly<Record<string, readonly string[]>>[];

/** One tag glob and the SLS files that react to it. */
export interface ReactorRule {
  readonly tag: string;
  readonly files: readonly string[];
}

/** The rules of the configuration, in order. An entry with more or fewer keys than one is left out, as in Salt. */
export function reactorRules(config: ReactorConfig): readonly ReactorRule[] {
  return config.flatMap((entry) => {
    const pairs = Object.entries(entry);
    return pairs.length === 1 ? pairs.map(([tag, files]) => ({ tag, files })) : [];
  });
}

/** Says which entries are left out and why. */
export function checkReactorConfig(config: ReactorConfig): readonly Diagnostic[] {
  return config.flatMap((entry, index): readonly Diagnostic[] => {
    const tags = Object.keys(entry);
    if (tags.length === 1) return [];
    const what = tags.length === 0 ? 'no tag' : `several tags (${tags.join(', ')})`;
    return [
      {
        severity: 'warning',
        code: 'EDGE_CONFIG_INVALID',
        summary: `reactor: entry ${index + 1} has ${what} and is left out`,
        detail: 'write one tag behind each `- `',
      },
    ];
  });
}

/**
 * The SLS files that react to a tag, in the order of the configuration; a file that two rules name is there twice.
 * Globs are Python's `fnmatch`: `*` crosses slashes, upper and lower case differ (Salt 3006 reactor.py, list_reactors).
 */
export function matchReactors(config: ReactorConfig, tag: string): readonly string[] {
  return compileReactors(config)(tag);
}

/** As `matchReactors`, with the globs read once. */
export function compileReactors(config: ReactorConfig): (tag: string) => readonly string[] {
  const rules = reactorRules(config).map(({ tag, files }) => ({ matches: compileGlob(tag), files }));
  return (tag) => rules.flatMap(({ matches, files }) => (matches(tag) ? files : []));
}

import { type Compiled, compiled, type Diagnostic, EdgeError, type SourceRange } from '../kernel/index.ts';
import { didYouMean } from '../schema/index.ts';
import { compileGlob, isGlob, matchTarget, type TargetContext, type TargetSubject } from '../target/index.ts';
import type { MergedTop } from './merge-tops.ts';
import type { TopEntry } from './top-file.ts';

/** Whom a top file is matched against. */
export interface MatchTopOptions extends TargetContext {
  /** Only this environment's section counts (`saltenv` or `pillarenv` of the run). */
  readonly env?: string;
  /** Names of the environments there are; an SLS asked of any other is an error. */
  readonly environments?: readonly string[];
}

/** What a top file gives a host. */
export interface TopMatches {
  /** environment → SLS names, globs unexpanded, in order, each once */
  readonly sls: ReadonlyMap<string, readonly string[]>;
  /** environment → names that may be missing */
  readonly ignoreMissing: ReadonlyMap<string, ReadonlySet<string>>;
  /** Where a top file asks for an SLS first. */
  placeOf(env: string, sls: string): SourceRange | undefined;
}

/** Matches a merged top file against one host. A target that cannot be decided is an error at its entry. */
export function matchTop(top: MergedTop, subject: TargetSubject, options: MatchTopOptions = {}): Compiled<TopMatches> {
  const sls = new Map<string, string[]>();
  const ignoreMissing = new Map<string, Set<string>>();
  const diagnostics: Diagnostic[] = [];
  const places = new Map<string, SourceRange>();
  const add = (env: string, name: string, place: SourceRange | undefined): void => {
    const names = sls.get(env) ?? [];
    sls.set(env, names);
    if (names.includes(name)) return;
    names.push(name);
    if (place) places.set(`${env}\0${name}`, place);
  };
  const visit = (env: string, entry: TopEntry): void => {
    if (!matches(entry, subject, options, diagnostics)) return;
    for (const name of entry.sls) {
      add(env, name, entry.places.get(name) ?? entry.place);
      if (entry.ignoreMissing) ignoreMissing.set(env, (ignoreMissing.get(env) ?? new Set()).add(name));
    }
    for (const other of entry.elsewhere) {
      if (options.environments && !options.environments.includes(other.env)) {
        diagnostics.push(unknownEnvironment(entry, other, options.environments));
      } else add(other.env, other.sls, other.place ?? entry.place);
    }
    for (const inner of entry.subfilters) visit(env, inner);
  };
  for (const [env, entries] of top) {
    if (options.env === undefined || options.env === env) for (const entry of entries) visit(env, entry);
  }
  return compiled({ sls, ignoreMissing, placeOf: (env, name) => places.get(`${env}\0${name}`) }, diagnostics);
}

/** Replaces globs by the SLS names they match, in the order of `available`; a glob that matches none stays. */
export function expandSlsNames(names: readonly string[], available: readonly string[]): readonly string[] {
  const expanded = names.flatMap((name) => {
    const found = isGlob(name) ? available.filter(compileGlob(name)) : [];
    return found.length > 0 ? found : [name];
  });
  return [...new Set(expanded)];
}

function matches(
  entry: TopEntry,
  subject: TargetSubject,
  options: MatchTopOptions,
  diagnostics: Diagnostic[],
): boolean {
  try {
    return matchTarget(entry.expression, subject, options);
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    const at = entry.place === undefined ? {} : { source: entry.place };
    const summary = `target \`${entry.target}\`: ${error.message}`;
    diagnostics.push({ severity: 'error', code: error.code, summary, detail: error.hint ?? '', ...at });
    return false;
  }
}

function unknownEnvironment(
  entry: TopEntry,
  { env, sls, place = entry.place }: TopEntry['elsewhere'][number],
  environments: readonly string[],
): Diagnostic {
  const words = [...environments, 'match', 'order', 'ignore_missing', 'subfilter'];
  return {
    severity: 'error',
    code: 'EDGE_TOP_INVALID',
    summary: `target \`${entry.target}\`: \`${env}: ${sls}\` names no environment`,
    detail: didYouMean(env, words) || `environments: ${environments.join(', ')}`,
    ...(place === undefined ? {} : { source: place }),
  };
}

import { compileGlob, compilePythonPattern } from '../target/index.ts';
import type { GitEnvironment, GitEnvironmentsOf, GitRef } from './git-source.ts';
import { normalizePath } from './uri.ts';

/** What of a remote is served, and where: Salt's options of `gitfs_remotes`. */
export interface GitServing {
  /** Branch or tag that is `base`; `main`, else `master`, when absent. */
  readonly base?: string;
  readonly root: string;
  /** `salt://` path the files are served under. */
  readonly mountpoint: string;
  /** Environments that are given a ref, a root or a mountpoint of their own. */
  readonly saltenv: ReadonlyMap<string, Partial<Pick<GitServing, 'root' | 'mountpoint'>> & { readonly ref?: string }>;
  readonly refTypes: readonly ('branch' | 'tag' | 'sha')[];
  /** Globs, or `E@` and a regular expression; empty: every environment. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Serves only what `base` and `saltenv` name. */
  readonly disableMapping: boolean;
  /** Ref that is served in environments this remote has none for; they must be of `knownEnvironments`. */
  readonly fallback?: string;
  /** Ref that is served in every environment, whatever else is said. */
  readonly allSaltenvs?: string;
}

const DEFAULT_BASES: readonly string[] = ['main', 'master'];

/**
 * The environments of a remote: its branches and tags by their names, with `base` and those of `saltenv` mapped
 * (Salt 3006, utils/gitfs.py `envs`, `get_ref`, `env_is_exposed`).
 */
export function servedEnvironments(
  serving: GitServing,
  knownEnvironments: () => readonly string[] = () => [],
): GitEnvironmentsOf {
  const isAllowed = environmentFilter(serving);
  return (refs) => {
    const found = new Map<string, GitEnvironment>();
    const add = (env: string, ref: GitRef | undefined): void => {
      if (ref !== undefined && !found.has(env) && isAllowed(env)) found.set(env, placed(serving, env, ref));
    };
    const byName = namedRefs(refs, serving.refTypes);
    const base = serving.base ?? DEFAULT_BASES.find((name) => byName(name) !== undefined) ?? DEFAULT_BASES[0]!;
    add('base', byName(serving.saltenv.get('base')?.ref ?? base));
    for (const [env, { ref }] of serving.saltenv) if (env !== 'base') add(env, byName(ref ?? env));
    if (!serving.disableMapping)
      for (const ref of refs) {
        const isType = serving.refTypes.includes(ref.kind);
        // The branch that is `base` is not served under its own name too.
        if (isType && ref.name !== base && ref.name !== 'base') add(ref.name, ref);
      }
    const { fallback, allSaltenvs } = serving;
    if (fallback !== undefined) for (const env of knownEnvironments()) add(env, byName(fallback));
    const everywhere = allSaltenvs === undefined ? undefined : byName(allSaltenvs);
    if (everywhere !== undefined)
      for (const env of [...found.keys(), ...knownEnvironments()])
        if (isAllowed(env)) found.set(env, placed(serving, env, everywhere));
    return found;
  };
}

/** A branch wins over a tag of its name. A full object id stands for itself, where `sha` is served. */
function namedRefs(refs: readonly GitRef[], types: GitServing['refTypes']): (name: string) => GitRef | undefined {
  return (name) => {
    const ref = refs.find((entry) => entry.name === name && types.includes(entry.kind));
    if (ref !== undefined || !types.includes('sha') || !/^[0-9a-f]{40}$/.test(name)) return ref;
    return { name, kind: 'tag', commit: name };
  };
}

function placed({ root, mountpoint, saltenv }: GitServing, env: string, { commit }: GitRef): GitEnvironment {
  const own = saltenv.get(env);
  return {
    commit,
    root: normalizePath(own?.root ?? root) ?? '',
    mount: normalizePath((own?.mountpoint ?? mountpoint).replace(/^(salt|edge):\/\//, '')) ?? '',
  };
}

function environmentFilter({ allow, deny }: Pick<GitServing, 'allow' | 'deny'>): (env: string) => boolean {
  const allowed = allow.map(patternOf);
  const denied = deny.map(patternOf);
  return (env) => (allowed.length === 0 || allowed.some((test) => test(env))) && !denied.some((test) => test(env));
}

function patternOf(pattern: string): (env: string) => boolean {
  if (!pattern.startsWith('E@')) return compileGlob(pattern);
  const regex = compilePythonPattern(`(?:${pattern.slice(2)})$`);
  return (env) => regex.matchesStart(env);
}

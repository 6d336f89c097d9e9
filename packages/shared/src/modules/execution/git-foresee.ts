import type { HostReader } from '../../host/index.ts';
import type { ForeseenChange } from '../contract/index.ts';
import { gitOptions } from '../providers/git.ts';

/** What looking into a repository needs. */
interface Repository {
  readonly cwd: string;
  readonly host: HostReader;
  readonly signal: AbortSignal;
  readonly user: string | undefined;
  readonly identity: string | undefined;
}

/** Options of `git fetch` that only say which refs may move. */
const KNOWN_OPTIONS = new Set(['--tags', '-t', '--force', '-f']);

/** Which refs a fetch would bring, from what the remote lists; undefined where options make that another question. */
export async function foreseeFetch(
  repository: Repository,
  { remote = 'origin', opts, force }: { readonly remote?: string | undefined; opts: readonly string[]; force: boolean },
): Promise<ForeseenChange | undefined> {
  if (opts.some((option) => !KNOWN_OPTIONS.has(option))) return undefined;
  const withTags = opts.includes('--tags') || opts.includes('-t');
  const isForced = force || opts.includes('--force') || opts.includes('-f');
  const there = await refs(repository, ['ls-remote', '--heads', '--tags', '--', remote]);
  const here = await refs(repository, ['show-ref', '--dereference']);
  if (there === undefined || here === undefined) return undefined;
  const changes: Record<string, ForeseenChange['changes'][string]> = {};
  const leaves: Record<string, string> = {};
  for (const [ref, commit] of there) {
    if (ref.endsWith('^{}')) continue;
    const isTag = ref.startsWith('refs/tags/');
    const local = isTag ? ref : ref.replace(/^refs\/heads\//, `refs/remotes/${remote}/`);
    const known = here.get(local);
    if (known === commit || (isTag && known !== undefined && !isForced)) continue;
    // Which tags come along by themselves only fetching tells.
    if (isTag && !withTags) return undefined;
    const name = local.replace(/^refs\/(?:tags|remotes)\//, '');
    changes[`${repository.cwd} ${name}`] = { old: known === undefined ? 'none' : short(known), new: short(commit) };
    leaves[subjectOf(repository, name)] = there.get(`${ref}^{}`) ?? commit;
  }
  return { changes, leaves, isLook: true };
}

/** Which commit a checkout would leave; undefined for a revision nobody knows yet. */
export async function foreseeCheckout(
  repository: Repository,
  { rev, force }: { readonly rev: string; readonly force: boolean },
  left: ReadonlyMap<string, string>,
): Promise<ForeseenChange | undefined> {
  const { cwd } = repository;
  const wanted = left.get(subjectOf(repository, rev)) ?? (await commitOf(repository, rev));
  const knownHead = left.get(subjectOf(repository, 'HEAD'));
  const head = knownHead ?? (await commitOf(repository, 'HEAD'));
  if (wanted === undefined || head === undefined) return undefined;
  const local = knownHead === undefined ? await ask(repository, ['status', '--porcelain', '--untracked-files=no']) : '';
  const isDirty = local !== undefined && local.trim() !== '';
  // Git may refuse to overwrite them.
  if (isDirty && !force) return undefined;
  return {
    changes: {
      ...(head === wanted ? {} : { [cwd]: { old: short(head), new: short(wanted) } }),
      ...(isDirty ? { [`${cwd} local changes`]: { old: 'there', new: 'thrown away' } } : {}),
    },
    leaves: { [subjectOf(repository, 'HEAD')]: wanted },
    isLook: knownHead === undefined,
  };
}

function subjectOf({ cwd }: Repository, ref: string): string {
  return `git ${cwd} ${ref}`;
}

async function commitOf(repository: Repository, rev: string): Promise<string | undefined> {
  const answer = await ask(repository, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{commit}`]);
  return answer?.trim();
}

/** Ref → commit. */
async function refs(
  repository: Repository,
  command: readonly string[],
): Promise<ReadonlyMap<string, string> | undefined> {
  const output = await ask(repository, command);
  const lines = output?.split('\n').flatMap((line) => {
    const [commit, ref] = line.split(/\s+/);
    return commit !== undefined && ref !== undefined ? [[ref, commit] as const] : [];
  });
  return lines === undefined ? undefined : new Map(lines);
}

/** What git prints; undefined when it fails. */
async function ask(
  { cwd, host, signal, user, identity }: Repository,
  sub: readonly string[],
): Promise<string | undefined> {
  const options = { cwd, signal, ...gitOptions(identity), ...(user === undefined ? {} : { runAs: user }) };
  const { exitCode, stdout } = await host.probe(['git', ...sub], options);
  return exitCode === 0 ? stdout : undefined;
}

function short(commit: string): string {
  return commit.slice(0, 12);
}

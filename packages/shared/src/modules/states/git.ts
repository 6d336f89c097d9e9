import { dirname } from 'node:path/posix';
import { z } from 'zod';
import type { ExecOptions, Host, HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import {
  type ApplyOutcome,
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import { makeDirectories } from '../operations/index.ts';
import { gitFailure, gitOptions, redactUrl } from '../providers/git.ts';
import { gitConfigSet } from './git-config.ts';

const revArg = z.string().regex(/^[^-]/, 'a revision does not begin with a dash');
const common = {
  target: z.string().startsWith('/').describe('Directory of the clone on the host.'),
  user: z.string().optional().describe('User to run git as.'),
  identity: z.string().optional().describe('Path of a private key on the host.'),
};
const latestArgs = z.object({
  name: z.string().describe('Address of the repository.'),
  rev: revArg.default('HEAD').describe('Branch, tag or commit.'),
  ...common,
  branch: revArg.optional().describe('Name of the local branch; that of rev where it is a branch.'),
  remote: z.string().default('origin').describe('Name of the remote.'),
  depth: z.coerce.number().int().positive().optional().describe('Fetch only so many commits.'),
  submodules: z.boolean().default(false).describe('Update submodules too.'),
  force_reset: z
    .union([z.boolean(), z.literal('remote-changes')])
    .default(false)
    .describe('Throw away local commits that stand in the way.'),
  force_checkout: z.boolean().default(false).describe('Throw away local changes that stand in the way.'),
  force_clone: z.boolean().default(false).describe('Replace what is at the target when it is no repository.'),
  force_fetch: z.boolean().default(false).describe('Accepted for Salt trees; refs of the remote always follow it.'),
  update_head: z.boolean().default(true).describe('False only fetches.'),
  fetch_tags: z.boolean().default(true).describe('Fetch tags too.'),
});
type Latest = z.output<typeof latestArgs>;
type Who = { readonly user?: string | undefined; readonly identity?: string | undefined };

/** Repositories as they should be. */
export const gitStates: readonly StateModule[] = [
  defineState({
    name: 'git.latest',
    summary: 'Ensure a clone stands at a revision of a repository.',
    effect: 'repair',
    needs: ['git'],
    args: latestArgs,
    examples: [
      {
        title: 'a tag',
        args: { name: 'https://git.example.com/app.git', rev: 'v1.2.3', target: '/srv/app', user: 'app' },
      },
    ],
    check: (args, ctx) => latestVerdict(args, ctx),
    onWatch: (args, ctx) => latestVerdict(args, ctx),
  }),
  defineState({
    name: 'git.cloned',
    summary: 'Ensure a repository is cloned; a clone that is there is left as it is.',
    effect: 'repair',
    needs: ['git'],
    args: z.object({
      name: z.string().describe('Address of the repository.'),
      ...common,
      branch: revArg.optional().describe('Branch to check out.'),
    }),
    examples: [],
    async check({ name, target, branch, ...who }, ctx) {
      if (await isRepository(ctx.host, target, who)) {
        const now = await gitText(ctx.host, target, who, ['branch', '--show-current']);
        if (branch === undefined || now === branch) return inSync(`Repository already exists at ${target}`);
        return changesOf(
          change(`git ${target}: branch ${branch}`, now, branch, { branch: { old: now, new: branch } }, ({ host }) =>
            gitRun(host, target, who, ['checkout', branch, '--']),
          ),
        );
      }
      if (await isOccupied(ctx.host, target)) return refused(`${target} exists and is not a git repository`);
      return changesOf(
        change(
          `git ${target}: cloned from ${redactUrl(name)}`,
          null,
          redactUrl(name),
          { new: redactUrl(name) },
          ({ host }) => clone(host, name, target, who, branch === undefined ? [] : ['--branch', branch]),
        ),
      );
    },
  }),
  defineState({
    name: 'git.present',
    summary: 'Ensure a repository exists at a path.',
    effect: 'repair',
    needs: ['git'],
    args: z.object({
      name: z.string().startsWith('/').describe('Directory.'),
      bare: z.boolean().default(true).describe('Without a work tree.'),
      force: z.boolean().default(false).describe('Replace what is there.'),
      user: common.user,
    }),
    examples: [],
    async check({ name, bare, force, user }, ctx) {
      if (await isRepository(ctx.host, name, { user })) return inSync(`Repository already exists at ${name}`);
      const occupied = await isOccupied(ctx.host, name);
      if (occupied && !force) return refused(`${name} exists and is not a git repository`);
      return changesOf(
        change(`git ${name}: made`, null, name, { new: name }, async ({ host }) => {
          if (occupied) await host.remove(name);
          await prepare(host, name, { user });
          await gitRun(host, undefined, { user }, ['init', ...(bare ? ['--bare'] : []), '--', name]);
        }),
      );
    },
  }),
  defineState({
    name: 'git.detached',
    summary: 'Ensure a clone stands at a commit, on no branch.',
    effect: 'repair',
    needs: ['git'],
    args: z.object({
      name: z.string().describe('Address of the repository.'),
      rev: revArg.describe('Commit, tag or branch of the remote.'),
      ...common,
      remote: z.string().default('origin').describe('Name of the remote.'),
      force_checkout: z.boolean().default(false).describe('Throw away local changes that stand in the way.'),
      force_clone: z.boolean().default(false).describe('Replace what is at the target when it is no repository.'),
    }),
    examples: [],
    check: (args, ctx) =>
      latestVerdict({ ...latestArgs.parse({ name: args.name, target: args.target }), ...args }, ctx, true),
  }),
  gitConfigSet,
];

async function latestVerdict(args: Latest, ctx: ModuleContext, detached = false): Promise<Verdict> {
  const { target, rev } = args;
  const goal = await goalOf(args, ctx.host, detached);
  if (goal === undefined) return refused(`${redactUrl(args.name)} has no revision ${rev}`);
  const shown = redactUrl(args.name);
  const isThere = await isRepository(ctx.host, target, args);
  if (!isThere) {
    const occupied = await isOccupied(ctx.host, target);
    if (occupied && !args.force_clone)
      return refused(
        `Target '${target}' exists, is non-empty and is not a git repository. Set force_clone to True to replace it`,
      );
    return changesOf(
      change(
        `git ${target}: cloned from ${shown} at ${goal.sha.slice(0, 12)}`,
        null,
        goal.sha,
        { new: `${shown} => ${target}`, revision: { old: null, new: goal.sha } },
        async ({ host }) => {
          if (occupied) await host.remove(target);
          const options = [
            '--no-checkout',
            '--origin',
            args.remote,
            ...(args.depth === undefined ? [] : ['--depth', String(args.depth), '--no-single-branch']),
          ];
          await clone(host, args.name, target, args, options);
          await moveTo(host, args, goal, true);
        },
        PINNED,
      ),
    );
  }
  const head = await findCommit(ctx.host, target, args, 'HEAD');
  const branch = await gitText(ctx.host, target, args, ['branch', '--show-current']);
  const url = await gitText(ctx.host, target, args, ['config', '--get', `remote.${args.remote}.url`], true);
  const isRight =
    head === goal.sha && (goal.branch === undefined ? !detached || branch === '' : branch === goal.branch);
  const remote =
    url === args.name ||
    change(
      `git ${target}: remote ${args.remote}`,
      redactUrl(url),
      shown,
      { [`remotes/${args.remote}`]: { old: redactUrl(url), new: shown } },
      ({ host }) =>
        gitRun(
          host,
          target,
          args,
          url === ''
            ? ['remote', 'add', '--', args.remote, args.name]
            : ['remote', 'set-url', '--', args.remote, args.name],
        ),
    );
  if (isRight || !args.update_head) return changesOf(remote);
  const changes = {
    revision: { old: head ?? null, new: goal.sha },
    ...(goal.branch === undefined || goal.branch === branch
      ? {}
      : { 'local branch': { old: branch, new: goal.branch } }),
  };
  const problem = await localChanges(ctx.host, args);
  if (problem !== undefined) return refused(problem);
  return changesOf(
    remote,
    change(
      `git ${target}: at ${goal.sha.slice(0, 12)}`,
      head ?? null,
      goal.sha,
      changes,
      ({ host }) => moveTo(host, args, goal, false),
      PINNED,
    ),
  );
}

/** `moveTo` made sure of the commit itself: looking again would follow a push made meanwhile. */
const PINNED: ApplyOutcome = { result: true };

/** What the clone is to stand at: pinned when it was first seen, so that a push in between changes nothing. */
interface Goal {
  readonly sha: string;
  /** Local branch; undefined: on none. */
  readonly branch: string | undefined;
  /** Ref of the remote that has it, where one does. */
  readonly ref: string | undefined;
}

async function goalOf(args: Latest, host: HostReader, detached: boolean): Promise<Goal | undefined> {
  const output = await gitText(host, undefined, args, ['ls-remote', '--symref', '--', args.name]);
  const refs = new Map(
    output
      .split('\n')
      .flatMap((line) => (line.startsWith('ref:') ? [] : [line.split('\t').reverse() as [string, string]])),
  );
  const branchOfHead = /^ref: refs\/heads\/(\S+)\tHEAD$/m.exec(output)?.[1];
  const local = (name: string | undefined): string | undefined => (detached ? undefined : (args.branch ?? name));
  if (args.rev === 'HEAD') {
    const sha = refs.get('HEAD');
    return sha === undefined ? undefined : { sha, branch: local(branchOfHead), ref: 'HEAD' };
  }
  const branch = refs.get(`refs/heads/${args.rev}`);
  if (branch !== undefined) return { sha: branch, branch: local(args.rev), ref: `refs/heads/${args.rev}` };
  // `^{}` is the commit an annotated tag points to.
  const tag = refs.get(`refs/tags/${args.rev}^{}`) ?? refs.get(`refs/tags/${args.rev}`);
  if (tag !== undefined) return { sha: tag, branch: local(undefined), ref: `refs/tags/${args.rev}` };
  if (!/^[0-9a-f]{7,64}$/.test(args.rev)) return undefined;
  const known = [...refs].find(([, sha]) => sha.startsWith(args.rev));
  const own =
    known?.[1] ??
    ((await isRepository(host, args.target, args)) ? await findCommit(host, args.target, args, args.rev) : undefined);
  if (own !== undefined) return { sha: own, branch: local(undefined), ref: known?.[0] };
  // Somewhere in the history: only a whole id can be pinned before it is fetched.
  return args.rev.length >= 40 ? { sha: args.rev, branch: local(undefined), ref: undefined } : undefined;
}

async function moveTo(host: Host, args: Latest, goal: Goal, fresh: boolean): Promise<void> {
  const { target } = args;
  if (!fresh) {
    const depth = args.depth === undefined ? [] : ['--depth', String(args.depth)];
    await gitRun(host, target, args, [
      'fetch',
      '--force',
      ...(args.fetch_tags ? ['--tags'] : []),
      ...depth,
      '--',
      args.remote,
      `+refs/heads/*:refs/remotes/${args.remote}/*`,
    ]);
  }
  if ((await findCommit(host, target, args, goal.sha)) === undefined)
    await gitRun(host, target, args, ['fetch', '--', args.remote, goal.sha]);
  const force = args.force_checkout ? ['--force'] : [];
  if (goal.branch === undefined) await gitRun(host, target, args, ['checkout', ...force, '--detach', goal.sha]);
  else {
    const own = await findCommit(host, target, args, `refs/heads/${goal.branch}`);
    // What a clone just made has for a branch may already be newer than what was seen: nobody's work is lost.
    const isForward =
      fresh ||
      own === undefined ||
      (await host.exec(['git', 'merge-base', '--is-ancestor', own, goal.sha], options(target, args))).exitCode === 0;
    if (!isForward && args.force_reset === false)
      throw new EdgeError(
        'EDGE_COMMAND_FAILED',
        `branch ${goal.branch} of ${target} on ${host.id} has commits that ${goal.sha.slice(0, 12)} lacks`,
        { own: own ?? null, wanted: goal.sha },
        {
          hint: 'Set force_reset: True to throw them away.',
        },
      );
    await gitRun(host, target, args, ['checkout', ...force, '-B', goal.branch, goal.sha]);
    if (goal.ref?.startsWith('refs/heads/'))
      await gitRun(host, target, args, [
        'branch',
        `--set-upstream-to=${args.remote}/${goal.ref.slice('refs/heads/'.length)}`,
        goal.branch,
      ]);
  }
  const reached = await findCommit(host, target, args, 'HEAD');
  if (reached !== goal.sha)
    throw new EdgeError(
      'EDGE_COMMAND_FAILED',
      `${target} on ${host.id} is at ${reached ?? 'no commit'} instead of ${goal.sha}`,
      { target },
    );
  if (args.submodules) await gitRun(host, target, args, ['submodule', 'update', '--init', '--recursive']);
}

async function localChanges(host: HostReader, args: Latest): Promise<string | undefined> {
  if (args.force_checkout || args.force_reset === true) return undefined;
  const changed = await gitText(host, args.target, args, ['status', '--porcelain', '--untracked-files=no']);
  return changed === ''
    ? undefined
    : `Local changes in ${args.target} would be lost: ${changed.split('\n').slice(0, 5).join(', ')}. Set force_checkout to True to throw them away`;
}

async function clone(
  host: Host,
  url: string,
  target: string,
  who: Who,
  cloneOptions: readonly string[],
): Promise<void> {
  await prepare(host, target, who);
  await gitRun(host, undefined, who, ['clone', ...cloneOptions, '--', url, target]);
}

/** The directory itself belongs to the user, who need not be allowed to make it. */
async function prepare(host: Host, target: string, { user }: Who): Promise<void> {
  await makeDirectories(host, dirname(target));
  if (user !== undefined) await makeDirectories(host, target, { user });
}

async function isRepository(host: HostReader, target: string, who: Who): Promise<boolean> {
  if ((await host.stat(`${target}/.git`)) !== undefined) return true;
  if ((await host.stat(`${target}/HEAD`)) === undefined) return false;
  return (
    (await host.probe(['git', 'rev-parse', '--is-bare-repository'], options(target, who))).stdout.trim() === 'true'
  );
}

async function isOccupied(host: HostReader, target: string): Promise<boolean> {
  const found = await host.stat(target);
  return found !== undefined && (found.kind !== 'directory' || (await host.list(target)).length > 0);
}

async function findCommit(host: HostReader, target: string, who: Who, rev: string): Promise<string | undefined> {
  const { exitCode, stdout } = await host.probe(
    ['git', 'rev-parse', '--verify', '--quiet', `${rev}^{commit}`],
    options(target, who),
  );
  return exitCode === 0 ? stdout.trim() : undefined;
}

async function gitText(
  host: HostReader,
  target: string | undefined,
  who: Who,
  args: readonly string[],
  mayFail = false,
): Promise<string> {
  const result = await host.probe(['git', ...args], options(target, who));
  if (result.exitCode !== 0 && !mayFail) throw gitFailure(host.id, args[0]!, target, result);
  return result.stdout.replace(/\n$/, '');
}

async function gitRun(host: Host, target: string | undefined, who: Who, args: readonly string[]): Promise<void> {
  const result = await host.exec(['git', ...args], options(target, who));
  if (result.exitCode !== 0) throw gitFailure(host.id, args[0]!, target, result);
}

function options(cwd: string | undefined, { user, identity }: Who): ExecOptions {
  return {
    ...gitOptions(identity),
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { runAs: user }),
  };
}

function change(
  what: string,
  before: unknown,
  after: unknown,
  changes: object,
  act: (ctx: ModuleContext<Host>) => Promise<void>,
  outcome?: ApplyOutcome,
): Change {
  return {
    what,
    before,
    after,
    changes,
    async apply(ctx) {
      await act(ctx);
      return outcome;
    },
  };
}

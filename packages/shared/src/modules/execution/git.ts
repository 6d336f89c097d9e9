import { z } from 'zod';
import type { Command, ExecOptions, ExecResult, Host, HostReader } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import type { Value } from '../../values/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { splitWords, stripOutput } from '../operations/index.ts';
import { gitFailure, gitOptions, parseRemotes, parseStatus, redactUrl } from '../providers/git.ts';
import { foreseeCheckout, foreseeFetch } from './git-foresee.ts';

const cwdArg = z.string().describe('Directory of the repository on the host.');
const words = (what: string) =>
  z
    .union([z.string(), z.array(z.string())])
    .default('')
    .transform((value) => (typeof value === 'string' ? splitWords(value) : value))
    .describe(what);
/** Arguments all git functions end with. */
const tail = {
  opts: words('Further options of the subcommand.'),
  git_opts: words('Further options of git itself, before the subcommand.'),
  user: z.string().optional().describe('User to run git as.'),
  identity: z.string().optional().describe('Path of a private key on the host.'),
  ignore_retcode: z.boolean().default(false).describe('Answer the output even when git fails.'),
};
type Tail = z.output<z.ZodObject<typeof tail>>;

/** Git repositories on a host. Terminal prompts are off: what needs a password fails instead of hanging. */
export const gitFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'git.clone',
    summary: 'Clone a repository.',
    args: z.object({
      cwd: z.string().describe('Directory of the clone, or of its parent when `name` is given.'),
      url: z.string().describe('Address of the repository.'),
      name: z.string().optional().describe('Name of the directory below cwd.'),
      ...tail,
    }),
    returns: 'True.',
    examples: [{ title: 'a clone', args: { cwd: '/srv/app', url: 'https://git.example.com/app.git' } }],
    async run({ cwd, url, name, ...rest }, { host, signal }) {
      const target = name === undefined ? cwd : `${cwd}/${name}`;
      await change(host, { cwd: undefined, label: `clone ${redactUrl(url)}`, signal }, rest, [
        'clone',
        ...rest.opts,
        '--',
        url,
        target,
      ]);
      return true;
    },
  }),
  defineWrite({
    name: 'git.init',
    summary: 'Make a repository.',
    args: z.object({
      cwd: z.string().describe('Directory to make it in.'),
      bare: z.boolean().default(false).describe('Without a work tree.'),
      ...tail,
    }),
    returns: 'What git said.',
    examples: [],
    async run({ cwd, bare, ...rest }, { host, signal }) {
      return await change(host, { cwd: undefined, label: `init ${cwd}`, signal }, rest, [
        'init',
        ...(bare ? ['--bare'] : []),
        ...rest.opts,
        '--',
        cwd,
      ]);
    },
  }),
  defineWrite({
    name: 'git.checkout',
    summary: 'Check a revision out.',
    args: z.object({
      cwd: cwdArg,
      rev: z.string().optional().describe('Branch, tag or commit.'),
      force: z.boolean().default(false).describe('Throw local changes away.'),
      ...tail,
    }),
    returns: 'What git said.',
    examples: [{ title: 'a tag', args: { cwd: '/srv/app', rev: 'v1.2.3' } }],
    async run({ cwd, rev, force, ...rest }, { host, signal }) {
      if (rev === undefined && !rest.opts.some((opt) => opt === '-b' || opt === '-B'))
        throw new EdgeError(
          'EDGE_MISSING_ARGUMENT',
          'git.checkout needs `rev`',
          {},
          { hint: "Give rev, or opts='-b NAME'." },
        );
      const command = [
        'checkout',
        ...(force ? ['--force'] : []),
        ...rest.opts,
        ...(rev === undefined ? [] : [guarded(rev)]),
        '--',
      ];
      return await change(host, { cwd, label: `checkout ${rev ?? ''}`, signal }, rest, command);
    },
    async foresee({ cwd, rev, force, opts, git_opts, user, identity }, { host, signal }, left) {
      if (rev === undefined || opts.length > 0 || git_opts.length > 0) return undefined;
      return foreseeCheckout({ cwd, host, signal, user, identity }, { rev, force }, left);
    },
  }),
  defineWrite({
    name: 'git.fetch',
    summary: 'Fetch from a remote.',
    args: z.object({
      cwd: cwdArg,
      remote: z.string().optional().describe('Name of the remote; that of the branch where absent.'),
      force: z.boolean().default(false).describe('Let refs move in any way.'),
      refspecs: words('What to fetch.'),
      ...tail,
    }),
    returns: 'What git said.',
    examples: [],
    async run({ cwd, remote, force, refspecs, ...rest }, { host, signal }) {
      const command = [
        'fetch',
        ...(force ? ['--force'] : []),
        ...rest.opts,
        '--',
        ...(remote === undefined ? [] : [remote, ...refspecs]),
      ];
      return await change(host, { cwd, label: `fetch ${remote ?? ''}`, signal }, rest, command);
    },
    async foresee({ cwd, remote, force, refspecs, opts, git_opts, user, identity }, { host, signal }) {
      if (refspecs.length > 0 || git_opts.length > 0) return undefined;
      return foreseeFetch({ cwd, host, signal, user, identity }, { remote, opts, force });
    },
  }),
  ...(['pull', 'merge', 'reset', 'add', 'rm', 'push', 'stash'] as const).map((sub) => passThrough(sub)),
  defineWrite({
    name: 'git.commit',
    summary: 'Commit what is staged.',
    args: z.object({
      cwd: cwdArg,
      message: z.string().describe('The commit message.'),
      ...tail,
      filename: z.string().optional().describe('Commit only this file.'),
    }),
    returns: 'What git said.',
    examples: [],
    async run({ cwd, message, filename, ...rest }, { host, signal }) {
      return await change(host, { cwd, label: 'commit', signal }, rest, [
        'commit',
        '-m',
        message,
        ...rest.opts,
        '--',
        ...(filename === undefined ? [] : [filename]),
      ]);
    },
  }),
  look(
    'git.current_branch',
    'Answer the branch that is checked out.',
    'Its name; empty when the head is detached.',
    {},
    () => ['branch', '--show-current'],
  ),
  defineRead({
    name: 'git.revision',
    summary: 'Answer the commit a revision stands for.',
    args: z.object({
      cwd: cwdArg,
      rev: z.string().default('HEAD').describe('Branch, tag or commit.'),
      short: z.boolean().default(false).describe('Abbreviate it.'),
      ...tail,
    }),
    returns: 'The id of the commit.',
    examples: [{ title: 'what is deployed?', args: { cwd: '/srv/app' } }],
    run: async ({ cwd, rev, short, ...rest }, { host, signal }) =>
      await ask(host, { cwd, label: `revision ${rev}`, signal }, rest, [
        'rev-parse',
        ...(short ? ['--short'] : []),
        '--verify',
        '--end-of-options',
        `${rev}^{commit}`,
      ]),
  }),
  look(
    'git.rev_parse',
    'Answer what `git rev-parse` makes of a text.',
    'What git printed.',
    { rev: z.string().describe('The text.') },
    ({ rev, opts }) => ['rev-parse', ...opts, ...(rev === undefined ? [] : [rev])],
  ),
  look(
    'git.describe',
    'Name a commit after the nearest tag.',
    'Such as v1.2.3-4-gabcdef.',
    { rev: z.string().default('HEAD').describe('The commit.') },
    ({ rev, opts }) => ['describe', ...opts, '--', rev ?? 'HEAD'],
  ),
  defineRead({
    name: 'git.status',
    summary: 'Answer the paths that differ from the commit.',
    args: z.object({ cwd: cwdArg, ...tail }),
    returns: 'A mapping of new, modified, deleted, untracked, … to lists of paths.',
    examples: [],
    run: async ({ cwd, ...rest }, { host, signal }) =>
      parseStatus(
        await ask(host, { cwd, label: 'status', signal }, rest, ['status', '-z', '--porcelain', ...rest.opts]),
      ),
  }),
  defineRead({
    name: 'git.diff',
    summary: 'Answer the difference between two commits, or a commit and the work tree.',
    args: z.object({
      cwd: cwdArg,
      item1: z.string().optional().describe('Commit.'),
      item2: z.string().optional().describe('Commit.'),
      ...tail,
    }),
    returns: 'A unified diff.',
    examples: [],
    run: async ({ cwd, item1, item2, ...rest }, { host, signal }) =>
      await ask(host, { cwd, label: 'diff', signal }, rest, [
        'diff',
        ...rest.opts,
        ...[item1, item2].filter((item) => item !== undefined).map(guarded),
        '--',
      ]),
  }),
  list(
    'git.list_branches',
    'Answer the local branches, or those of remotes.',
    { remote: z.boolean().default(false).describe('Those of the remotes.') },
    ({ remote }) => ['for-each-ref', '--format=%(refname:short)', remote === true ? 'refs/remotes/' : 'refs/heads/'],
  ),
  list('git.list_tags', 'Answer the tags.', {}, () => ['for-each-ref', '--format=%(refname:short)', 'refs/tags/']),
  defineRead({
    name: 'git.remotes',
    summary: 'Answer the remotes with their addresses.',
    args: z.object({
      cwd: cwdArg,
      redact_auth: z.boolean().default(true).describe('Hide passwords in addresses.'),
      ...tail,
    }),
    returns: 'A mapping of names to fetch and push addresses.',
    examples: [],
    run: async ({ cwd, redact_auth, ...rest }, { host, signal }) =>
      parseRemotes(await ask(host, { cwd, label: 'remotes', signal }, rest, ['remote', '--verbose']), redact_auth),
  }),
  defineRead({
    name: 'git.remote_get',
    summary: 'Answer the addresses of one remote.',
    args: z.object({
      cwd: cwdArg,
      remote: z.string().default('origin').describe('Name of the remote.'),
      redact_auth: z.boolean().default(true).describe('Hide passwords in addresses.'),
      ...tail,
    }),
    returns: 'A mapping of fetch and push.',
    examples: [],
    async run({ cwd, remote, redact_auth, ...rest }, { host, signal }) {
      const remotes = parseRemotes(
        await ask(host, { cwd, label: 'remotes', signal }, rest, ['remote', '--verbose']),
        redact_auth,
      );
      const found = remotes[remote];
      if (found !== undefined) return found;
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        `no remote ${remote} in ${cwd} on ${host.id}`,
        { remote },
        {
          hint: `Remotes there: ${Object.keys(remotes).join(', ') || 'none'}.`,
        },
      );
    },
  }),
  defineWrite({
    name: 'git.remote_set',
    summary: 'Make or change a remote.',
    args: z.object({
      cwd: cwdArg,
      url: z.string().describe('Its address.'),
      remote: z.string().default('origin').describe('Its name.'),
      ...tail,
    }),
    returns: 'A mapping of fetch and push.',
    examples: [],
    async run({ cwd, url, remote, ...rest }, { host, signal }) {
      const known = parseRemotes(
        await ask(host, { cwd, label: 'remotes', signal }, rest, ['remote', '--verbose']),
        true,
      );
      const command =
        known[remote] === undefined ? ['remote', 'add', '--', remote, url] : ['remote', 'set-url', '--', remote, url];
      await change(host, { cwd, label: `remote ${remote}`, signal }, rest, command);
      return { fetch: redactUrl(url), push: redactUrl(url) };
    },
  }),
  defineRead({
    name: 'git.ls_remote',
    summary: 'Answer the refs of a repository elsewhere, without fetching.',
    args: z.object({
      cwd: z.string().optional().describe('Repository whose remotes are meant.'),
      remote: z.string().default('origin').describe('Name of a remote, or an address.'),
      ref: z.string().optional().describe('Only refs that end so.'),
      ...tail,
    }),
    returns: 'A mapping of refs to commits.',
    examples: [],
    async run({ cwd, remote, ref, ...rest }, { host, signal }) {
      const output = await ask(host, { cwd, label: `ls-remote ${redactUrl(remote)}`, signal }, rest, [
        'ls-remote',
        ...rest.opts,
        '--',
        remote,
        ...(ref === undefined ? [] : [ref]),
      ]);
      const lines = output === '' ? [] : output.split('\n');
      return Object.fromEntries(lines.map((line) => line.split('\t').reverse()));
    },
  }),
  defineWrite({
    name: 'git.config_set',
    summary: 'Set a value of git configuration.',
    args: z.object({
      key: z.string().describe('Dotted name: user.email.'),
      value: z.string().describe('The value.'),
      cwd: z.string().optional().describe('Repository; required unless global.'),
      user: tail.user,
      global: z.boolean().default(false).describe("In the user's own configuration."),
    }),
    returns: 'A list with the value.',
    examples: [],
    async run({ key, value, cwd, user, global }, { host, signal }) {
      const rest = { opts: [], git_opts: [], user, identity: undefined, ignore_retcode: false };
      await change(host, { cwd, label: `config ${key}`, signal }, rest, [
        'config',
        ...(global ? ['--global'] : []),
        key,
        value,
      ]);
      return [value];
    },
  }),
  defineRead({
    name: 'git.is_worktree',
    summary: 'Tell whether a directory is the work tree of a repository.',
    args: z.object({ cwd: cwdArg, user: tail.user }),
    returns: 'True or false.',
    examples: [],
    async run({ cwd, user }, { host }) {
      const found = await host.stat(cwd);
      if (found === undefined) return false;
      return (
        (
          await host.probe(['git', 'rev-parse', '--is-inside-work-tree'], {
            cwd,
            ...(user === undefined ? {} : { runAs: user }),
            ...gitOptions(undefined),
          })
        ).exitCode === 0
      );
    },
  }),
];

interface Where {
  readonly cwd: string | undefined;
  readonly label: string;
  readonly signal: AbortSignal;
}

async function change(host: Host, where: Where, rest: Tail, sub: readonly string[]): Promise<Value> {
  return answerOf(host, where, rest, await host.exec(gitCommand(rest, sub), execOptions(where, rest))) as Value;
}

async function ask(host: HostReader, where: Where, rest: Tail, sub: readonly string[]): Promise<string> {
  return answerOf(host, where, rest, await host.probe(gitCommand(rest, sub), execOptions(where, rest)));
}

function answerOf(host: HostReader, where: Where, { ignore_retcode }: Tail, result: ExecResult): string {
  if (result.exitCode !== 0 && !ignore_retcode) throw gitFailure(host.id, where.label, where.cwd, result);
  return stripOutput(result.stdout) || (result.exitCode === 0 ? '' : stripOutput(result.stderr));
}

function gitCommand({ git_opts }: Tail, sub: readonly string[]): Command {
  return ['git', ...git_opts, ...sub];
}

function execOptions({ cwd, signal }: Where, { user, identity }: Tail): ExecOptions {
  return {
    ...(cwd === undefined ? {} : { cwd }),
    ...(user === undefined ? {} : { runAs: user }),
    ...gitOptions(identity),
    signal,
  };
}

/** A revision that begins with a dash would be an option. */
function guarded(rev: string): string {
  if (rev.startsWith('-')) throw new EdgeError('EDGE_BAD_ARGUMENT', `not a revision: ${rev}`, { rev });
  return rev;
}

function passThrough(sub: string): ExecutionModule {
  return defineWrite({
    name: `git.${sub}`,
    summary: `Run \`git ${sub}\`.`,
    args: z.object({ cwd: cwdArg, ...tail }),
    returns: 'What git said.',
    examples: [],
    run: async ({ cwd, ...rest }, { host, signal }) =>
      await change(host, { cwd, label: sub, signal }, rest, [sub, ...rest.opts]),
  });
}

function look(
  name: `${string}.${string}`,
  summary: string,
  returns: string,
  own: z.ZodRawShape,
  sub: (args: { rev?: string; opts: readonly string[] }) => readonly string[],
): ExecutionModule {
  return defineRead({
    name,
    summary,
    returns,
    args: z.object({ cwd: cwdArg, ...own, ...tail }),
    examples: [],
    run: async (args, { host, signal }) => {
      const { cwd, ...rest } = args as Tail & { cwd: string; rev?: string };
      return await ask(host, { cwd, label: name.slice(4), signal }, rest, sub(rest));
    },
  });
}

function list(
  name: `${string}.${string}`,
  summary: string,
  own: z.ZodRawShape,
  sub: (args: { remote?: boolean }) => readonly string[],
): ExecutionModule {
  return defineRead({
    name,
    summary,
    returns: 'A sorted list of names.',
    args: z.object({ cwd: cwdArg, ...own, ...tail }),
    examples: [],
    run: async (args, { host, signal }) => {
      const { cwd, ...rest } = args as Tail & { cwd: string; remote?: boolean };
      const output = await ask(host, { cwd, label: name.slice(4), signal }, rest, sub(rest));
      return output === '' ? [] : output.split('\n').sort();
    },
  });
}

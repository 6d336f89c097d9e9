import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { defineRead, defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import {
  architecturesOf,
  type FoundSource,
  findRepository,
  formatSourceLine,
  parseSourceLine,
  planRepository,
  readSources,
  removeRepository,
  signedBy,
  sourcesOf,
  writeSources,
} from '../providers/apt/index.ts';
import { packageProvider } from '../providers/pkg/index.ts';
import { repositoryArgs, repositoryGoal, repositoryProblem } from './pkg-repo-arguments.ts';
import { missingKey } from './pkg-repo-key.ts';

const lineArg = z.string().min(1).describe('Line of the source, as in sources.list.');

/** Sources of packages of a host with apt. */
export const pkgRepoFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'pkg.list_repos',
    summary: 'Answer the sources of packages, also those that are switched off.',
    args: z.object({}),
    returns:
      'A mapping of addresses to lists of {file, type, uri, dist, comps, enabled, disabled, architectures, signedby, line}.',
    examples: [],
    async run(_, { host }) {
      await packageProvider(host);
      const listed: Record<string, ShownSource[]> = {};
      for (const found of (await readSources(host)).flatMap(sourcesOf)) {
        listed[found.source.uri] = [...(listed[found.source.uri] ?? []), shown(found)];
      }
      return listed;
    },
  }),
  defineRead({
    name: 'pkg.get_repo',
    summary: 'Answer what there is of a source of packages.',
    args: z.object({ repo: lineArg }),
    returns: 'One of the mappings of `pkg.list_repos`; empty when there is none.',
    examples: [],
    async run({ repo }, { host }) {
      await packageProvider(host);
      const found = findRepository(await readSources(host), { source: sourceOf(repo) });
      return found === undefined ? {} : shown(found);
    },
  }),
  defineWrite({
    name: 'pkg.mod_repo',
    summary: 'Have a source of packages as given, and its key.',
    args: z.object({ repo: lineArg, ...repositoryArgs }),
    returns: 'A mapping of the line to what there is now.',
    examples: [
      {
        title: 'a source in a file of its own',
        args: { repo: 'deb https://example.org/debian stable main', file: '/etc/apt/sources.list.d/example.list' },
      },
    ],
    async run({ repo, ...args }, ctx) {
      const problem = repositoryProblem(repo, args);
      if (problem !== undefined) throw new EdgeError('EDGE_BAD_ARGUMENT', problem, { repo });
      const provider = await packageProvider(ctx.host);
      const goal = repositoryGoal(repo, args);
      const key = await missingKey(ctx, goal.source, args);
      await key?.write(ctx);
      const { edits } = planRepository(await readSources(ctx.host), goal);
      await writeSources(ctx.host, edits);
      const isChanged = key !== undefined || edits.length > 0;
      if (isChanged && (args.refresh_db ?? args.refresh)) await provider.refresh(ctx.host);
      const found = findRepository(await readSources(ctx.host), goal);
      return { [repo]: found === undefined ? {} : shown(found) };
    },
  }),
  defineWrite({
    name: 'pkg.del_repo',
    summary: 'Take a source of packages away, or the components of it that are named.',
    args: z.object({ repo: lineArg, refresh: z.boolean().default(true).describe('Refresh the lists afterwards.') }),
    returns: 'A sentence for each file that was changed.',
    examples: [],
    run: ({ repo, refresh }, ctx) => deleteRepository(ctx, repo, refresh),
  }),
];

async function deleteRepository({ host }: ModuleContext<Host>, repo: string, refresh: boolean): Promise<string> {
  const provider = await packageProvider(host);
  const edits = removeRepository(await readSources(host), sourceOf(repo));
  if (edits.length === 0)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `${host.id} has no source ${repo}`,
      { repo },
      { hint: 'pkg.list_repos shows those there are.' },
    );
  await writeSources(host, edits);
  if (refresh) await provider.refresh(host);
  return edits
    .map(({ path, after }) =>
      after === undefined
        ? `File ${path} containing repo '${repo}' has been removed.`
        : `Repo '${repo}' has been removed from ${path}.`,
    )
    .join('\n');
}

/** A source as `pkg.list_repos` of Salt shows it. */
export interface ShownSource {
  readonly file: string;
  readonly type: string;
  readonly uri: string;
  readonly dist: string;
  readonly comps: readonly string[];
  readonly enabled: boolean;
  readonly disabled: boolean;
  readonly architectures: readonly string[];
  readonly signedby: string;
  readonly line: string;
}

/** What Salt shows of a source. */
export function shown({ path, source }: FoundSource): ShownSource {
  const { type, uri, dist, comps, isDisabled } = source;
  return {
    ...{ file: path, type, uri, dist, comps, enabled: !isDisabled, disabled: isDisabled },
    ...{ architectures: architecturesOf(source), signedby: signedBy(source), line: formatSourceLine(source) },
  };
}

function sourceOf(repo: string): NonNullable<ReturnType<typeof parseSourceLine>> {
  const source = parseSourceLine(repo);
  if (source !== undefined) return source;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `not a line of sources.list: ${repo}`,
    { repo },
    { hint: 'Write deb URI RELEASE COMPONENT…, or deb URI PATH/.' },
  );
}

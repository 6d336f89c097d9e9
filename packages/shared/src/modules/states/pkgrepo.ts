import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  type StateModule,
} from '../contract/index.ts';
import { shown } from '../execution/pkg-repo.ts';
import {
  type RepositoryArgs,
  repositoryArgs,
  repositoryGoal,
  repositoryProblem,
} from '../execution/pkg-repo-arguments.ts';
import { type MissingKey, missingKey } from '../execution/pkg-repo-key.ts';
import {
  findRepository,
  keyringsOnlyOf,
  parseSourceLine,
  planRepository,
  type RepositoryPlan,
  readSources,
  removeRepository,
  type SourcesEdit,
  writeSources,
} from '../providers/apt/index.ts';
import { packageProvider } from '../providers/pkg/index.ts';
import { unifiedDiff } from '../text/index.ts';

const nameArg = z.string().min(1).describe('Line of the source, as in sources.list: deb URI RELEASE COMPONENT…');

/** Sources of packages as they should be. */
export const pkgrepoStates: readonly StateModule[] = [
  defineState({
    name: 'pkgrepo.managed',
    summary: 'Ensure a source of packages is there as given, with its key.',
    effect: 'repair',
    needs: ['apt-get'],
    args: z
      .object({
        name: nameArg,
        humanname: z.string().optional().describe('Accepted for Salt trees; apt has no names for sources.'),
        gpgcheck: z.union([z.boolean(), z.number()]).optional().describe('Accepted for Salt trees; apt always checks.'),
        ...repositoryArgs,
      })
      .superRefine((args, issues) => {
        const message = repositoryProblem(args.name, args);
        if (message !== undefined) issues.addIssue({ code: 'custom', path: ['name'], message });
      }),
    examples: [
      {
        title: 'a source with a key of its own',
        args: {
          name: 'deb [signed-by=/etc/apt/keyrings/example.gpg] https://example.org/debian stable main',
          file: '/etc/apt/sources.list.d/example.list',
          key_url: 'salt://apt/example.asc',
          aptkey: false,
        },
      },
    ],
    async check({ name, humanname: _, gpgcheck: __, ...args }, ctx) {
      const goal = repositoryGoal(name, args);
      const key = await missingKey(ctx, goal.source, args);
      const plan = planRepository(await readSources(ctx.host), goal);
      if (key === undefined && plan.edits.length === 0) return inSync(`Package repo '${name}' already configured`);
      const refresh = async (host: Host): Promise<void> => {
        if (args.refresh_db ?? args.refresh) await (await packageProvider(host)).refresh(host);
      };
      if (plan.edits.length === 0) return changesOf(keyChange(key!, refresh));
      const source: Change = {
        ...showing(plan.edits),
        what: `package repo ${name}: configured`,
        verb: plan.found === undefined ? 'add' : 'change',
        changes: sourceChanges(name, args, plan),
        async apply({ host }) {
          // Read again: an earlier change of this run may have been to the same file.
          await writeSources(host, planRepository(await readSources(host), goal).edits);
          await refresh(host);
          return undefined;
        },
      };
      return changesOf(...(key === undefined ? [] : [keyChange(key)]), source);
    },
  }),
  defineState({
    name: 'pkgrepo.absent',
    summary: 'Ensure a source of packages is not there.',
    effect: 'repair',
    needs: ['apt-get'],
    args: z
      .object({
        name: nameArg,
        keyid: repositoryArgs.keyid.describe('Remove also the key files that hold nothing but these keys.'),
        refresh: repositoryArgs.refresh,
        ppa: repositoryArgs.ppa,
      })
      .superRefine(({ name, ppa }, issues) => {
        const isLine = ppa === undefined && parseSourceLine(name) !== undefined;
        if (!isLine)
          issues.addIssue({
            code: 'custom',
            path: ['name'],
            message: `not a line of sources.list: ${ppa ?? name}; write deb URI RELEASE COMPONENT…, or deb URI PATH/`,
          });
      }),
    examples: [{ title: 'all of its components', args: { name: 'deb https://example.org/debian stable' } }],
    async check({ name, keyid, refresh }, ctx) {
      const source = parseSourceLine(name)!;
      const files = await readSources(ctx.host);
      const found = findRepository(files, { source })?.source ?? source;
      const edits = removeRepository(files, source);
      if (edits.length === 0) return inSync(`Package repo ${name} is absent`);
      return changesOf({
        ...showing(edits),
        what: `package repo ${name}: removed`,
        verb: 'remove',
        changes: { repo: name, ...(keyid === undefined ? {} : { keyid }) },
        async apply({ host }) {
          await writeSources(host, removeRepository(await readSources(host), source));
          for (const id of keyid ?? [])
            for (const path of await keyringsOnlyOf(host, found, id)) await host.remove(path);
          if (refresh) await (await packageProvider(host)).refresh(host);
          return undefined;
        },
      });
    },
  }),
];

function keyChange({ path, isThere, write }: MissingKey, after?: (host: Host) => Promise<void>): Change {
  return {
    what: `key ${path}: ${isThere ? 'content' : 'added'}`,
    before: isThere ? 'other keys' : null,
    after: path,
    changes: { key: path },
    async apply(ctx: ModuleContext<Host>) {
      await write(ctx);
      await after?.(ctx.host);
      return undefined;
    },
  };
}

function showing(edits: readonly SourcesEdit[]): Pick<Change, 'before' | 'after' | 'diff'> {
  return {
    before: edits.map(({ path, before }) => `${path}\n${before}`).join('\n'),
    after: edits.map(({ path, after }) => `${path}\n${after ?? ''}`).join('\n'),
    diff: edits.map(({ path, before, after }) => `${path}\n${unifiedDiff(before, after ?? '')}`).join('\n'),
  };
}

/** Salt's `changes`: the line of what is new; of what was there, each property that is another. */
function sourceChanges(name: string, args: RepositoryArgs, { found, edits }: RepositoryPlan): object {
  if (found === undefined) return { repo: name };
  const goal = repositoryGoal(name, args);
  const [old, wanted] = [shown(found), shown({ ...found, source: goal.source })];
  const properties = (Object.keys(old) as (keyof typeof old)[]).filter(
    (property) => property !== 'file' && JSON.stringify(old[property]) !== JSON.stringify(wanted[property]),
  );
  if (properties.length === 0) return { files: edits.map(({ path }) => path) };
  return Object.fromEntries(properties.map((property) => [property, { old: old[property], new: wanted[property] }]));
}

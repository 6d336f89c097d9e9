import { z } from 'zod';
import { runner } from './runner.ts';

const envArg = z.object({ saltenv: z.string().default('base').describe('File environment.') });

/** Runners about the files that hosts get. */
export const fileserverRunnerDeclarations = {
  'fileserver.update': runner({
    name: 'fileserver.update',
    summary: 'Fetches the git remotes of the file server now.',
    returns: 'True; false where a remote could not be fetched, and is served as it was.',
    args: z.object({
      backend: z
        .union([z.string(), z.array(z.string())])
        .optional()
        .describe('Accepted for Salt trees.'),
    }),
    examples: [{ title: 'now', args: {} }],
  }),
  'fileserver.envs': runner({
    name: 'fileserver.envs',
    summary: 'Lists the file environments.',
    returns: 'Names.',
    args: z.object({}),
    examples: [{ title: 'all', args: {} }],
  }),
  'fileserver.file_list': runner({
    name: 'fileserver.file_list',
    summary: 'Lists the files of an environment.',
    returns: 'Paths.',
    args: envArg,
    examples: [{ title: 'of base', args: {} }],
  }),
  'fileserver.dir_list': runner({
    name: 'fileserver.dir_list',
    summary: 'Lists the directories of an environment that hold files.',
    returns: 'Paths.',
    args: envArg,
    examples: [{ title: 'of base', args: {} }],
  }),
};

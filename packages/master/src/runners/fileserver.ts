import type { FileSource } from '@edge-run/shared/files';
import { z } from 'zod';
import { defineRunner, type Runner } from './contract.ts';

/** The part of the file server that runners work with. */
export interface FileServerControl {
  readonly files: FileSource;
  update(
    signal?: AbortSignal,
  ): Promise<readonly { readonly remote: string; readonly changed: boolean; readonly problem?: string }[]>;
}

const envArg = z.object({ saltenv: z.string().default('base').describe('File environment.') });

/** Runners about the files that hosts get. */
export function fileserverRunners(server: FileServerControl): readonly Runner[] {
  const paths = async (saltenv: string): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { path } of server.files.list('', saltenv)) found.push(path);
    return found;
  };
  return [
    defineRunner({
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
      async run(_, ctx) {
        const states = await server.update(ctx.signal);
        for (const { remote, changed, problem } of states)
          ctx.report(problem === undefined ? (changed ? 'changed' : 'unchanged') : 'failed', problem, remote);
        return states.every(({ problem }) => problem === undefined);
      },
    }),
    defineRunner({
      name: 'fileserver.envs',
      summary: 'Lists the file environments.',
      returns: 'Names.',
      args: z.object({}),
      examples: [{ title: 'all', args: {} }],
      run: async () => [...(await server.files.environments())],
    }),
    defineRunner({
      name: 'fileserver.file_list',
      summary: 'Lists the files of an environment.',
      returns: 'Paths.',
      args: envArg,
      examples: [{ title: 'of base', args: {} }],
      run: ({ saltenv }) => paths(saltenv),
    }),
    defineRunner({
      name: 'fileserver.dir_list',
      summary: 'Lists the directories of an environment that hold files.',
      returns: 'Paths.',
      args: envArg,
      examples: [{ title: 'of base', args: {} }],
      run: async ({ saltenv }) =>
        [...new Set((await paths(saltenv)).map((path) => path.split('/').slice(0, -1).join('/') || '.'))].sort(),
    }),
  ];
}

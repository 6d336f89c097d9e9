import type { FileSource } from '@edge-run/shared/files';
import { fileserverRunnerDeclarations } from '@edge-run/shared/protocol';
import { defineRunner, LOOKS, type Runner } from './contract.ts';

/** The part of the file server that runners work with. */
export interface FileServerControl {
  readonly files: FileSource;
  update(
    signal?: AbortSignal,
  ): Promise<readonly { readonly remote: string; readonly changed: boolean; readonly problem?: string }[]>;
}

/** Runners about the files that hosts get. */
export function fileserverRunners(server: FileServerControl): readonly Runner[] {
  const paths = async (saltenv: string): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { path } of server.files.list('', saltenv)) found.push(path);
    return found;
  };
  return [
    defineRunner({
      ...fileserverRunnerDeclarations['fileserver.update'],
      plan: { kind: 'unknown', why: 'only fetching tells what the remotes hold' },
      async run(_, ctx) {
        const states = await server.update(ctx.signal);
        for (const { remote, changed, problem } of states)
          ctx.report(problem === undefined ? (changed ? 'changed' : 'unchanged') : 'failed', problem, remote);
        return states.every(({ problem }) => problem === undefined);
      },
    }),
    defineRunner({
      ...fileserverRunnerDeclarations['fileserver.envs'],
      plan: LOOKS,
      run: async () => [...(await server.files.environments())],
    }),
    defineRunner({
      ...fileserverRunnerDeclarations['fileserver.file_list'],
      plan: LOOKS,
      run: ({ saltenv }) => paths(saltenv),
    }),
    defineRunner({
      ...fileserverRunnerDeclarations['fileserver.dir_list'],
      plan: LOOKS,
      run: async ({ saltenv }) =>
        [...new Set((await paths(saltenv)).map((path) => path.split('/').slice(0, -1).join('/') || '.'))].sort(),
    }),
  ];
}

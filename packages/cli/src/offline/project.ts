import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import type { LocalRootsByEnv } from '@edge-run/shared/files';
import { EdgeError } from '@edge-run/shared/kernel';
import { loadYaml } from '@edge-run/shared/render';
import { PyMap, toPlain } from '@edge-run/shared/values';

/** The folders files are served from, as the master of a project serves them. */
export interface ProjectRoots {
  readonly files: LocalRootsByEnv;
  readonly pillar: LocalRootsByEnv;
}

/** The roots of the project file that is named, or of the nearest one upwards; none without a project. */
export function readProjectRoots(cwd: string, config: string | undefined): ProjectRoots {
  const file = config === undefined ? nearestProject(cwd) : resolve(cwd, config);
  if (file === undefined) return { files: {}, pillar: {} };
  if (!existsSync(file))
    throw new EdgeError('EDGE_CONFIG_INVALID', `${file} does not exist`, { file }, { hint: 'Check --config.' });
  const loaded = loadYaml(readFileSync(file, 'utf8'));
  const content = loaded instanceof PyMap ? (toPlain(loaded) as Record<string, unknown>) : {};
  const base = dirname(file);
  const mounted = foldersOf(content.orchestration_roots, base).map((directory) => ({
    directory,
    mount: basename(directory),
  }));
  const files = Object.fromEntries(
    Object.entries(rootsIn(content.file_roots, base)).map(([env, roots]) => [env, [...roots, ...mounted]]),
  );
  return { files: { base: mounted, ...files }, pillar: rootsIn(content.pillar_roots, base) };
}

/** The root that holds a file, searched as listed. */
export function rootOf(
  roots: LocalRootsByEnv,
  file: string,
): { readonly env: string; readonly path: string } | undefined {
  for (const [env, places] of Object.entries(roots)) {
    for (const { directory, mount } of places) {
      const below = relative(directory, file);
      if (below !== '' && below !== '..' && !below.startsWith('../'))
        return { env, path: mount === undefined ? below : `${mount}/${below}` };
    }
  }
  return undefined;
}

function nearestProject(cwd: string): string | undefined {
  for (let dir = cwd; ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'edge.yaml'))) return join(dir, 'edge.yaml');
    if (dirname(dir) === dir) return undefined;
  }
}

function rootsIn(value: unknown, base: string): LocalRootsByEnv {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([env, folders]) => [env, foldersOf(folders, base).map((directory) => ({ directory }))]),
  );
}

function foldersOf(value: unknown, base: string): string[] {
  const folders: unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return folders.filter((folder) => typeof folder === 'string').map((folder) => resolve(base, folder));
}

import { existsSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { type LocalRootsByEnv, rootsOf } from '@edge-run/shared/files';
import { EdgeError } from '@edge-run/shared/kernel';
import { type ProjectSettings, readProject, stateRoots } from '@edge-run/shared/project';
import { nearestProjectFile } from '../project-file.ts';

/** A project as its master would serve it. */
export interface Project {
  readonly settings: ProjectSettings;
  readonly states: LocalRootsByEnv;
  readonly pillars: LocalRootsByEnv;
}

/** Where a file is in a project. */
export interface ProjectPlace {
  readonly kind: 'state' | 'orchestration' | 'pillar';
  readonly env: string;
  /** Below its root, as `salt://` names it. */
  readonly path: string;
}

/**
 * The project of the file that is named, or of the nearest one upwards; undefined where there is none.
 * @throws EdgeError `EDGE_CONFIG_INVALID`, DiagnosticsError
 */
export function findProject(cwd: string, config: string | undefined): Project | undefined {
  const file = config === undefined ? nearestProjectFile(cwd) : resolve(cwd, config);
  if (file === undefined) return undefined;
  if (!existsSync(file))
    throw new EdgeError('EDGE_CONFIG_INVALID', `${file} does not exist`, { file }, { hint: 'Check --config.' });
  const settings = readProject(file);
  return { settings, states: stateRoots(settings), pillars: rootsOf(settings.pillar_roots) };
}

/** The place of a file of this machine; undefined when it is below no root. */
export function placeIn(project: Project, file: string): ProjectPlace | undefined {
  return placeBelow(project.states, file, 'state') ?? placeBelow(project.pillars, file, 'pillar');
}

function placeBelow(roots: LocalRootsByEnv, file: string, kind: 'state' | 'pillar'): ProjectPlace | undefined {
  for (const [name, places] of Object.entries(roots)) {
    // `__env__` stands for the environments nobody names.
    const env = name === '__env__' ? 'base' : name;
    for (const { directory, mount } of places) {
      const below = relative(directory, file);
      if (below === '' || below === '..' || below.startsWith('../')) continue;
      if (mount === undefined) return { kind, env, path: below };
      return { kind: 'orchestration', env, path: `${mount}/${below}` };
    }
  }
  return undefined;
}

/**
 * How a master is asked for a file: its `salt://` path when it is one of this machine's project, else the word as it is.
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for files a master does not serve
 */
export function placeForMaster(
  word: string,
  cwd: string,
  config: string | undefined,
): { readonly path: string; readonly env?: string } {
  const file = resolve(cwd, word);
  if (!existsSync(file) || !statSync(file).isFile()) return { path: word };
  const project = findProject(cwd, config);
  const place = project === undefined ? undefined : placeIn(project, file);
  if (place !== undefined && place.kind !== 'pillar') return { path: `salt://${place.path}`, env: place.env };
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `${word} is ${place === undefined ? 'below no root of the project' : 'a pillar'}, and the master renders states`,
    { file },
    { hint: 'Render it here: --context FILE.json gives the grains of the minion.' },
  );
}

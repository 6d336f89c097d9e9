import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type LocalRootsByEnv, rootsOf } from '@edge-run/shared/files';
import { EdgeError } from '@edge-run/shared/kernel';
import { type ProjectSettings, projectOf, readProject, readSettingsFile, stateRoots } from '@edge-run/shared/project';
import { nearestProjectFile } from '../project-file.ts';

/** What is checked: a project, or a Salt tree that has no project file. */
export interface CheckedTree {
  /** Folder the project file is in, or the tree itself. */
  readonly base: string;
  readonly configFile: string | undefined;
  /** The whole project file, with what only masters read. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly settings: ProjectSettings;
  readonly states: LocalRootsByEnv;
  readonly pillars: LocalRootsByEnv;
  /** Only what is in this file or folder is told; everything where absent. */
  readonly scope: string | undefined;
}

/** What is asked to be checked. */
export interface TreeRequest {
  readonly cwd: string;
  /** A file or folder; the project `cwd` is in when absent. */
  readonly path: string | undefined;
  /** Project file instead of the nearest `edge.yaml`. */
  readonly config: string | undefined;
}

/** Names under which Salt trees keep their states and pillars beside each other. */
const STATE_FOLDERS = ['salt', 'states', 'srv/salt', 'salt/roots', 'file_roots'];
const PILLAR_FOLDERS = ['pillar', 'pillars', 'srv/pillar', 'pillar/roots', 'pillar_roots'];

/**
 * Finds the project of a path: that of the nearest `edge.yaml` upwards, or a tree guessed from its folders.
 * @throws EdgeError `EDGE_BAD_ARGUMENT`, `EDGE_CONFIG_INVALID`, DiagnosticsError
 */
export function findTree({ cwd, path, config }: TreeRequest): CheckedTree {
  const asked = resolve(cwd, path ?? '.');
  if (!existsSync(asked)) {
    const hint = 'Name a project, a folder of SLS files, or one file.';
    throw new EdgeError('EDGE_BAD_ARGUMENT', `${path} does not exist`, { path: asked }, { hint });
  }
  const folder = statSync(asked).isDirectory() ? asked : dirname(asked);
  const configFile = config === undefined ? nearestProjectFile(folder) : resolve(cwd, config);
  const project = configFile === undefined ? undefined : projectTree(configFile, asked);
  return project !== undefined && servesOrHolds(project, asked) ? project : bareTree(asked, folder);
}

function projectTree(configFile: string, asked: string): CheckedTree {
  const settings = readProject(configFile);
  const base = dirname(configFile);
  return {
    base,
    configFile,
    config: readSettingsFile(configFile),
    settings,
    states: stateRoots(settings),
    pillars: rootsOf(settings.pillar_roots),
    scope: asked === configFile || isBelow(base, asked) ? undefined : asked,
  };
}

/** True when the project has anything to say of the path: it is the project, or shares files with a root. */
function servesOrHolds({ scope, states, pillars }: CheckedTree, asked: string): boolean {
  if (scope === undefined) return true;
  const roots = [...Object.values(states), ...Object.values(pillars)].flat();
  return roots.some(({ directory }) => isBelow(asked, directory) || isBelow(directory, asked));
}

function bareTree(asked: string, folder: string): CheckedTree {
  const root = asked === folder ? folder : nearestTop(folder);
  const found = (names: readonly string[]): string | undefined => names.map((name) => join(root, name)).find(hasSls);
  const pillar = found(PILLAR_FOLDERS) ?? PILLAR_FOLDERS.map((name) => join(root, '..', name)).find(hasSls);
  const settings: ProjectSettings = {
    ...projectOf({}),
    file_roots: { base: [found(STATE_FOLDERS) ?? root] },
    orchestration_roots: [],
    pillar_roots: { base: pillar === undefined ? [] : [pillar] },
  };
  return {
    base: root,
    configFile: undefined,
    config: {},
    settings,
    states: stateRoots(settings),
    pillars: rootsOf(settings.pillar_roots),
    scope: asked === folder ? undefined : asked,
  };
}

/** The nearest folder upwards that has a top file, within the repository; the folder itself where there is none. */
function nearestTop(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'top.sls'))) return at;
    if (existsSync(join(at, '.git')) || dirname(at) === at) return folder;
  }
}

function hasSls(folder: string): boolean {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return false;
  return readdirSync(folder, { withFileTypes: true }).some(
    (entry) => entry.isDirectory() || entry.name.endsWith('.sls'),
  );
}

/** True when `path` is `folder` or something in it. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

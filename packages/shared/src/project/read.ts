import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type LocalRootsByEnv, rootsOf } from '../files/index.ts';
import { DiagnosticsError, EdgeError, errorMessage } from '../kernel/index.ts';
import { loadYaml } from '../render/index.ts';
import { toPlain } from '../values/index.ts';
import { settingsProblems } from './problems.ts';
import { type ProjectSettings, parseProjectSettings, projectSchema } from './settings.ts';

/** Folders of states, orchestrations and pillars. */
export type Roots = Pick<ProjectSettings, 'file_roots' | 'orchestration_roots' | 'pillar_roots'>;

/**
 * Reads the settings of a project, every folder made absolute.
 *
 * @throws EdgeError `EDGE_CONFIG_INVALID` when it cannot be read; DiagnosticsError naming every wrong key
 */
export function readProject(file: string): ProjectSettings {
  const parsed = parseProjectSettings(readSettingsFile(file));
  if (!parsed.success)
    throw new DiagnosticsError(settingsProblems(parsed.error.issues, { file, schema: projectSchema }));
  return { ...parsed.data, ...absoluteRoots(parsed.data, dirname(file)) };
}

/**
 * The mapping in a settings file; nothing is an empty one.
 *
 * @throws EdgeError `EDGE_CONFIG_INVALID` when it cannot be read or is no mapping; DiagnosticsError where it is no YAML
 */
export function readSettingsFile(file: string): Readonly<Record<string, unknown>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `cannot read ${file}: ${errorMessage(error)}`,
      { file },
      { cause: error, hint: 'Name the file with --config.' },
    );
  }
  const value = toPlain(loadYaml(text, file));
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new EdgeError('EDGE_CONFIG_INVALID', `${file} is not a mapping of settings`, { file });
  }
  return value as Record<string, unknown>;
}

/** Roots with every folder absolute. */
export function absoluteRoots({ file_roots, orchestration_roots, pillar_roots }: Roots, base: string): Roots {
  const absolute = (folder: string): string => resolve(base, folder);
  const all = (byEnv: Roots['file_roots']): Roots['file_roots'] =>
    Object.fromEntries(Object.entries(byEnv).map(([env, folders]) => [env, folders.map(absolute)]));
  return {
    file_roots: all(file_roots),
    orchestration_roots: orchestration_roots.map(absolute),
    pillar_roots: all(pillar_roots),
  };
}

/** Where states are served from, with the orchestrations mounted in `base` under `orch/`. */
export function stateRoots({ file_roots, orchestration_roots }: Omit<Roots, 'pillar_roots'>): LocalRootsByEnv {
  const roots = rootsOf(file_roots);
  const orchestrations = orchestration_roots.map((directory) => ({ directory, mount: 'orch' }));
  return { ...roots, base: [...(roots.base ?? []), ...orchestrations] };
}

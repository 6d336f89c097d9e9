import { type FileSource, LocalRoots, rootsOf } from '@edge-run/shared/files';
import { stateRoots } from '@edge-run/shared/project';
import type { LoadedMasterConfig } from '../config/index.ts';

/** States, with the orchestrations mounted in `base` under `orch/`. */
export function stateFiles(config: Pick<LoadedMasterConfig, 'file_roots' | 'orchestration_roots'>): FileSource {
  return new LocalRoots(stateRoots(config));
}

/** Pillars; their environments are the pillarenvs. */
export function pillarFiles(config: Pick<LoadedMasterConfig, 'pillar_roots'>): FileSource {
  return new LocalRoots(rootsOf(config.pillar_roots));
}

import { type CompilePillarOf, createPillarCompiler, type RuntimeOptions } from '@edge-run/shared/execute';
import { pillarOpts } from '@edge-run/shared/project';
import type { LoadedMasterConfig } from '../config/index.ts';
import { pillarFiles } from './files.ts';

/** The pillar compiler of a master. */
export function createPillars(
  config: LoadedMasterConfig,
  base: Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>,
): CompilePillarOf {
  return createPillarCompiler({ files: pillarFiles(config), settings: pillarOpts(config), base });
}

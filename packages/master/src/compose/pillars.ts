import { type CompilePillarOf, createPillarCompiler, type RuntimeOptions } from '@edge-run/shared/execute';
import type { Mine } from '@edge-run/shared/modules/contract';
import { pillarOpts } from '@edge-run/shared/project';
import type { LoadedMasterConfig } from '../config/index.ts';
import { pillarFiles } from './files.ts';

/** The pillar compiler of a master. */
export function createPillars(
  config: LoadedMasterConfig,
  base: Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>,
  mineOf: (id: string) => Mine,
): CompilePillarOf {
  return createPillarCompiler({ files: pillarFiles(config), settings: pillarOpts(config), base, mineOf });
}

import { type CompilePillarOf, createPillarCompiler, type RuntimeOptions } from '@edge-run/shared/execute';
import type { Mine } from '@edge-run/shared/modules/contract';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import type { LoadedMasterConfig } from '../config/index.ts';
import { pillarFiles } from './files.ts';

/** The pillar compiler of a master. */
export function createPillars(
  config: LoadedMasterConfig,
  base: Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>,
  mineOf: (id: string) => Mine,
): CompilePillarOf {
  const { pillar_source_merging_strategy, pillar_merge_lists, nodegroups } = config;
  const settings = fromPlain({ pillar_source_merging_strategy, pillar_merge_lists, nodegroups }) as PyMap;
  return createPillarCompiler({ files: pillarFiles(config), settings, base, mineOf });
}

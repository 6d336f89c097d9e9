import { templateOpts } from '@edge-run/shared/project';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import type { LoadedMasterConfig } from '../config/index.ts';

/** The configuration as templates on the master see it (`opts`, `config.get`): what is nobody's secret. */
export function masterOpts(config: LoadedMasterConfig): PyMap {
  const { id, data_dir, file_roots, pillar_roots, nodegroups, fleet } = config;
  return fromPlain({
    id,
    root_dir: data_dir,
    file_roots,
    pillar_roots,
    nodegroups,
    fleet,
    ...templateOpts(config),
    saltenv: 'base',
    __role: 'master',
  }) as PyMap;
}

import { join } from 'node:path';
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
    grains_file: grainsFileOf(config),
    cachedir: join(data_dir, 'cache'),
    saltenv: 'base',
    __role: 'master',
    __cli: 'salt-run',
  }) as PyMap;
}

/** Where the master's own grains are that functions set. */
export function grainsFileOf({ data_dir }: LoadedMasterConfig): string {
  return join(data_dir, 'grains');
}

import {
  createPillarCompiler,
  HostRuntime,
  type JobExecutor,
  RuntimeExecutor,
  stateFunctions,
} from '@edge-run/shared/execute';
import { LocalRoots, rootsOf } from '@edge-run/shared/files';
import { EdgeError, type Logger } from '@edge-run/shared/kernel';
import { NO_MINE } from '@edge-run/shared/modules/contract';
import { createDecryption } from '@edge-run/shared/pillar';
import { fromPlain, type PyMap, Redactor } from '@edge-run/shared/values';
import type { MinionConfig } from '../config/index.ts';
import { runtimeBase } from './runtime-base.ts';

/**
 * What runs jobs without a master: the same modules on this machine, files and pillar from local roots. The mine is
 * empty, and an event is a failure, because it would reach nobody. `machine` is what the machine says about itself.
 */
export function createMasterlessExecutor(config: MinionConfig, log: Logger, machine: Promise<PyMap>): JobExecutor {
  const { id, file_roots, pillar_roots, gpg_keydir, age_identities } = config;
  const { pillar_source_merging_strategy, pillar_merge_lists } = config;
  const merging = { pillar_source_merging_strategy, pillar_merge_lists };
  const base = {
    ...runtimeBase(config, log, {
      opts: { file_roots, pillar_roots, file_client: 'local', __cli: 'salt-call' },
      machine,
    }),
    files: new LocalRoots(rootsOf(file_roots)),
    events: { send: (tag: string) => Promise.reject(noBus(tag)) },
    mine: NO_MINE,
  };
  const pillarOf = createPillarCompiler({
    files: new LocalRoots(rootsOf(pillar_roots)),
    settings: fromPlain(merging) as PyMap,
    base,
    decryption: createDecryption({
      host: base.host,
      gpgKeydir: gpg_keydir,
      ageIdentities: age_identities,
      mustSucceed: true,
    }),
  });
  const runtime = new HostRuntime(
    {
      ...base,
      redactor: new Redactor(),
      pillar: async ({ pillarenv, override }) =>
        pillarOf({ id, grains: await base.facts(), pillarenv, ...(override === undefined ? {} : { override }) }),
    },
    stateFunctions,
  );
  return new RuntimeExecutor(runtime);
}

function noBus(tag: string): EdgeError {
  return new EdgeError(
    'EDGE_NOT_SUPPORTED',
    `the event ${tag} reaches nobody: this is a call without a master`,
    { tag },
    { hint: 'Ask the master to run it: edge-run exec TARGET FUN' },
  );
}

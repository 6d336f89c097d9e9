import {
  createCatalog,
  HostRuntime,
  type PillarRequest,
  type RuntimeOptions,
  stateFunctions,
} from '@edge-run/shared/execute';
import type { Clock, Compiled } from '@edge-run/shared/kernel';
import type { Jobs, Runners } from '@edge-run/shared/modules/contract';
import { gatherGrains, KeptFacts } from '@edge-run/shared/modules/facts';
import type { Renderer } from '@edge-run/shared/render';
import { PyMap } from '@edge-run/shared/values';
import type { LoadedMasterConfig } from '../config/index.ts';
import { grainsFileOf, masterOpts } from './opts.ts';

/** What the runtimes of all hosts that this process works for have in common. */
export type RuntimeBase = Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs' | 'runners'>;

/** The master's own host, as the base of its runtimes. */
export function runtimeBase(
  config: LoadedMasterConfig,
  parts: Renderer & Pick<RuntimeBase, 'host' | 'events' | 'files' | 'filesOf' | 'mine' | 'log'>,
): RuntimeBase {
  return { ...parts, catalog: createCatalog(), opts: masterOpts(config) };
}

/** The master's facts, kept until somebody has them gathered anew: nothing but its grains file changes while it runs. */
export function masterFacts({ host, log }: RuntimeBase, config: LoadedMasterConfig, clock: Clock): KeptFacts {
  const file = grainsFileOf(config);
  return new KeptFacts({
    gather: async () =>
      new PyMap([...(await gatherGrains(host, { file }, log)), ['id', config.id], ['role', 'master']]),
    keepMs: Number.POSITIVE_INFINITY,
    clock,
  });
}

/** The runtime orchestrations render and run their own states in. */
export function masterRuntime(
  base: RuntimeBase,
  parts: {
    facts: KeptFacts;
    jobs: Jobs;
    runners: Runners;
    pillarOf: (query: Omit<PillarRequest, 'saltenv'>) => Promise<Compiled<PyMap>>;
  },
): HostRuntime {
  return new HostRuntime(
    {
      ...base,
      facts: () => parts.facts.current(),
      refreshFacts: () => parts.facts.refresh(),
      jobs: parts.jobs,
      runners: parts.runners,
      pillar: ({ saltenv: _saltenv, ...query }) => parts.pillarOf(query),
    },
    stateFunctions,
  );
}

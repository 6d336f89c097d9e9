import { createCatalog, HostRuntime, type RuntimeOptions, stateFunctions } from '@edge-run/shared/execute';
import { LocalHost } from '@edge-run/shared/host';
import type { Compiled, Logger } from '@edge-run/shared/kernel';
import type { EventSink, Jobs } from '@edge-run/shared/modules/contract';
import { gatherFacts } from '@edge-run/shared/modules/facts';
import type { Renderer } from '@edge-run/shared/render';
import { PyMap } from '@edge-run/shared/values';
import type { LoadedMasterConfig } from '../config/index.ts';
import { stateFiles } from './files.ts';
import { masterOpts } from './opts.ts';

/** What the runtimes of all hosts that this process works for have in common. */
export type RuntimeBase = Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>;

/** The master's own host, as the base of its runtimes. */
export function runtimeBase(
  config: LoadedMasterConfig,
  renderer: Renderer,
  events: EventSink,
  log: Logger,
): RuntimeBase {
  return {
    host: new LocalHost({ id: config.id }),
    catalog: createCatalog(),
    files: stateFiles(config),
    ...renderer,
    opts: masterOpts(config),
    events,
    mine: { get: async () => new PyMap() },
    log,
  };
}

/** The master's facts, gathered once: they do not change while it runs. */
export function masterFacts(base: RuntimeBase, config: LoadedMasterConfig): () => Promise<PyMap> {
  let facts: Promise<PyMap> | undefined;
  const gather = async (): Promise<PyMap> =>
    new PyMap([...(await gatherFacts(base.host)), ['id', config.id], ['role', 'master']]);
  return () => {
    facts ??= gather();
    return facts;
  };
}

/** The runtime orchestrations render and run their own states in. */
export function masterRuntime(
  base: RuntimeBase,
  parts: {
    facts: () => Promise<PyMap>;
    jobs: Jobs;
    pillarOf: (query: { pillarenv: string | undefined; override: PyMap | undefined }) => Promise<Compiled<PyMap>>;
  },
): HostRuntime {
  return new HostRuntime(
    {
      ...base,
      facts: parts.facts,
      jobs: parts.jobs,
      pillar: ({ pillarenv, override }) => parts.pillarOf({ pillarenv, override }),
    },
    stateFunctions,
  );
}

import { createCatalog, type RuntimeOptions } from '@edge-run/shared/execute';
import { LocalHost } from '@edge-run/shared/host';
import type { Logger } from '@edge-run/shared/kernel';
import { gatherFacts } from '@edge-run/shared/modules/facts';
import { templateOpts } from '@edge-run/shared/project';
import { createRenderer } from '@edge-run/shared/render';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { MinionConfig } from '../config/index.ts';

/** How long facts are believed before they are gathered anew. */
const FACTS_KEPT_MS = 10 * 60_000;

/** What a minion brings to its jobs by itself: this machine, every module, its facts and configuration. */
export type RuntimeBase = Omit<RuntimeOptions, 'files' | 'pillar' | 'events' | 'mine'>;

/** This machine as its configuration describes it; `opts` adds to what templates see of the configuration. */
export function runtimeBase(config: MinionConfig, log: Logger, opts: object = {}): RuntimeBase {
  const { id, role, home, grains, pillarenv, services_dir, services_run_dir } = config;
  const host = new LocalHost({ id, ...(home === undefined ? {} : { home }) });
  return {
    host,
    catalog: createCatalog(),
    ...createRenderer(),
    facts: keptFacts(async () => new PyMap([...(await gatherFacts(host)), ...mapOf({ role, ...grains }), ['id', id]])),
    opts: mapOf({
      ...{ id, services_dir, services_run_dir, pillarenv, saltenv: 'base', __role: 'minion' },
      ...templateOpts(config),
      ...opts,
    }),
    ...(pillarenv === undefined ? {} : { pillarenv }),
    log,
  };
}

function keptFacts(gather: () => Promise<PyMap>): () => Promise<PyMap> {
  let kept: { readonly facts: Promise<PyMap>; readonly until: number } | undefined;
  return () => {
    const now = performance.now();
    if (kept === undefined || now > kept.until) kept = { facts: gather(), until: now + FACTS_KEPT_MS };
    return kept.facts;
  };
}

function mapOf(plain: object): PyMap {
  return fromPlain(plain) as PyMap;
}

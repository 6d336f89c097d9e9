import { HostRuntime, type RuntimeOptions } from '@edge-run/shared/execute';
import { type Compiled, compiled, notCompiled } from '@edge-run/shared/kernel';
import type { Catalog } from '@edge-run/shared/modules/contract';
import { type CompiledPillar, compilePillar, pillarSettings } from '@edge-run/shared/pillar';
import { didYouMean } from '@edge-run/shared/schema';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { LoadedMasterConfig } from '../config/index.ts';
import { pillarFiles } from './files.ts';

/** What pillar is wanted. */
export interface PillarQuery {
  readonly id: string;
  readonly grains: PyMap;
  readonly pillarenv: string | undefined;
  readonly override?: PyMap;
  readonly signal?: AbortSignal;
}

/** Compiles pillars; the only one who does. */
export type CompilePillarOf = (
  query: PillarQuery,
) => Promise<Compiled<PyMap> & Partial<Pick<CompiledPillar, 'layers'>>>;

/** Functions a pillar may not call: they would reach out to the very hosts that wait for it. */
const FORBIDDEN = /^(saltutil|state|mine|event)\./;

/**
 * Makes the pillar compiler of a master. Templates of pillars call functions on the master, with the facts of the host
 * the pillar is for. A pillarenv that does not exist is an error, not an empty pillar.
 */
export function createPillars(
  config: LoadedMasterConfig,
  base: Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>,
): CompilePillarOf {
  const files = pillarFiles(config);
  const catalog = withoutForbidden(base.catalog);
  const known = Object.keys(config.pillar_roots);
  return async ({ id, grains, pillarenv, override, signal }) => {
    if (pillarenv !== undefined && !known.includes(pillarenv)) return unknownPillarenv(pillarenv, known);
    const settings = pillarSettings(
      fromPlain({
        pillar_source_merging_strategy: config.pillar_source_merging_strategy,
        pillar_merge_lists: config.pillar_merge_lists,
        nodegroups: config.nodegroups,
      }) as PyMap,
    );
    if (settings.value === undefined) return notCompiled(settings.diagnostics);
    const runtime = new HostRuntime({
      ...base,
      catalog,
      facts: async () => grains,
      pillar: async () => compiled(override ?? new PyMap()),
    });
    const { ctx } = await runtime.workplace({ signal: signal ?? new AbortController().signal, log: base.log });
    return compilePillar({
      id,
      grains,
      files,
      render: base.renderData,
      calls: runtime.templateCalls(ctx),
      opts: base.opts,
      pillarenv: pillarenv ?? null,
      settings: settings.value,
      ...(override === undefined ? {} : { override }),
      ...(signal === undefined ? {} : { signal }),
    });
  };
}

function withoutForbidden(catalog: Catalog): Catalog {
  return { ...catalog, functions: new Map([...catalog.functions].filter(([name]) => !FORBIDDEN.test(name))) };
}

function unknownPillarenv(pillarenv: string, known: readonly string[]): Compiled<PyMap> {
  const detail = didYouMean(pillarenv, known) || `pillar environments: ${known.join(', ')}`;
  return notCompiled([
    { severity: 'error', code: 'EDGE_UNKNOWN_PILLARENV', summary: `no pillar environment \`${pillarenv}\``, detail },
  ]);
}

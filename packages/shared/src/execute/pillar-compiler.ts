import type { FileSource } from '../files/index.ts';
import { type Compiled, compiled, notCompiled } from '../kernel/index.ts';
import type { Catalog, Mine } from '../modules/contract/index.ts';
import { type CompiledPillar, compilePillar, pillarSettings } from '../pillar/index.ts';
import { didYouMean } from '../schema/index.ts';
import { PyMap } from '../values/index.ts';
import { HostRuntime, type RuntimeOptions } from './runtime.ts';

/** What pillar is wanted. */
export interface PillarQuery {
  readonly id: string;
  readonly grains: PyMap;
  readonly pillarenv: string | undefined;
  /** Laid over the compiled pillar and wins. */
  readonly override?: PyMap;
  readonly signal?: AbortSignal;
}

/** Compiles pillars; the only one who does in its process. */
export type CompilePillarOf = (
  query: PillarQuery,
) => Promise<Compiled<PyMap> & Partial<Pick<CompiledPillar, 'layers'>>>;

/** What pillars are compiled from and with. */
export interface PillarCompilerOptions {
  /** Its environments are the pillarenvs. */
  readonly files: FileSource;
  /** Salt's options about pillars: `pillar_source_merging_strategy`, `pillar_merge_lists`, `nodegroups`, … */
  readonly settings: PyMap;
  /** The host whose functions the templates call. */
  readonly base: Omit<RuntimeOptions, 'facts' | 'pillar' | 'jobs'>;
  /** The mine as a host's pillar may read it; that of `base` when absent. */
  readonly mineOf?: (id: string) => Mine;
}

/** Functions a pillar may not call: they would reach out to the very hosts that wait for it. What is in the mine is there already. */
const FORBIDDEN = /^(saltutil|state|mine|event)\./;
const ALLOWED = 'mine.get';

/**
 * Makes the pillar compiler of a process. Templates of pillars call functions on its own host, with the facts of the
 * host the pillar is for. A pillarenv that does not exist is an error, not an empty pillar.
 */
export function createPillarCompiler({ files, settings, base, mineOf }: PillarCompilerOptions): CompilePillarOf {
  const catalog = withoutForbidden(base.catalog);
  return async ({ id, grains, pillarenv, override, signal }) => {
    const known = await files.environments();
    if (pillarenv !== undefined && !known.includes(pillarenv)) return unknownPillarenv(pillarenv, known);
    const read = pillarSettings(settings);
    if (read.value === undefined) return notCompiled(read.diagnostics);
    const runtime = new HostRuntime({
      ...base,
      catalog,
      ...(mineOf === undefined ? {} : { mine: mineOf(id) }),
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
      settings: read.value,
      ...(override === undefined ? {} : { override }),
      ...(signal === undefined ? {} : { signal }),
    });
  };
}

function withoutForbidden(catalog: Catalog): Catalog {
  return {
    ...catalog,
    functions: new Map([...catalog.functions].filter(([name]) => name === ALLOWED || !FORBIDDEN.test(name))),
  };
}

function unknownPillarenv(pillarenv: string, known: readonly string[]): Compiled<PyMap> {
  const detail = didYouMean(pillarenv, known) || `pillar environments: ${known.join(', ')}`;
  return notCompiled([
    { severity: 'error', code: 'EDGE_UNKNOWN_PILLARENV', summary: `no pillar environment \`${pillarenv}\``, detail },
  ]);
}

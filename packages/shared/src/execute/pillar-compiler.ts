import type { FileSource } from '../files/index.ts';
import { type Compiled, compiled, notCompiled, requireCompiled } from '../kernel/index.ts';
import type { Catalog, Mine } from '../modules/contract/index.ts';
import {
  type CompiledPillar,
  type CompilePillarOptions,
  compilePillar,
  type Decryption,
  type ExternalServices,
  externalPillars,
  PillarCache,
  pillarSettings,
} from '../pillar/index.ts';
import type { TemplateCalls } from '../render/index.ts';
import { didYouMean } from '../schema/index.ts';
import { PyMap } from '../values/index.ts';
import { type HearCall, heardCalls } from './heard-calls.ts';
import { HostRuntime, type RuntimeOptions } from './runtime.ts';

/** What pillar is wanted. */
export interface PillarQuery {
  readonly id: string;
  readonly grains: PyMap;
  readonly pillarenv: string | undefined;
  /** Laid over the compiled pillar and wins. */
  readonly override?: PyMap;
  /** Compile everything anew and answer its layers, for an explanation. */
  readonly layers?: boolean;
  /** Hears what its templates call; nothing is answered from what was kept then. */
  readonly onCall?: HearCall;
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
  /** `ext_pillar` and what its sources work with. */
  readonly external?: {
    readonly entries: readonly Readonly<Record<string, unknown>>[];
    readonly services: Omit<ExternalServices, 'compileFiles' | 'host'>;
  };
  /** Keys for encrypted values. */
  readonly decryption?: Decryption;
}

/** Functions a pillar may not call: they would reach out to the very hosts that wait for it. What is in the mine is there already. */
const FORBIDDEN = /^(saltutil|state|mine|event)\./;
const ALLOWED = 'mine.get';

/**
 * Makes the pillar compiler of a process. Templates of pillars call functions on its own host, with the facts of the
 * host the pillar is for. A pillarenv that does not exist is an error, not an empty pillar.
 *
 * @throws DiagnosticsError for what is wrong in `ext_pillar`
 */
export function createPillarCompiler(options: PillarCompilerOptions): CompilePillarOf {
  const { files, settings, base, mineOf, decryption, external } = options;
  const catalog = withoutForbidden(base.catalog);
  const cache = new PillarCache();
  const read = pillarSettings(settings);
  const settingsOf = read.value === undefined ? {} : { settings: read.value };
  const callsOf = async (
    { id, grains, override }: { readonly id: string; readonly grains: PyMap; readonly override?: PyMap | undefined },
    signal: AbortSignal,
  ): Promise<TemplateCalls> => {
    const runtime = new HostRuntime({
      ...base,
      catalog,
      ...(mineOf === undefined ? {} : { mine: mineOf(id) }),
      facts: async () => grains,
      pillar: async () => compiled(override ?? new PyMap()),
    });
    const { ctx } = await runtime.workplace({ signal, log: base.log });
    return runtime.templateCalls(ctx);
  };
  const common = { render: base.renderData, opts: base.opts, ...settingsOf, ...(decryption && { decryption }) };
  const compileFiles: ExternalServices['compileFiles'] = async (tree, { id, grains, pillarenv }, signal) => {
    const calls = await callsOf({ id, grains }, signal);
    return compilePillar({ ...common, id, grains, files: tree, calls, pillarenv, signal });
  };
  const sources =
    external === undefined
      ? []
      : requireCompiled(externalPillars(external.entries, { ...external.services, host: base.host, compileFiles }));
  return async ({ id, grains, pillarenv, override, layers = false, onCall, signal }) => {
    if (read.value === undefined) return notCompiled(read.diagnostics);
    const known = await environmentsOf(files, sources);
    if (pillarenv !== undefined && !known.includes(pillarenv)) return unknownPillarenv(pillarenv, known);
    const calls = await callsOf({ id, grains, override }, signal ?? new AbortController().signal);
    return compilePillar({
      ...common,
      id,
      grains,
      files,
      calls: onCall === undefined ? calls : heardCalls(calls, onCall),
      pillarenv: pillarenv ?? null,
      external: sources,
      ...(layers || onCall !== undefined ? {} : { cache }),
      ...(override === undefined ? {} : { override }),
      ...(signal === undefined ? {} : { signal }),
    });
  };
}

/** Environments of the files, then those only sources have. */
async function environmentsOf(
  files: FileSource,
  sources: NonNullable<CompilePillarOptions['external']>,
): Promise<readonly string[]> {
  const others = await Promise.all(sources.map((source) => source.environments?.() ?? []));
  return [...new Set([...(await files.environments()), ...others.flat()])];
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

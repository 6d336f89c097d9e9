import type { FileSource } from '../files/index.ts';
import { type Compiled, type Diagnostic, errorMessage, hasErrors, Secret } from '../kernel/index.ts';
import type { JinjaOptions, RenderData, RenderLimits, TemplateCalls } from '../render/index.ts';
import { didYouMean } from '../schema/index.ts';
import type { TargetContext, TargetExpression } from '../target/index.ts';
import {
  expandSlsNames,
  matchTop,
  mergeTops,
  orderEnvironments,
  readTops,
  type TopEntry,
  type TopMatches,
} from '../top/index.ts';
import { copyValue, PyMap } from '../values/index.ts';
import type { PillarLayer } from './explain.ts';
import { mergePillars } from './merge.ts';
import { defaultPillarSettings, type PillarSettings } from './settings.ts';
import { PillarSlsCompiler } from './sls-compiler.ts';

/** A source of pillar data other than files (Salt's `ext_pillar`). */
export interface ExternalPillar {
  /** As diagnostics and explanations name it. */
  readonly name: string;
  /** The data for a host; `pillar` is what is known so far. What it throws fails the compilation. */
  fetch(request: ExternalPillarRequest, signal?: AbortSignal): Promise<PyMap>;
}

/** What an external pillar source is asked with. */
export interface ExternalPillarRequest {
  readonly id: string;
  readonly grains: PyMap;
  readonly pillar: PyMap;
  readonly pillarenv: string | null;
}

/** Whose pillar is compiled, from what. */
export interface CompilePillarOptions {
  readonly id: string;
  readonly grains: PyMap;
  /** The pillar roots. */
  readonly files: FileSource;
  readonly render: RenderData;
  readonly calls: TemplateCalls;
  /** Configuration as templates see it. */
  readonly opts: PyMap;
  /** Only this environment counts; null or absent: all of them. */
  readonly pillarenv?: string | null;
  /** Given with the request (`pillar={…}`): seen by the pillar's templates, merged last, wins. */
  readonly override?: PyMap;
  /** In the order they are asked. */
  readonly external?: readonly ExternalPillar[];
  readonly settings?: PillarSettings;
  /** Expands range targets of the top file. */
  readonly range?: TargetContext['range'];
  readonly jinja?: JinjaOptions;
  readonly limits?: RenderLimits;
  readonly signal?: AbortSignal;
}

/** A compiled pillar with what it was made of (`explainPillar`). */
export interface CompiledPillar extends Compiled<PyMap> {
  readonly layers: readonly PillarLayer[];
}

/**
 * Compiles the pillar of one host: top files, the SLS they give, external sources, the override. Any error in any of
 * them fails the whole compilation, with all that was found; half a pillar is never an answer. Secrets pass sealed.
 * (Salt 3006 pillar/__init__.py, compile_pillar; stricter there where it notes `_errors` and goes on.)
 */
export async function compilePillar(options: CompilePillarOptions): Promise<CompiledPillar> {
  const compilation = new Compilation(options);
  const { externalFirst } = options.settings ?? defaultPillarSettings;
  if (externalFirst) await compilation.addExternal();
  await compilation.addFiles();
  if (!externalFirst) await compilation.addExternal();
  return compilation.finish();
}

class Compilation {
  readonly #options: CompilePillarOptions;
  readonly #settings: PillarSettings;
  readonly #override: PyMap;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #layers: PillarLayer[] = [];
  #data = new PyMap();

  constructor(options: CompilePillarOptions) {
    this.#options = options;
    this.#settings = options.settings ?? defaultPillarSettings;
    this.#override = options.override ?? new PyMap();
  }

  async addFiles(): Promise<void> {
    const { files, render, grains, opts, calls, jinja, limits, signal } = this.#options;
    const pillarenv = this.#options.pillarenv ?? null;
    // What templates of the pillar see as `pillar`: all that is known before them.
    const known = copyValue(mergePillars(this.#data, this.#override, this.#settings));
    const bounds = { ...(jinja && { jinja }), ...(limits && { limits }), ...(signal && { signal }) };
    const request = { grains, pillar: known, opts, calls, pillarenv, ...bounds };
    const compiler = new PillarSlsCompiler({ source: files, render, request, settings: this.#settings });
    const matches = await this.#matches(compiler, known);
    for (const [env, names] of matches?.sls ?? []) {
      const ignored = matches?.ignoreMissing.get(env);
      for (const sls of expandSlsNames(names, await compiler.names(env))) {
        const asked = { ignoreMissing: ignored?.has(sls) ?? false, place: matches?.placeOf(env, sls) };
        const part = await compiler.compile(sls, env, asked);
        if (part) this.#add(part.data, part.layers);
      }
    }
    this.#diagnostics.push(...compiler.diagnostics);
  }

  async addExternal(): Promise<void> {
    const { id, grains, pillarenv = null, external = [], signal } = this.#options;
    for (const source of external) {
      try {
        const pillar = copyValue(mergePillars(this.#data, this.#override, this.#settings));
        const data = await source.fetch({ id, grains, pillar, pillarenv }, signal);
        this.#add(data, [{ source: `external: ${source.name}`, prefix: [], data }]);
      } catch (error) {
        const summary = `external pillar \`${source.name}\` failed: ${errorMessage(error)}`;
        this.#diagnostics.push({ severity: 'error', code: 'EDGE_PILLAR_INVALID', summary, detail: '' });
      }
    }
  }

  finish(): CompiledPillar {
    if (this.#override.size > 0) {
      const data = sealedAs(this.#data, this.#override);
      this.#add(data, [{ source: 'command line', prefix: [], data }]);
    }
    const diagnostics = this.#diagnostics;
    const layers = this.#layers;
    return { value: hasErrors(diagnostics) ? undefined : copyValue(this.#data), diagnostics, layers };
  }

  async #matches(compiler: PillarSlsCompiler, pillar: PyMap): Promise<TopMatches | undefined> {
    const { files, id, grains, pillarenv, range } = this.#options;
    const defined = await files.environments();
    const environments = pillarenv ? [pillarenv] : orderEnvironments(defined, ['base']);
    if (pillarenv && !defined.includes(pillarenv) && (await compiler.names(pillarenv)).length === 0) {
      this.#diagnostics.push(emptyEnvironment(pillarenv, defined));
    }
    const { topName, nodegroups } = this.#settings;
    const render: Parameters<typeof readTops>[0]['render'] = (file, env) => compiler.render(file, env);
    const tops = await readTops({ source: files, environments, topName, render });
    this.#diagnostics.push(...tops.diagnostics);
    if (tops.value === undefined) return undefined;
    const only = pillarenv ? { env: pillarenv } : {};
    const context = { nodegroups, environments: defined, ...(range && { range }), ...only };
    const top = mergeTops(tops.value, { strategy: 'pillar' });
    this.#diagnostics.push(...[...top.values()].flat().flatMap(matchesItself));
    const matched = matchTop(top, { id, grains, pillar }, context);
    this.#diagnostics.push(...matched.diagnostics);
    return matched.value;
  }

  #add(data: PyMap, layers: readonly PillarLayer[]): void {
    this.#data = mergePillars(this.#data, data, this.#settings);
    this.#layers.push(...layers);
  }
}

/** What is laid over a secret is one: a command line cannot say so itself. */
function sealedAs(data: PyMap, override: PyMap): PyMap {
  return new PyMap(
    [...override].map(([key, value]) => {
      const before = data.get(key);
      if (before instanceof PyMap && value instanceof PyMap) return [key, sealedAs(before, value)] as const;
      const isText = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
      return [key, before instanceof Secret && isText ? new Secret(String(value)) : value] as const;
    }),
  );
}

/** Nothing of the files is known yet when the top file is matched: a target in pillar sees the override and what came first. */
function matchesItself({ expression, target, place }: TopEntry): readonly Diagnostic[] {
  if (!looksAtPillar(expression)) return [];
  return [
    {
      severity: 'warning',
      code: 'EDGE_TOP_INVALID',
      summary: `target \`${target}\` looks at the pillar that is being compiled`,
      detail: 'it sees the command line and `ext_pillar_first` sources only; match by grains or id instead',
      ...(place === undefined ? {} : { source: place }),
    },
  ];
}

function looksAtPillar(target: TargetExpression): boolean {
  if (target.kind === 'and' || target.kind === 'or') return target.operands.some(looksAtPillar);
  return target.kind === 'not' ? looksAtPillar(target.operand) : target.kind.startsWith('pillar');
}

/** Salt answers an empty pillar and says nothing. */
function emptyEnvironment(pillarenv: string, defined: readonly string[]): Diagnostic {
  return {
    severity: 'warning',
    code: 'EDGE_PILLAR_INVALID',
    summary: `there is no pillar environment \`${pillarenv}\`, so the pillar is empty`,
    detail: didYouMean(pillarenv, defined) || `environments: ${defined.join(', ')}`,
  };
}

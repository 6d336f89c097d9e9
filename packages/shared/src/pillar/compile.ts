import type { FileSource } from '../files/index.ts';
import {
  type Compiled,
  type Diagnostic,
  deadline,
  EdgeError,
  errorMessage,
  hasErrors,
  Secret,
} from '../kernel/index.ts';
import type { JinjaOptions, RenderData, RenderLimits, TemplateCalls } from '../render/index.ts';
import { didYouMean } from '../schema/index.ts';
import type { TargetContext, TargetExpression } from '../target/index.ts';
import { matchTop, mergeTops, orderEnvironments, readTops, type TopEntry, type TopMatches } from '../top/index.ts';
import { copyValue, PyMap, type Value } from '../values/index.ts';
import type { FilesPart, PillarCache, PillarInputs } from './cache.ts';
import { type Decryption, decryptValue } from './decrypt/index.ts';
import type { PillarLayer } from './explain.ts';
import { mergePillars } from './merge.ts';
import { defaultPillarSettings, type PillarSettings } from './settings.ts';
import { PillarSlsCompiler } from './sls-compiler.ts';
import { digestOf } from './trace.ts';

/** A source of pillar data other than files (Salt's `ext_pillar`). */
export interface ExternalPillar {
  /** As diagnostics and explanations name it. */
  readonly name: string;
  /** How long it may take. Default 30,000. */
  readonly timeoutMs?: number;
  /** Environments it has beside those of the pillar roots. */
  environments?(): Promise<readonly string[]>;
  /** The data for a host; `pillar` is what is known so far. What it throws fails the compilation. */
  fetch(request: ExternalPillarRequest, signal: AbortSignal): Promise<ExternalPillarAnswer>;
}

/** What an external source has for a host. */
export interface ExternalPillarAnswer {
  readonly data: PyMap;
  /** What it was made of, where the source can say. */
  readonly layers?: readonly PillarLayer[];
}

const EXTERNAL_TIMEOUT_MS = 30_000;
const NO_DECRYPTION: Decryption = { decryptors: new Map(), mustSucceed: true };

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
  /** Keys for encrypted values. */
  readonly decryption?: Decryption;
  /** Answers the part of the files again while nothing has changed; then the layers leave them out. */
  readonly cache?: PillarCache;
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
  await compilation.decrypt();
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
    const { id, files, grains, calls, cache, pillarenv = null } = this.#options;
    // What templates of the pillar see as `pillar`: all that is known before them.
    const known = copyValue(mergePillars(this.#data, this.#override, this.#settings));
    const inputs = { files, grains, calls };
    // Files are merged among themselves first, as in Salt; what was there before them comes into it afterwards.
    const compileFiles = async (watched: PillarInputs): Promise<FilesPart> => {
      const alone = new Compilation(this.#options);
      await alone.#compileFiles(watched, known);
      this.#layers.push(...alone.#layers);
      return { data: alone.#data, diagnostics: alone.#diagnostics };
    };
    const key = JSON.stringify([id, pillarenv, digestOf(known)]);
    const part = await (cache === undefined ? compileFiles(inputs) : cache.filesOf(key, inputs, compileFiles));
    this.#data = mergePillars(this.#data, part.data, this.#settings);
    this.#diagnostics.push(...part.diagnostics);
  }

  async #compileFiles(inputs: PillarInputs, known: PyMap): Promise<void> {
    const { render, opts, jinja, limits, signal, decryption = NO_DECRYPTION } = this.#options;
    const { files, grains, calls } = inputs;
    const pillarenv = this.#options.pillarenv ?? null;
    const bounds = { ...(jinja && { jinja }), ...(limits && { limits }), ...(signal && { signal }) };
    const request = { grains, pillar: known, opts, calls, pillarenv, ...bounds };
    const compiler = new PillarSlsCompiler({ source: files, render, request, settings: this.#settings, decryption });
    const matches = await this.#matches(compiler, inputs, known);
    for (const [env, names] of matches?.sls ?? []) {
      const ignored = matches?.ignoreMissing.get(env);
      for (const sls of await compiler.expand(names, env)) {
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
      const limit = deadline(source.timeoutMs ?? EXTERNAL_TIMEOUT_MS, `external pillar ${source.name}`, signal);
      try {
        const pillar = copyValue(mergePillars(this.#data, this.#override, this.#settings));
        const asked = source.fetch({ id, grains, pillar, pillarenv }, limit.signal);
        const { data, layers } = await unlessAborted(asked, limit.signal);
        this.#add(data, layers ?? [{ source: `external: ${source.name}`, prefix: [], data }]);
      } catch (error) {
        // A signal's own reason says more than what a library makes of it.
        this.#diagnostics.push(sourceFailed(source.name, limit.signal.aborted ? limit.signal.reason : error));
      } finally {
        limit.dispose();
      }
    }
  }

  /** Decrypts what `decrypt_pillar` names, wherever it came from. */
  async decrypt(): Promise<void> {
    const { decryption = NO_DECRYPTION, signal } = this.#options;
    if (this.#settings.decrypt.length === 0) return;
    // What is decrypted in place must be nobody else's.
    this.#data = copyValue(this.#data);
    for (const { path, renderer } of this.#settings.decrypt) {
      const parent = path.slice(0, -1).reduce<Value | undefined>(childOf, this.#data);
      const key = path.at(-1)!;
      const value = childOf(parent, key);
      const decryptor = decryption.decryptors.get(renderer);
      if (value === undefined || !(parent instanceof PyMap)) continue;
      if (decryptor === undefined) {
        const summary = `decrypt_pillar: ${path.join(':')}: no keys for ${renderer} here`;
        this.#diagnostics.push({ severity: 'error', code: 'EDGE_DECRYPT_FAILED', summary, detail: '' });
        continue;
      }
      const decrypted = await decryptValue(value, decryptor, decryption, { ...(signal && { signal }) });
      parent.set(key, decrypted.value);
      const from = `decrypt_pillar: ${path.join(':')}`;
      this.#diagnostics.push(...decrypted.diagnostics.map((d) => ({ ...d, summary: `${from}: ${d.summary}` })));
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

  async #matches(
    compiler: PillarSlsCompiler,
    { files, grains }: PillarInputs,
    pillar: PyMap,
  ): Promise<TopMatches | undefined> {
    const { id, pillarenv, range, external = [] } = this.#options;
    const defined = await files.environments();
    const environments = pillarenv ? [pillarenv] : orderEnvironments(defined, ['base']);
    if (pillarenv && !defined.includes(pillarenv) && (await compiler.names(pillarenv)).length === 0) {
      const elsewhere = await Promise.all(external.map((source) => source.environments?.() ?? []));
      if (!elsewhere.flat().includes(pillarenv)) this.#diagnostics.push(emptyEnvironment(pillarenv, defined));
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

function childOf(container: Value | undefined, key: string): Value | undefined {
  return container instanceof PyMap ? container.get(key) : undefined;
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function sourceFailed(name: string, error: unknown): Diagnostic {
  const summary = `external pillar \`${name}\` failed: ${errorMessage(error)}`;
  const detail = error instanceof EdgeError ? (error.hint ?? '') : '';
  return { severity: 'error', code: 'EDGE_PILLAR_SOURCE_FAILED', summary, detail };
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

import { createTemplateLoader, type FileHandle, type FileSource, findSls, listSls } from '../files/index.ts';
import { type Compiled, type Diagnostic, EdgeError, hasErrors, type SourceRange } from '../kernel/index.ts';
import type { DecryptData, RenderData, RenderedData, RenderRequest } from '../render/index.ts';
import { isGlob } from '../target/index.ts';
import { expandSlsNames } from '../top/index.ts';
import { encodeValue, PyMap, Redactor, revealValue, type Value } from '../values/index.ts';
import { type Decryption, decryptSops, decryptValue, isSops } from './decrypt/index.ts';
import type { PillarLayer } from './explain.ts';
import { mergePillars } from './merge.ts';
import type { PillarSettings } from './settings.ts';

/** What every pillar SLS of one compilation is rendered with. */
export interface PillarRendering {
  readonly source: FileSource;
  readonly render: RenderData;
  /** All of a request but what differs from file to file. */
  readonly request: Omit<RenderRequest, 'text' | 'path' | 'sls' | 'saltenv' | 'variables' | 'loader'>;
  readonly settings: PillarSettings;
  readonly decryption: Decryption;
}

/** An SLS with all it includes. */
export interface PillarSls {
  readonly data: PyMap;
  /** In the order they were merged. */
  readonly layers: readonly PillarLayer[];
}

/** How a top file asks for an SLS. */
export interface AskedFor {
  readonly ignoreMissing: boolean;
  readonly place: SourceRange | undefined;
}

interface Include {
  readonly sls: string;
  readonly defaults: PyMap;
  readonly key: readonly string[];
  readonly place?: SourceRange;
}

/** Renders the SLS files of pillars, each once, follows their includes and collects what is wrong with them. */
export class PillarSlsCompiler {
  readonly diagnostics: Diagnostic[] = [];
  readonly #rendering: PillarRendering;
  readonly #done = new Map<string, PillarSls>();
  readonly #names = new Map<string, Promise<readonly string[]>>();
  /** The secrets templates are shown: what they make of them is secret as well. */
  readonly #known = new Redactor();

  constructor(rendering: PillarRendering) {
    const { request } = rendering;
    this.#known.learn(request.pillar);
    const pillar = revealValue(request.pillar) as PyMap;
    this.#rendering = { ...rendering, request: { ...request, pillar } };
  }

  /** Renders one file of an environment. */
  async render(
    file: FileHandle,
    env: string,
    more: Pick<RenderRequest, 'sls' | 'variables'> = {},
  ): Promise<Compiled<RenderedData>> {
    const { source, render, request } = this.#rendering;
    const text = new TextDecoder().decode(await file.read());
    const loader = createTemplateLoader(source, env);
    const decrypt = this.#decrypt;
    const answer = await render({ ...request, ...more, decrypt, text, path: file.path, saltenv: env, loader });
    // A diagnostic may show a rendered line.
    const rendered = { ...answer, diagnostics: answer.diagnostics.map((one) => this.#withoutSecrets(one)) };
    if (rendered.value === undefined) return rendered;
    if (isSops(rendered.value.value)) return this.#fromSops(rendered.value, rendered.diagnostics, file.path);
    const value = this.#known.seal(rendered.value.value);
    return value === rendered.value.value ? rendered : { ...rendered, value: { ...rendered.value, value } };
  }

  readonly #decrypt: DecryptData = async (names, data) => {
    const { decryption, request } = this.#rendering;
    const { placeOf } = data;
    const options = { placeOf, ...(request.signal && { signal: request.signal }) };
    const diagnostics: Diagnostic[] = [];
    let value = data.value;
    for (const name of names) {
      const decryptor = decryption.decryptors.get(name);
      if (decryptor === undefined) {
        const detail = 'Give the master its keys: gpg_keydir, age_identities.';
        diagnostics.push({
          severity: 'error',
          code: 'EDGE_DECRYPT_FAILED',
          summary: `no keys for ${name} here`,
          detail,
        });
        continue;
      }
      const decrypted = await decryptValue(value, decryptor, decryption, options);
      value = decrypted.value;
      diagnostics.push(...decrypted.diagnostics);
    }
    return { value: hasErrors(diagnostics) ? undefined : { ...data, value }, diagnostics };
  };

  #withoutSecrets(diagnostic: Diagnostic): Diagnostic {
    if (!this.#known.isNeeded) return diagnostic;
    const { summary, detail, source, chain } = diagnostic;
    const shown = (place: SourceRange): SourceRange =>
      place.text === undefined ? place : { ...place, text: this.#known.text(place.text) };
    return {
      ...diagnostic,
      summary: this.#known.text(summary),
      detail: this.#known.text(detail),
      ...(source === undefined ? {} : { source: shown(source) }),
      ...(chain === undefined ? {} : { chain: chain.map(shown) }),
    };
  }

  async #fromSops(data: RenderedData, remarks: readonly Diagnostic[], file: string): Promise<Compiled<RenderedData>> {
    const { decryption, request } = this.#rendering;
    try {
      await decryptSops(data.value as PyMap, decryption.decryptors, request.signal);
      return { value: data, diagnostics: remarks };
    } catch (error) {
      if (!(error instanceof EdgeError)) throw error;
      const { code, message: summary, hint: detail = '' } = error;
      const source = { file, line: 1 };
      return { value: undefined, diagnostics: [...remarks, { severity: 'error', code, summary, detail, source }] };
    }
  }

  /** SLS names of an environment. */
  names(env: string): Promise<readonly string[]> {
    const names = this.#names.get(env) ?? listSls(this.#rendering.source, env);
    this.#names.set(env, names);
    return names;
  }

  /** The SLS that names and globs stand for. Only a glob makes the environment be listed. */
  async expand(names: readonly string[], env: string): Promise<readonly string[]> {
    return expandSlsNames(names, names.some(isGlob) ? await this.names(env) : []);
  }

  /** Compiles an SLS; undefined when it is missing or wrong, which is then among the diagnostics. */
  compile(sls: string, env: string, asked: AskedFor): Promise<PillarSls | undefined> {
    const at = asked.place === undefined ? {} : { place: asked.place };
    return this.#compile({ sls, defaults: new PyMap(), key: [], ...at }, env, [], asked.ignoreMissing);
  }

  async #compile(
    include: Include,
    env: string,
    chain: readonly SourceRange[],
    ignoreMissing: boolean,
    open: readonly string[] = [],
  ): Promise<PillarSls | undefined> {
    const { sls, defaults } = include;
    const known = JSON.stringify([env, sls, encodeValue(defaults)]);
    const done = this.#done.get(known);
    if (done) return done;
    const lookup = await findSls(this.#rendering.source, env, sls);
    if (lookup.kind === 'missing') {
      const from = include.place === undefined ? {} : { source: include.place, chain: chain.slice(1) };
      if (!ignoreMissing) this.diagnostics.push({ ...lookup.diagnostic, ...from });
      return undefined;
    }
    const { file } = lookup;
    const rendered = await this.render(file, env, { sls, variables: variablesOf(defaults) });
    this.diagnostics.push(...rendered.diagnostics.map((diagnostic) => withChain(diagnostic, chain)));
    const { value } = rendered;
    if (value === undefined) return undefined;
    if (value.value === null || value.value === '') return { data: new PyMap(), layers: [] };
    if (!(value.value instanceof PyMap)) {
      const summary = `pillar SLS \`${sls}\` is not a mapping`;
      this.#report(summary, 'a pillar file is a mapping of keys to values', { file: file.path, line: 1 }, chain);
      return undefined;
    }
    const compiled = await this.#withIncludes({ sls, file, env, rendered: value, data: value.value, chain, open });
    if (compiled) this.#done.set(known, compiled);
    return compiled;
  }

  async #withIncludes(own: OwnSls): Promise<PillarSls | undefined> {
    const { data, env, file, rendered, chain, sls, open } = own;
    const body = new PyMap([...data].filter(([key]) => key !== 'include'));
    const layer: PillarLayer = { source: `${env}: ${file.path}`, environment: env, prefix: [], data: body, rendered };
    const includes = data.has('include') ? this.#includes(own, data.get('include')!) : [];
    const parts: PillarSls[] = [];
    let failed = includes === undefined;
    for (const include of includes ?? []) {
      for (const name of await this.expand([include.sls], env)) {
        // An SLS that is being compiled adds itself where it was asked for first.
        if (name === sls || open.includes(name)) continue;
        const from = include.place ? [include.place, ...chain] : chain;
        const part = await this.#compile({ ...include, sls: name }, env, from, false, [...open, sls]);
        if (part) parts.push(below(part, include.key));
        else failed = true;
      }
    }
    if (failed) return undefined;
    const self = { data: body, layers: [layer] };
    return this.#merge(this.#rendering.settings.includesOverride ? [self, ...parts] : [...parts, self]);
  }

  #merge([first, ...others]: readonly PillarSls[]): PillarSls {
    const { settings } = this.#rendering;
    return others.reduce(
      (merged, part) => ({
        data: mergePillars(merged.data, part.data, settings),
        layers: [...merged.layers, ...part.layers],
      }),
      first!,
    );
  }

  #includes(own: OwnSls, value: Value): readonly Include[] | undefined {
    const place = own.rendered.placeOf(own.data, 'include') ?? { file: own.file.path, line: 1 };
    if (!Array.isArray(value)) {
      this.#report('`include` is not a list', '- other.sls', place, own.chain);
      return undefined;
    }
    const includes = value.map((item, index) => {
      const at = own.rendered.placeOf(value, index) ?? place;
      const include = readInclude(item, own, at);
      if (typeof include !== 'string') return include;
      this.#report(include, '- name, or - name: {defaults: {…}, key: a:b}', at, own.chain);
      return undefined;
    });
    return includes.every((include) => include !== undefined) ? includes : undefined;
  }

  #report(summary: string, detail: string, source: SourceRange, chain: readonly SourceRange[]): void {
    const code = 'EDGE_PILLAR_INVALID';
    this.diagnostics.push(withChain({ severity: 'error', code, summary, detail, source }, chain));
  }
}

interface OwnSls {
  readonly sls: string;
  readonly file: FileHandle;
  readonly env: string;
  readonly rendered: RenderedData;
  readonly data: PyMap;
  readonly chain: readonly SourceRange[];
  /** SLS whose includes are being compiled, outermost first. */
  readonly open: readonly string[];
}

/** One item of an include list; a text says what is wrong with it. */
function readInclude(item: Value, own: OwnSls, place: SourceRange): Include | string {
  if (typeof item === 'string') return { sls: absoluteName(item, own), defaults: new PyMap(), key: [], place };
  if (!(item instanceof PyMap) || item.size !== 1)
    return 'an include is an SLS name or a mapping of one to its options';
  const [[name, options]] = [...item] as [[Value, Value]];
  if (typeof name !== 'string' || !(options === null || options instanceof PyMap)) {
    return 'the options of an include are a mapping';
  }
  const defaults = options?.get('defaults') ?? new PyMap();
  const key = options?.get('key') ?? '';
  const unknown =
    options === null ? undefined : [...options.keys()].find((word) => word !== 'defaults' && word !== 'key');
  if (unknown !== undefined) return `an include has no option \`${String(unknown)}\``;
  if (!(defaults instanceof PyMap)) return '`defaults` of an include is a mapping of names to values';
  if (typeof key !== 'string') return '`key` of an include is a text such as a:b';
  return { sls: absoluteName(name, own), defaults, key: key === '' ? [] : key.split(':'), place };
}

/** `.x` is beside the including file, each further dot one level up. */
function absoluteName(name: string, own: OwnSls): string {
  const [, dots, rest] = /^(\.*)(.*)$/s.exec(name) as unknown as [string, string, string];
  if (dots === '') return rest;
  const levels = dots.length - (own.file.path.endsWith('/init.sls') ? 1 : 0);
  const parent = own.sls.split('.');
  return [...parent.slice(0, Math.max(0, parent.length - levels)), rest].join('.');
}

function variablesOf(defaults: PyMap): ReadonlyMap<string, Value> {
  return new Map([...defaults].map(([name, value]) => [String(name), value]));
}

function below(part: PillarSls, key: readonly string[]): PillarSls {
  if (key.length === 0) return part;
  const data = key.reduceRight((inner, name) => new PyMap([[name, inner]]), part.data);
  return { data, layers: part.layers.map((layer) => ({ ...layer, prefix: [...key, ...layer.prefix] })) };
}

function withChain(diagnostic: Diagnostic, chain: readonly SourceRange[]): Diagnostic {
  return chain.length === 0 ? diagnostic : { ...diagnostic, chain: [...(diagnostic.chain ?? []), ...chain] };
}

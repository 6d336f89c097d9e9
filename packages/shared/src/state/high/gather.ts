import { type Compiled, type Diagnostic, formatPlace, hasErrors, type SourceRange } from '../../kernel/index.ts';
import type { RenderedData } from '../../render/index.ts';
import { didYouMean } from '../../schema/index.ts';
import { compileGlob, isGlob } from '../../target/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { HighData } from './high-data.ts';
import { normaliseSls } from './normalise.ts';
import { FIRST_ORDER, numberStates } from './order.ts';
import { Places } from './places.ts';

/** Where SLS files come from, rendered. */
export interface SlsSource {
  /** The data of an SLS; undefined: no such file. Names are dotted; `app/b` stands for `app.b`. */
  renderSls(sls: string, saltenv: string): Promise<Compiled<RenderedData> | undefined>;
  /** Every SLS name of an environment, dotted, in order → true for `FOLDER/init.sls` without a `FOLDER.sls` beside it. */
  listSls(saltenv: string): Promise<ReadonlyMap<string, boolean>>;
  environments(): Promise<readonly string[]>;
}

/** saltenv → SLS names or globs, in order: what a top file or a caller asks for. */
export type SlsMatches = ReadonlyMap<string, readonly string[]>;

/**
 * Renders the SLS files asked for and everything they include into one tree, with every problem found on the way.
 * The value is undefined when there is any error.
 */
export async function gatherHigh(matches: SlsMatches, source: SlsSource): Promise<Compiled<HighData>> {
  const { high, diagnostics } = await gatherReadable(matches, source);
  return { value: hasErrors(diagnostics) ? undefined : high, diagnostics };
}

/** As `gatherHigh`, with the part that could be read also where there are errors: to find what else is wrong. */
export async function gatherReadable(
  matches: SlsMatches,
  source: SlsSource,
): Promise<{ readonly high: HighData; readonly diagnostics: readonly Diagnostic[] }> {
  const gatherer = new Gatherer(matches, source);
  for (const [saltenv, names] of matches) {
    for (const name of names) await gatherer.request(name, saltenv);
  }
  return gatherer;
}

interface Names {
  readonly list: readonly string[];
  readonly inits: ReadonlyMap<string, boolean>;
}

class Gatherer {
  readonly diagnostics: Diagnostic[] = [];
  readonly high: HighData = { data: new PyMap(), places: new Places() };
  readonly #matches: SlsMatches;
  readonly #source: SlsSource;
  readonly #names = new Map<string, Promise<Names>>();
  readonly #environments: Promise<readonly string[]>;
  readonly #seen = new Set<string>();
  #order = FIRST_ORDER;

  constructor(matches: SlsMatches, source: SlsSource) {
    this.#matches = matches;
    this.#source = source;
    this.#environments = source.environments();
  }

  async request(name: string, saltenv: string): Promise<void> {
    if (!(await this.#environments).includes(saltenv)) {
      const known = await this.#environments;
      this.#report('EDGE_SLS_NOT_FOUND', `No matching salt environment for environment '${saltenv}' found`, known);
      return;
    }
    const found = await this.#resolve(name, saltenv);
    for (const sls of found.length > 0 ? found : [name]) {
      if (this.#seen.has(`${saltenv}:${sls}`)) continue;
      const state = await this.#file(sls, saltenv, []);
      if (state !== undefined) this.#merge(this.high.data, state);
    }
  }

  /** The tree of one file and its includes; undefined when it could not be read. */
  async #file(sls: string, saltenv: string, chain: readonly SourceRange[]): Promise<PyMap | undefined> {
    const rendered = await this.#source.renderSls(sls, saltenv);
    if (rendered === undefined) {
      await this.#notFound(sls, saltenv, chain);
      return undefined;
    }
    for (const diagnostic of rendered.diagnostics) this.diagnostics.push(withChain(diagnostic, chain));
    this.#seen.add(`${saltenv}:${sls}`);
    if (rendered.value === undefined) return undefined;
    const { value } = rendered.value;
    if (value === null) return new PyMap();
    if (!(value instanceof PyMap)) {
      const place = rendered.value.placeOf(value, 0) ?? chain[0];
      this.#report('EDGE_SLS_SHAPE', `SLS ${sls} does not render to a dictionary`, [], place);
      return undefined;
    }
    this.high.places.add(rendered.value);
    const normal = normaliseSls(value, sls, saltenv, this.high.places);
    this.diagnostics.push(...normal.diagnostics.map((diagnostic) => withChain(diagnostic, chain)));
    const included = new PyMap();
    for (const [index, entry] of normal.include.entries()) {
      const place = this.high.places.of(normal.include, index);
      await this.#include(entry, { sls, saltenv, place, chain, included });
    }
    this.#order = numberStates(normal.data, this.#order);
    this.#merge(normal.data, included);
    return normal.data;
  }

  async #include(entry: Value, from: IncludeSite): Promise<void> {
    const parsed = parseInclude(entry, from.saltenv);
    if (parsed === undefined) {
      this.#report(
        'EDGE_STATE_INCLUDE',
        `SLS '${from.saltenv}:${from.sls}' includes something that is no name`,
        [],
        from.place,
      );
      return;
    }
    const environments = await this.#environments;
    if (parsed.env !== CROSS_ENV && !environments.includes(parsed.env)) {
      const summary = `Nonexistent saltenv '${parsed.env}' found in include of '${parsed.name}' within SLS '${from.saltenv}:${from.sls}'`;
      this.#report('EDGE_STATE_INCLUDE', summary, environments, from.place);
      return;
    }
    const name = await this.#absolute(parsed.name, from);
    if (name === undefined) return;
    const env = await this.#environmentOf(name, parsed.env, from);
    if (env === undefined) return;
    const targets = await this.#resolve(name, env);
    const chain = from.place === undefined ? from.chain : [from.place, ...from.chain];
    for (const sls of targets.length > 0 ? targets : [name]) {
      if (this.#seen.has(`${env}:${sls}`)) continue;
      const state = await this.#file(sls, env, chain);
      if (state !== undefined) this.#merge(from.included, state);
    }
  }

  /** Resolves leading dots: one is the package of the file, each more one package up. */
  async #absolute(name: string, from: IncludeSite): Promise<string | undefined> {
    if (!name.startsWith('.')) return name;
    const levels = name.length - name.replace(/^\.+/, '').length;
    const parts = from.sls.split(/[./]/);
    const { inits } = await this.#namesOf(from.saltenv);
    if (inits.get(parts.join('.')) === true) parts.push('init');
    if (levels > parts.length) {
      const summary = `Attempted relative include of '${name}' within SLS '${from.saltenv}:${from.sls}' goes beyond top level package`;
      this.#report('EDGE_STATE_INCLUDE', summary, [], from.place);
      return undefined;
    }
    return [...parts.slice(0, -levels), name.slice(levels)].join('.');
  }

  /** The one environment an include comes from; `_xenv` looks it up among those asked for. */
  async #environmentOf(name: string, env: string, from: IncludeSite): Promise<string | undefined> {
    if (env !== CROSS_ENV) return env;
    const found: string[] = [];
    for (const candidate of this.#matches.keys()) {
      if ((await this.#resolve(name, candidate)).length > 0) found.push(candidate);
    }
    if (found.length === 1) return found[0];
    if (found.includes(from.saltenv)) return from.saltenv;
    const asked = [...this.#matches.keys()].join(', ');
    const summary =
      found.length === 0
        ? `Unknown include: Specified SLS ${name} is not available in saltenv(s): ${asked}`
        : `Ambiguous include: Specified SLS ${name} is available in multiple saltenvs: ${found.join(', ')}`;
    this.#report('EDGE_STATE_INCLUDE', summary, [], from.place);
    return undefined;
  }

  async #resolve(name: string, saltenv: string): Promise<readonly string[]> {
    const { list, inits } = await this.#namesOf(saltenv);
    if (!isGlob(name)) return inits.has(name) ? [name] : [];
    return list.filter(compileGlob(name));
  }

  #namesOf(saltenv: string): Promise<Names> {
    let names = this.#names.get(saltenv);
    if (names === undefined) {
      names = this.#source.listSls(saltenv).then((inits) => ({ list: [...inits.keys()], inits }));
      this.#names.set(saltenv, names);
    }
    return names;
  }

  #merge(into: PyMap, from: PyMap): void {
    const { places } = this.high;
    for (const [id, body] of from) {
      if (id === '__extend__' || id === '__exclude__') {
        into.set(id, [...((into.get(id) as Value[] | undefined) ?? []), ...(body as Value[])]);
        continue;
      }
      const place = places.of(from, id);
      if (into.has(id)) this.#duplicate(id, into.get(id)!, body, places.of(into, id), place);
      into.set(id, body);
      places.set(into, id, place);
    }
  }

  #duplicate(id: Value, first: Value, second: Value, firstPlace?: SourceRange, place?: SourceRange): void {
    const where = (body: Value): string =>
      body instanceof PyMap ? `${body.get('__env__')}:${body.get('__sls__')}` : '?';
    this.diagnostics.push({
      severity: 'error',
      code: 'EDGE_STATE_DUPLICATE_ID',
      summary: `the ID '${id}' is declared in SLS '${where(first)}' and in SLS '${where(second)}'`,
      detail: `IDs are unique over all files${firstPlace === undefined ? '' : `; the other one is at ${formatPlace(firstPlace)}`}`,
      ...(place === undefined ? {} : { source: place }),
      ...(firstPlace === undefined ? {} : { chain: [{ ...firstPlace, role: 'other' as const }] }),
    });
  }

  async #notFound(sls: string, saltenv: string, chain: readonly SourceRange[]): Promise<void> {
    const { list } = await this.#namesOf(saltenv);
    const [place, ...rest] = chain;
    this.diagnostics.push({
      severity: 'error',
      code: 'EDGE_SLS_NOT_FOUND',
      summary: `No matching sls found for '${sls}' in env '${saltenv}'`,
      detail:
        didYouMean(sls, list) || `expected ${sls.replaceAll('.', '/')}.sls or ${sls.replaceAll('.', '/')}/init.sls`,
      ...(place === undefined ? {} : { source: place, chain: rest }),
    });
  }

  #report(code: Diagnostic['code'], summary: string, known: readonly string[], place?: SourceRange): void {
    const detail = known.length === 0 ? '' : `environments: ${known.join(', ')}`;
    this.diagnostics.push({
      severity: 'error',
      code,
      summary,
      detail,
      ...(place === undefined ? {} : { source: place }),
    });
  }
}

interface IncludeSite {
  readonly sls: string;
  readonly saltenv: string;
  readonly place: SourceRange | undefined;
  readonly chain: readonly SourceRange[];
  /** What the includes of the file have brought so far. */
  readonly included: PyMap;
}

/** Salt's word for "whichever environment of the top file has it". */
const CROSS_ENV = '_xenv';

function parseInclude(entry: Value, saltenv: string): { env: string; name: string } | undefined {
  if (typeof entry === 'string') return { env: saltenv, name: entry };
  if (!(entry instanceof PyMap)) return undefined;
  const [pair] = [...entry].slice(-1);
  const [env, name] = pair ?? [];
  return typeof env === 'string' && typeof name === 'string' ? { env, name } : undefined;
}

function withChain(diagnostic: Diagnostic, chain: readonly SourceRange[]): Diagnostic {
  return chain.length === 0 ? diagnostic : { ...diagnostic, chain: [...(diagnostic.chain ?? []), ...chain] };
}

import type { Compiled, Diagnostic, SourceRange } from '../kernel/index.ts';
import { compiled } from '../kernel/index.ts';
import type { RenderedData } from '../render/index.ts';
import { parseTarget, type TargetExpression } from '../target/index.ts';
import { PyMap, type Value } from '../values/index.ts';

/** One target of a top file with what it gets. */
export interface TopEntry {
  /** As written; entries of one environment with the same text are the same target. */
  readonly target: string;
  readonly matcher: string;
  readonly expression: TargetExpression;
  /** SLS names, globs included, in order. */
  readonly sls: readonly string[];
  /** SLS name → where it stands, as far as known */
  readonly places: ReadonlyMap<string, SourceRange>;
  /** `- dev: web`: an SLS of another environment. */
  readonly elsewhere: readonly { readonly env: string; readonly sls: string; readonly place?: SourceRange }[];
  /** Entries that count only for hosts this one matches (`subfilter`). */
  readonly subfilters: readonly TopEntry[];
  /** Entries of a pillar top are sorted by it; 0 unless told. */
  readonly order: number;
  /** SLS of this entry that do not exist are passed over. */
  readonly ignoreMissing: boolean;
  readonly place?: SourceRange;
}

/** A top file as parsed. */
export interface TopFile {
  readonly path: string;
  /** environment → its entries, in order */
  readonly sections: ReadonlyMap<string, readonly TopEntry[]>;
  /** Further top files of the same environment, by SLS name. */
  readonly includes: readonly string[];
}

/** Reads a rendered top file; reports every entry that cannot be understood, at its place. */
export function parseTop(rendered: RenderedData, path: string): Compiled<TopFile> {
  return new TopParser(rendered, path).parse();
}

class TopParser {
  readonly #rendered: RenderedData;
  readonly #path: string;
  readonly #diagnostics: Diagnostic[] = [];

  constructor(rendered: RenderedData, path: string) {
    this.#rendered = rendered;
    this.#path = path;
  }

  parse(): Compiled<TopFile> {
    const { value } = this.#rendered;
    const sections = new Map<string, readonly TopEntry[]>();
    let includes: readonly string[] = [];
    if (value instanceof PyMap) {
      for (const [env, body] of value) {
        if (env === 'include') includes = this.#includes(value, body);
        else if (typeof env === 'string') sections.set(env, this.#section(value, env, body));
        else this.#report('an environment is named by a text', 'put it in quotes', this.#place(value, env));
      }
    } else if (value !== null && value !== '') {
      this.#report(`${this.#path} is not a mapping of environments`, "base:\n  '*':\n    - common", undefined);
    }
    return compiled({ path: this.#path, sections, includes }, this.#diagnostics);
  }

  #includes(top: PyMap, body: Value): readonly string[] {
    if (Array.isArray(body) && body.every((name) => typeof name === 'string')) return body;
    this.#report('`include` of a top file is a list of SLS names', '', this.#place(top, 'include'));
    return [];
  }

  #section(top: PyMap, env: string, body: Value): readonly TopEntry[] {
    if (body instanceof PyMap) return this.#entries(body);
    // An environment whose entries were all left out by the template.
    if (body === null) return [];
    this.#report(`environment \`${env}\` is not a mapping of targets`, "'*': [common]", this.#place(top, env));
    return [];
  }

  #entries(body: PyMap): readonly TopEntry[] {
    return [...body].flatMap(([target, items]) => {
      const place = this.#place(body, target);
      if (typeof target === 'string') return this.#entry(target, items, place) ?? [];
      this.#report('a target is a text', 'put it in quotes', place);
      return [];
    });
  }

  #entry(target: string, items: Value, place: SourceRange | undefined): TopEntry | undefined {
    const list = typeof items === 'string' ? [items] : items;
    if (list === null) return undefined;
    if (!Array.isArray(list)) {
      this.#report(`target \`${target}\` has no list of SLS names`, '- web', place);
      return undefined;
    }
    const words = new EntryWords();
    for (const [index, item] of list.entries()) this.#item(words, target, item, this.#place(list, index) ?? place);
    const expression = this.#expression(target, words, place);
    const { matcher, sls, places, elsewhere, subfilters, order, ignoreMissing } = words;
    const at = place === undefined ? {} : { place };
    return (
      expression && { target, matcher, expression, sls, places, elsewhere, subfilters, order, ignoreMissing, ...at }
    );
  }

  #expression(target: string, words: EntryWords, place: SourceRange | undefined): TargetExpression | undefined {
    const { value, diagnostics } = parseTarget(target, words.matcher);
    for (const problem of diagnostics) {
      const inTarget =
        problem.source?.column === undefined ? '' : ` (column ${problem.source.column} of \`${target}\`)`;
      const source = (problem.summary.startsWith('unknown target type') && words.matcherPlace) || place;
      this.#report(`${problem.summary}${inTarget}`, problem.detail, source, problem.severity);
    }
    return value;
  }

  #item(words: EntryWords, target: string, item: Value, place: SourceRange | undefined): void {
    if (typeof item === 'string') {
      words.sls.push(item);
      if (place) words.places.set(item, place);
    } else if (item instanceof PyMap) {
      for (const [key, value] of item) this.#word(words, target, key, value, this.#place(item, key) ?? place);
    } else this.#report(`target \`${target}\`: an SLS is named by a text`, 'put it in quotes', place);
  }

  #word(words: EntryWords, target: string, key: Value, value: Value, place: SourceRange | undefined): void {
    if (key === 'match' && typeof value === 'string') {
      words.matcher = value;
      words.matcherPlace = place;
    } else if (key === 'order' && /^[+-]?\d+$/.test(String(value))) words.order = Number(value);
    else if (key === 'ignore_missing' && typeof value === 'boolean') words.ignoreMissing = value;
    else if (key === 'subfilter' && value instanceof PyMap) words.subfilters.push(...this.#entries(value));
    else if (key === 'match' || key === 'order' || key === 'ignore_missing' || key === 'subfilter') {
      this.#report(`target \`${target}\`: \`${key}\` has a value it cannot have`, EXPECTED[key], place);
    } else if (typeof key === 'string' && typeof value === 'string') {
      words.elsewhere.push({ env: key, sls: value, ...(place === undefined ? {} : { place }) });
    } else {
      const detail = 'an item is an SLS name, `match`, `order`, `ignore_missing`, `subfilter` or `environment: sls`';
      this.#report(`target \`${target}\`: an item cannot be understood`, detail, place);
    }
  }

  #place(container: Value, key: Value): SourceRange | undefined {
    return this.#rendered.placeOf(container, key);
  }

  #report(
    summary: string,
    detail: string,
    source: SourceRange | undefined,
    severity: Diagnostic['severity'] = 'error',
  ): void {
    const at = source ?? { file: this.#path, line: 1 };
    this.#diagnostics.push({ severity, code: 'EDGE_TOP_INVALID', summary, detail, source: at });
  }
}

const EXPECTED = {
  match: 'the name of a target type: `match: grain`',
  order: 'a whole number',
  ignore_missing: 'True or False',
  subfilter: 'a mapping of targets',
} as const;

/** What the items of an entry say, gathered one after the other. */
class EntryWords {
  matcher = 'compound';
  matcherPlace: SourceRange | undefined;
  readonly sls: string[] = [];
  readonly places = new Map<string, SourceRange>();
  readonly elsewhere: { readonly env: string; readonly sls: string; readonly place?: SourceRange }[] = [];
  readonly subfilters: TopEntry[] = [];
  order = 0;
  ignoreMissing = false;
}

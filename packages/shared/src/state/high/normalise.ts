import type { Diagnostic, ErrorCode, SourceRange } from '../../kernel/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import type { Places } from './places.ts';
import { shown } from './shown.ts';

/** What one SLS file declares, in Salt's inner form, and what it includes. */
export interface NormalSls {
  /** IDs in order; `__extend__` and `__exclude__` where the file has them. */
  readonly data: PyMap;
  readonly include: Value[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Brings one rendered SLS into Salt's inner form (Salt 3006 state.py, render_state and the handlers it calls). */
export function normaliseSls(value: PyMap, sls: string, saltenv: string, places: Places): NormalSls {
  const normaliser = new Normaliser(sls, saltenv, places);
  const data = normaliser.states(value);
  const include = normaliser.include(value);
  normaliser.extend(value, data);
  normaliser.exclude(value, data);
  return { data, include, diagnostics: normaliser.diagnostics };
}

const DECLARATIONS = new Set<Value>(['include', 'extend', 'exclude']);

class Normaliser {
  readonly diagnostics: Diagnostic[] = [];
  readonly #sls: string;
  readonly #saltenv: string;
  readonly #places: Places;

  constructor(sls: string, saltenv: string, places: Places) {
    this.#sls = sls;
    this.#saltenv = saltenv;
    this.#places = places;
  }

  states(file: PyMap): PyMap {
    const data = new PyMap();
    for (const [id, body] of file) {
      if (DECLARATIONS.has(id)) continue;
      const place = this.#places.of(file, id);
      this.#places.set(data, id, place);
      if (body instanceof PyMap) data.set(id, this.#body(body, shown(id)));
      else if (typeof body === 'string' && body.includes('.')) data.set(id, this.#short(body, place));
      else {
        const help =
          typeof body === 'string'
            ? `write \`${shown(id)}: ${body}.FUNCTION\``
            : 'write a mapping of state functions below the ID';
        const is = Array.isArray(body) ? `a list: ${body.map(shown).join(', ')}` : shown(body);
        const summary = `ID ${shown(id)} in SLS ${this.#sls} is not a dictionary but ${is}`;
        this.#report('EDGE_SLS_SHAPE', summary, help, place);
      }
    }
    return data;
  }

  include(file: PyMap): Value[] {
    const include = file.get('include');
    if (include === undefined) return [];
    if (Array.isArray(include)) return include;
    const place = this.#places.of(file, 'include');
    const summary = `Include Declaration in SLS ${this.#sls} is not formed as a list`;
    this.#report('EDGE_SLS_SHAPE', summary, 'write `include:` and the names below it, each behind `- `', place);
    return [];
  }

  extend(file: PyMap, data: PyMap): void {
    const extend = file.get('extend');
    if (extend === undefined) return;
    const place = this.#places.of(file, 'extend');
    if (!(extend instanceof PyMap)) {
      const summary = `Extension value in SLS '${this.#sls}' is not a dictionary`;
      this.#report('EDGE_SLS_SHAPE', summary, 'write the IDs to extend as a mapping', place);
      return;
    }
    const normal = new PyMap();
    for (const [id, body] of extend) {
      const idPlace = this.#places.of(extend, id);
      this.#places.set(normal, id, idPlace);
      if (body instanceof PyMap) normal.set(id, this.#body(body, shown(id), true));
      else {
        const summary = `Extension name '${shown(id)}' in SLS '${this.#sls}' is not a dictionary`;
        this.#report('EDGE_SLS_SHAPE', summary, 'write the states to extend as a mapping', idPlace);
      }
    }
    data.set('__extend__', [normal]);
  }

  exclude(file: PyMap, data: PyMap): void {
    const exclude = file.get('exclude');
    if (exclude === undefined) return;
    if (Array.isArray(exclude)) data.set('__exclude__', exclude);
    else {
      const summary = `Exclude Declaration in SLS ${this.#sls} is not formed as a list`;
      const place = this.#places.of(file, 'exclude');
      this.#report('EDGE_SLS_SHAPE', summary, 'write `- sls: NAME` or `- id: NAME` below `exclude:`', place);
    }
  }

  #short(text: string, place: SourceRange | undefined): PyMap {
    const [state, fun] = split(text);
    const list: Value[] = [fun];
    this.#places.set(list, 0, place);
    const body = new PyMap([
      ['__sls__', this.#sls],
      ['__env__', this.#saltenv],
      [state, list],
    ]);
    this.#places.set(body, state, place);
    return body;
  }

  /** `file.managed: [...]` becomes `file: [..., managed]`, as Salt keeps it; lists are copied, anchors share them. */
  #body(body: PyMap, id: string, isExtension = false): PyMap {
    const normal = new PyMap();
    this.#places.copied(normal, body);
    const dotted: [state: string, list: Value[], place: SourceRange | undefined][] = [];
    const seen = new Set<string>();
    for (const [key, value] of body) {
      const place = this.#places.of(body, key);
      if (typeof key !== 'string' || key.startsWith('_') || !Array.isArray(value)) {
        normal.set(key, value);
        continue;
      }
      const list = [...value];
      this.#places.copied(list, value);
      if (!key.includes('.')) {
        normal.set(key, list);
        seen.add(key);
        continue;
      }
      const [state, fun] = split(key);
      if (seen.has(state) && !isExtension) {
        this.#report(
          'EDGE_STATE_FUNCTION',
          `ID '${id}' in SLS '${this.#sls}' contains multiple state declarations of the same type`,
          `\`${state}\` stands here twice; give one of them an ID of its own`,
          place,
        );
        continue;
      }
      seen.add(state);
      this.#places.set(list, list.length, place);
      list.push(fun);
      dotted.push([state, list, place]);
    }
    for (const [state, list, place] of dotted) {
      normal.set(state, list);
      this.#places.set(normal, state, place);
    }
    if (!normal.has('__sls__')) normal.set('__sls__', this.#sls);
    if (!normal.has('__env__')) normal.set('__env__', this.#saltenv);
    return normal;
  }

  #report(code: ErrorCode, summary: string, detail: string, place: SourceRange | undefined): void {
    this.diagnostics.push({
      severity: 'error',
      code,
      summary,
      detail,
      ...(place === undefined ? {} : { source: place }),
    });
  }
}

function split(name: string): [state: string, fun: string] {
  const [state = '', fun = ''] = name.split('.');
  return [state, fun];
}

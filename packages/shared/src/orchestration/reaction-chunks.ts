import type { Diagnostic, ErrorCode, SourceRange } from '../kernel/index.ts';
import type { RenderedData } from '../render/index.ts';
import { float, isFloat, isInteger, PyFloat, PyMap, type Value } from '../values/index.ts';

/** A reactor file, rendered for one event. */
export interface RenderedReaction {
  /** As the configuration names it: `salt://reactor/start.sls`. */
  readonly sls: string;
  readonly rendered: RenderedData;
}

/** One call that a reactor file asks for. */
export interface ReactionChunk {
  /** `local`, `runner`, `wheel`, `caller`, or what the author wrote instead. */
  readonly client: string;
  readonly fun: string;
  readonly id: string;
  readonly sls: string;
  /** Everything below the function, as Salt's low data. */
  readonly low: PyMap;
  readonly place?: SourceRange | undefined;
}

/** The calls of all files of an event, in order, and every problem found; a file with an error has no calls. */
export interface Reaction {
  readonly chunks: readonly ReactionChunk[];
  readonly diagnostics: readonly Diagnostic[];
}

interface Declaration {
  readonly client: string;
  readonly functions: string[];
  readonly low: PyMap;
  readonly names: Value[];
  readonly place: SourceRange | undefined;
}

interface IdDeclaration {
  readonly sls: string;
  readonly calls: readonly Declaration[];
}

const REQUISITE_LISTS = new Set(['require', 'watch', 'prereq', 'onchanges']);
/** How far beyond every numbered call `order: last` lies. */
const LAST = 1_000_000;

/**
 * Compiles the files that react to one event (Salt 3006 state.py, Compiler). IDs are shared: a later file's ID takes
 * the place of an earlier one's. Calls are sorted by `order`, then by client, name and function; requisites say nothing.
 */
export function compileReaction(files: readonly RenderedReaction[]): Reaction {
  const ids = new Map<string, IdDeclaration>();
  const diagnostics: Diagnostic[] = [];
  for (const { sls, rendered } of files) {
    const reader = new FileReader(sls, rendered);
    const found = reader.read();
    diagnostics.push(...reader.diagnostics);
    if (reader.diagnostics.some(({ severity }) => severity === 'error')) continue;
    for (const [id, declaration] of found) {
      const earlier = ids.get(id);
      if (earlier !== undefined) diagnostics.push(replaced(id, earlier.sls, sls, rendered));
      ids.set(id, declaration);
    }
  }
  const chunks = [...ids].flatMap(([id, { sls, calls }]) => calls.flatMap((call) => expand(id, sls, call)));
  return { chunks: order(chunks), diagnostics };
}

function replaced(id: string, earlier: string, later: string, { value, placeOf }: RenderedData): Diagnostic {
  const source = placeOf(value, id);
  return {
    severity: 'warning',
    code: 'EDGE_STATE_DUPLICATE_ID',
    summary: `'${id}' of ${later} takes the place of '${id}' of ${earlier}`,
    detail: 'give each an ID of its own',
    ...(source === undefined ? {} : { source }),
  };
}

class FileReader {
  readonly diagnostics: Diagnostic[] = [];
  readonly #sls: string;
  readonly #rendered: RenderedData;

  constructor(sls: string, rendered: RenderedData) {
    this.#sls = sls;
    this.#rendered = rendered;
  }

  read(): ReadonlyMap<string, IdDeclaration> {
    const { value } = this.#rendered;
    if (value === null) return new Map();
    if (!(value instanceof PyMap)) {
      this.#report('EDGE_SLS_SHAPE', `${this.#sls} does not render to a mapping`, 'write IDs with a function each');
      return new Map();
    }
    const ids = new Map<string, IdDeclaration>();
    for (const [id, body] of value) {
      if (typeof id === 'string' && id.startsWith('__')) continue;
      const place = this.#rendered.placeOf(value, id);
      if (typeof id !== 'string') {
        const summary = `ID '${shown(id)}' in ${this.#sls} is not a text`;
        this.#report('EDGE_SLS_SHAPE', summary, `write '${shown(id)}' in quotes`, place);
      } else ids.set(id, { sls: this.#sls, calls: this.#body(id, body, place) });
    }
    return ids;
  }

  #body(id: string, body: Value, place: SourceRange | undefined): readonly Declaration[] {
    if (typeof body === 'string' && body.includes('.')) {
      const [client, fun] = split(body);
      return [{ client, functions: [fun], low: new PyMap(), names: [], place }];
    }
    if (!(body instanceof PyMap)) {
      const summary = `'${id}' in ${this.#sls} is not a mapping of functions`;
      const detail = ['include', 'extend', 'exclude'].includes(id)
        ? `reactor files have no \`${id}\`: name every file in the configuration`
        : `write the function below it, such as \`local.test.ping:\``;
      this.#report('EDGE_SLS_SHAPE', summary, detail, place);
      return [];
    }
    const calls: Declaration[] = [];
    const clients = new Set<string>();
    // Salt goes through them in this order, and the first of each client wins.
    const keys = [...body.keys()].filter((key) => !shown(key).startsWith('_')).sort(byText);
    for (const key of keys) {
      const at = this.#rendered.placeOf(body, key) ?? place;
      const [client, fun] = split(shown(key));
      if (clients.has(client)) {
        const summary = `'${id}' in ${this.#sls} has a second function of ${client}, ${shown(key)}, which is left out`;
        this.#report('EDGE_STATE_FUNCTION', summary, 'give it an ID of its own', at, 'warning');
        continue;
      }
      clients.add(client);
      const declaration = this.#call(id, { client, fun, list: body.get(key)!, place: at });
      if (declaration !== undefined) calls.push(declaration);
    }
    return calls;
  }

  #call(
    id: string,
    site: {
      readonly client: string;
      readonly fun: string;
      readonly list: Value;
      readonly place: SourceRange | undefined;
    },
  ): Declaration | undefined {
    const { client, fun, list, place } = site;
    const what = fun === '' ? client : `${client}.${fun}`;
    if (!Array.isArray(list)) {
      const detail = 'write each argument behind `- `, or `[]` where there is none';
      this.#report('EDGE_SLS_SHAPE', `${what} of '${id}' in ${this.#sls} is not a list`, detail, place);
      return undefined;
    }
    const functions = new Set(fun === '' ? [] : [fun]);
    const low = new PyMap();
    const names: Value[] = [];
    for (const [index, item] of list.entries()) {
      const at = this.#rendered.placeOf(list, index) ?? place;
      if (typeof item === 'string') {
        if (item.trim().includes(' ')) {
          const summary = `the function "${item}" of '${id}' in ${this.#sls} has white space`;
          this.#report('EDGE_STATE_FUNCTION', summary, 'an argument needs a `:` behind its name', at);
        }
        functions.add(item);
      } else if (item instanceof PyMap && item.size === 1) this.#argument({ id, what }, item, { low, names }, at);
      else {
        const summary = `an entry of ${what} of '${id}' in ${this.#sls} is not one \`argument: value\``;
        this.#report('EDGE_SLS_SHAPE', summary, 'write each argument behind a `- ` of its own', at);
      }
    }
    if (functions.size !== 1) {
      const summary =
        functions.size === 0
          ? `${what} of '${id}' in ${this.#sls} names no function`
          : `${what} of '${id}' in ${this.#sls} names several functions: ${[...functions].join(', ')}`;
      this.#report('EDGE_STATE_FUNCTION', summary, `write \`${client}.MODULE.FUNCTION:\``, place);
    }
    return { client, functions: [...functions], low, names, place };
  }

  #argument(
    { id, what }: { readonly id: string; readonly what: string },
    item: PyMap,
    into: { readonly low: PyMap; readonly names: Value[] },
    place: SourceRange | undefined,
  ): void {
    const [key, value] = [...item][0]!;
    const word = shown(key);
    const mustBeList = word === 'names' || REQUISITE_LISTS.has(word);
    if (mustBeList && !Array.isArray(value)) {
      const summary = `\`${word}\` of ${what} of '${id}' in ${this.#sls} is not a list`;
      this.#report('EDGE_SLS_SHAPE', summary, 'write each entry behind `- `', place);
    } else if (word === 'names') into.names.push(...(value as Value[]));
    else into.low.set(word, value);
  }

  #report(
    code: ErrorCode,
    summary: string,
    detail: string,
    source?: SourceRange,
    severity: Diagnostic['severity'] = 'error',
  ): void {
    this.diagnostics.push({ severity, code, summary, detail, ...(source === undefined ? {} : { source }) });
  }
}

/** One chunk, or one for each of `names`. */
function expand(id: string, sls: string, call: Declaration): readonly ReactionChunk[] {
  const [fun] = call.functions;
  if (fun === undefined) return [];
  const low = new PyMap([['state', call.client], ['name', id], ['__sls__', sls], ['__id__', id], ...call.low]);
  const chunkOf = (own: PyMap): ReactionChunk => ({
    client: shown(own.get('state')!),
    fun,
    id,
    sls,
    low: own.set('fun', fun),
    place: call.place,
  });
  if (call.names.length === 0) return [chunkOf(low)];
  return uniqueNames(call.names).map((entry, index) => {
    const own = new PyMap(low);
    const pair = entry instanceof PyMap ? [...entry][0] : undefined;
    own.set('name', pair === undefined ? entry : pair[0]);
    for (const override of Array.isArray(pair?.[1]) ? pair[1] : []) {
      if (override instanceof PyMap) for (const [key, value] of override) own.set(key, value);
    }
    return chunkOf(own.set('name_order', index + 1));
  });
}

function uniqueNames(names: readonly Value[]): readonly Value[] {
  const seen = new Set<Value>();
  return names.filter((name) => {
    if (seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

/** Resolves `order` to numbers and sorts by it (Salt 3006 state.py, Compiler.order_chunks). */
function order(chunks: readonly ReactionChunk[]): readonly ReactionChunk[] {
  const cap = chunks.reduce((so, { low }) => {
    const written = low.get('order') ?? null;
    return isInteger(written) && Number(written) > so - 1 && Number(written) > 0 ? Number(written) + 100 : so;
  }, 1);
  const keyed = chunks.map((chunk) => {
    const { low, client, fun } = chunk;
    return { chunk, at: resolveOrder(low, cap), text: `${client}${shown(low.get('name')!)}${fun}` };
  });
  keyed.sort((a, b) => a.at - b.at || (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
  return keyed.map(({ chunk }) => chunk);
}

function resolveOrder(low: PyMap, cap: number): number {
  const written = low.get('order') ?? cap;
  let isWhole = !isFloat(written);
  let at = numberOf(written, cap);
  const nameOrder = low.get('name_order');
  if (nameOrder !== undefined) {
    at += Number(nameOrder) / 10_000;
    isWhole = false;
    low.delete('name_order');
  }
  if (at < 0) at += cap + LAST;
  low.set('order', isWhole ? at : float(at));
  return at;
}

function numberOf(written: Value, cap: number): number {
  if (written instanceof PyFloat) return written.value;
  if (isInteger(written) || isFloat(written)) return Number(written);
  if (written === 'last') return cap + LAST;
  return written === 'first' ? 0 : cap;
}

/** `local.test.ping` is the function `test.ping` of the client `local`. */
function split(name: string): readonly [client: string, fun: string] {
  const dot = name.indexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
}

function byText(a: Value, b: Value): number {
  const [left, right] = [shown(a), shown(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function shown(value: Value): string {
  if (typeof value === 'string') return value;
  if (value === true) return 'True';
  if (value === false) return 'False';
  return value === null ? 'None' : String(value);
}

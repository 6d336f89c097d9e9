import { isFloat, PyMap, PyTuple } from '../../values/index.ts';
import { lipsum } from './lipsum.ts';
import type { Env } from './runtime/env.ts';
import { PyFault, typeError } from './runtime/fault.ts';
import { updateMap } from './runtime/methods/collections.ts';
import { index, truth } from './runtime/operands.ts';
import { repr, str } from './runtime/print.ts';
import { define } from './runtime/signature.ts';
import { Builtin, type Callable, type Kwargs, Members, Namespace, PyRange, Undefined } from './runtime/types.ts';

const MAX_RANGE = 100_000;

/** The names every template has. */
export const GLOBALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['range', new Builtin('range', (_env, args, kwargs) => range(args, kwargs))],
  ['dict', new Builtin('dict', (_env, args, kwargs) => dict(args, kwargs), { shown: "<class 'dict'>" })],
  [
    'odict',
    new Builtin('OrderedDict', (_env, args, kwargs) => dict(args, kwargs), {
      shown: "<class 'collections.OrderedDict'>",
    }),
  ],
  [
    'namespace',
    new Builtin('namespace', (_env, args, kwargs) => namespace(args, kwargs), {
      shown: "<class 'jinja2.utils.Namespace'>",
    }),
  ],
  ['cycler', new Builtin('cycler', (_env, args) => new Cycler(args), { shown: "<class 'jinja2.utils.Cycler'>" })],
  ['joiner', define("joiner(sep=', ')", (_env, separator: unknown) => new Joiner(str(separator)))],
  [
    'lipsum',
    define('lipsum(n=5, html=True, min=20, max=100)', (_env, n: number, html: unknown, min: number, max: number) =>
      lipsum(n, truth(html), min, max),
    ),
  ],
  [
    'raise',
    define('raise(msg)', (_env, message: unknown): never => {
      throw new PyFault('TemplateError', str(message));
    }),
  ],
  ['ifelse', new Builtin('ifelse', (env, args) => ifelse(env, args), { mayWait: true })],
  ['show_full_context', define('show_full_context()', (env: Env) => plainContext(new Map(env.globals)))],
]);

function range(args: readonly unknown[], kwargs: Kwargs): PyRange {
  const [named] = kwargs?.keys() ?? [];
  if (named !== undefined) throw typeError(`safe_range() got an unexpected keyword argument '${named}'`);
  if (args.length === 0) throw typeError('range expected at least 1 argument, got 0');
  if (args.length > 3) throw typeError(`range expected at most 3 arguments, got ${args.length}`);
  const [first, second, step = 1] = args.map(index);
  if (step === 0) throw new PyFault('ValueError', 'range() arg 3 must not be zero');
  const made = second === undefined ? new PyRange(0, first!, 1) : new PyRange(first!, second, step);
  if (made.length > MAX_RANGE) {
    throw new PyFault(
      'OverflowError',
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`,
    );
  }
  return made;
}

function dict(args: readonly unknown[], kwargs: Kwargs): PyMap {
  if (args.length > 1) throw typeError(`dict expected at most 1 argument, got ${args.length}`);
  const map = new PyMap();
  if (args[0] instanceof Undefined) throw args[0].fault();
  updateMap(map, args[0], kwargs);
  return map;
}

function namespace(args: readonly unknown[], kwargs: Kwargs): Namespace {
  const made = new Namespace();
  for (const [name, value] of dict(args, kwargs)) made.attributes.set(str(name), value);
  return made;
}

/** Salt's `ifelse(test1, value1, …, default)`: a test is a text the minion is matched against. */
async function ifelse(env: Env, args: readonly unknown[]): Promise<unknown> {
  for (let at = 0; at + 1 < args.length; at += 2) {
    const test = args[at];
    const holds =
      typeof test === 'string' && env.request.calls.has('match.compound')
        ? await env.request.calls.call('match.compound', [test], new Map())
        : test;
    if (truth(holds)) return args[at + 1];
  }
  return args.length % 2 === 1 ? args.at(-1) : '';
}

/** A mapping of plain values, what is none as Python prints it (Salt 3006 utils/data.py, simple_types_filter). */
function plainContext(names: Iterable<readonly [unknown, unknown]>): PyMap {
  return new PyMap([...names].map(([key, value]) => [isScalar(key) ? key : repr(key), plainValue(value)] as never));
}

function plainValue(value: unknown): unknown {
  if (value instanceof PyMap) return plainContext(value as never);
  if (value instanceof PyTuple) return value.items.map(plainValue);
  if (Array.isArray(value)) return value.map(plainValue);
  return isScalar(value) ? value : repr(value);
}

function isScalar(value: unknown): boolean {
  return value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value) || isFloat(value);
}

class Cycler extends Members {
  readonly typeName = 'jinja2.utils.Cycler';
  readonly #items: readonly unknown[];
  #at = 0;

  constructor(items: readonly unknown[]) {
    super();
    if (items.length === 0) throw new PyFault('RuntimeError', 'at least one item has to be provided');
    this.#items = items;
  }

  attribute(name: string): unknown {
    switch (name) {
      case 'current':
        return this.#items[this.#at];
      case 'next':
        return new Builtin('next', () => {
          const item = this.#items[this.#at];
          this.#at = (this.#at + 1) % this.#items.length;
          return item;
        });
      case 'reset':
        return new Builtin('reset', () => {
          this.#at = 0;
          return null;
        });
      case 'pos':
        return this.#at;
      case 'items':
        return new PyTuple(this.#items as never);
      default:
        return undefined;
    }
  }
}

class Joiner extends Members implements Callable {
  readonly typeName = 'jinja2.utils.Joiner';
  readonly name = 'joiner';
  readonly mayWait = false;
  readonly #separator: string;
  #used = false;

  constructor(separator: string) {
    super();
    this.#separator = separator;
  }

  attribute(name: string): unknown {
    return name === 'sep' ? this.#separator : name === 'used' ? this.#used : undefined;
  }

  call(): unknown {
    const text = this.#used ? this.#separator : '';
    this.#used = true;
    return text;
  }
}

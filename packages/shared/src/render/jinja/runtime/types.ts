import { Secret } from '../../../kernel/index.ts';
import { PyDate, PyFloat, PyMap, PySet, PyTuple, type Value } from '../../../values/index.ts';
import { PyFault } from './fault.ts';

/*
 * What a template can hold beside Values. Templates reach members of these only through the tables of `attributes.ts`;
 * no JavaScript property is ever looked up by a name a template gives.
 */

/** Keyword arguments of a call. */
export type Kwargs = ReadonlyMap<string, unknown> | undefined;

/** Text that needs no escaping: what Jinja's `safe` and Salt's serializers answer. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** A name without a value; strict ones fail when used at all. */
export class Undefined {
  readonly message: string;
  readonly strict: boolean;
  /** Python's class of the error using it raises. */
  readonly type: string;
  readonly name: unknown;
  /** Names that could have been meant, computed when it fails. */
  readonly candidates: (() => Iterable<string>) | undefined;
  /** The packed place where the name stands, where known. */
  readonly at: number | undefined;

  constructor(
    message: string,
    options: {
      strict: boolean;
      type?: string;
      name?: unknown;
      candidates?: (() => Iterable<string>) | undefined;
      at?: number | undefined;
    },
  ) {
    this.message = message;
    this.strict = options.strict;
    this.type = options.type ?? 'UndefinedError';
    this.name = options.name;
    this.candidates = options.candidates;
    this.at = options.at;
  }

  fault(): UndefinedFault {
    return new UndefinedFault(this);
  }
}

/** An undefined name was used. */
export class UndefinedFault extends PyFault {
  readonly undefined: Undefined;

  constructor(value: Undefined) {
    super(value.type, value.message);
    this.undefined = value;
  }
}

/** Anything a template can call. `mayWait`: the answer can be a Promise. */
export interface Callable {
  readonly name: string;
  readonly mayWait: boolean;
  call(env: unknown, args: readonly unknown[], kwargs: Kwargs): unknown;
}

/** A function of the runtime that templates hold. */
export class Builtin implements Callable {
  readonly name: string;
  readonly mayWait: boolean;
  /** How it prints. */
  readonly shown: string;
  readonly #body: (env: never, args: readonly unknown[], kwargs: Kwargs) => unknown;

  constructor(
    name: string,
    body: (env: never, args: readonly unknown[], kwargs: Kwargs) => unknown,
    options: { mayWait?: boolean; shown?: string } = {},
  ) {
    this.name = name;
    this.shown = options.shown ?? `<function ${name}>`;
    this.#body = body;
    this.mayWait = options.mayWait ?? false;
  }

  call(env: unknown, args: readonly unknown[], kwargs: Kwargs): unknown {
    return this.#body(env as never, args, kwargs);
  }
}

/** A method taken from its object. */
export class BoundMethod implements Callable {
  readonly name: string;
  readonly mayWait: boolean;
  readonly self: unknown;
  readonly #method: Callable;

  constructor(self: unknown, method: Callable) {
    this.self = self;
    this.#method = method;
    this.name = method.name;
    this.mayWait = method.mayWait;
  }

  call(env: unknown, args: readonly unknown[], kwargs: Kwargs): unknown {
    return this.#method.call(env, [this.self, ...args], kwargs);
  }
}

/** An object whose members templates can see by name. */
export abstract class Members {
  abstract readonly typeName: string;
  /** The member, or undefined. */
  abstract attribute(name: string): unknown;
  /** The element, or undefined. */
  item(_key: unknown): unknown {
    return undefined;
  }
  /** Names for suggestions. */
  names(): Iterable<string> {
    return [];
  }
  /** How it prints. */
  print(): string {
    return `<${this.typeName} object>`;
  }
}

/** A one-shot iterator, as Python's generators and itertools are. */
export class PyIterator {
  readonly typeName: string;
  readonly #next: () => IteratorResult<unknown>;

  constructor(items: Iterable<unknown>, typeName = 'generator') {
    const iterator = items[Symbol.iterator]();
    this.#next = () => iterator.next() as IteratorResult<unknown>;
    this.typeName = typeName;
  }

  next(): IteratorResult<unknown> {
    return this.#next();
  }

  *[Symbol.iterator](): Generator<unknown> {
    for (let step = this.#next(); !step.done; step = this.#next()) yield step.value;
  }
}

/** `range(…)`. */
export class PyRange {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
  readonly length: number;

  constructor(start: number, stop: number, step: number) {
    this.start = start;
    this.stop = stop;
    this.step = step;
    this.length = Math.max(0, Math.ceil((stop - start) / step));
  }

  at(index: number): number {
    return this.start + index * this.step;
  }

  *[Symbol.iterator](): Generator<number> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index);
  }
}

/** The live `keys()`, `values()` or `items()` of a mapping. */
export class DictView {
  readonly map: PyMap;
  readonly kind: 'keys' | 'values' | 'items';

  constructor(map: PyMap, kind: 'keys' | 'values' | 'items') {
    this.map = map;
    this.kind = kind;
  }

  get length(): number {
    return this.map.size;
  }

  *[Symbol.iterator](): Generator<unknown> {
    if (this.kind === 'keys') yield* this.map.keys();
    else if (this.kind === 'values') yield* this.map.values();
    else for (const [key, value] of this.map) yield new PyTuple([key, value]);
  }
}

/** `namespace(…)`: the one object whose attributes templates may set. */
export class Namespace {
  readonly attributes = new Map<string, unknown>();
}

/** A tuple with named fields, as `groupby` yields. */
export class NamedTuple extends PyTuple {
  readonly fields: readonly string[];

  constructor(fields: readonly string[], items: readonly unknown[]) {
    super(items as readonly Value[]);
    this.fields = fields;
  }
}

/** True for text of either kind. */
export function isText(value: unknown): value is string | Markup {
  return typeof value === 'string' || value instanceof Markup;
}

/** The characters of a text; undefined for anything else. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Markup ? value.text : undefined;
}

/** True for what templates can call. */
export function isCallable(value: unknown): value is Callable {
  return typeof value === 'object' && value !== null && 'call' in value && typeof value.call === 'function';
}

/** Python's name of a value's type. */
export function typeName(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return 'str';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return Number.isInteger(value) ? 'int' : 'float';
    case 'object':
      return value === null ? 'NoneType' : objectTypeName(value);
    default:
      return 'object';
  }
}

function objectTypeName(value: object): string {
  if (Array.isArray(value)) return 'list';
  if (value instanceof PyMap) return 'dict';
  if (value instanceof NamedTuple) return '_GroupTuple';
  if (value instanceof PyTuple) return 'tuple';
  if (value instanceof PyFloat) return 'float';
  if (value instanceof PySet) return 'set';
  if (value instanceof Markup) return 'Markup';
  if (value instanceof Undefined) return value.strict ? 'StrictUndefined' : 'Undefined';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof DictView) return `dict_${value.kind}`;
  if (value instanceof PyRange) return 'range';
  if (value instanceof PyIterator) return value.typeName;
  if (value instanceof PyDate) return value.kind;
  if (value instanceof Secret) return 'Secret';
  if (value instanceof Namespace) return 'Namespace';
  if (value instanceof Members) return value.typeName;
  return isCallable(value) ? 'function' : 'object';
}

/** How Jinja names the type of an object in its messages. */
export function describeType(value: unknown): string {
  if (value === null) return 'None';
  if (value instanceof Markup) return 'markupsafe.Markup object';
  if (value instanceof Namespace) return 'jinja2.utils.Namespace object';
  return `${typeName(value)} object`;
}

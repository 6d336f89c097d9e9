import { setImmediate as nextTurn } from 'node:timers/promises';
import { cancelled, type SourceRange } from '../../../kernel/index.ts';
import { PyMap } from '../../../values/index.ts';
import type { RenderRequest } from '../../contract.ts';
import type { Serializers } from '../serializers.ts';
import { type Position, unpackPosition } from '../syntax/position.ts';
import type { JinjaTemplate } from '../template.ts';
import { hasDunder, itemOf, methodOf, plainAttribute } from './attributes.ts';
import { Context, type Piece, withLocals } from './context.ts';
import { renew } from './effort.ts';
import { escapeMarkup } from './escape.ts';
import { LimitFault, PyFault, typeError } from './fault.ts';
import { sequence } from './iterate.ts';
import { DICT_METHODS } from './methods/collections.ts';
import { TemplateModule } from './module.ts';
import { str } from './print.ts';
import { slice } from './slices.ts';
import {
  BoundMethod,
  type Callable,
  describeType,
  isCallable,
  type Kwargs,
  Markup,
  Members,
  Namespace,
  textOf,
  typeName,
  Undefined,
  UndefinedFault,
} from './types.ts';

/** Compiles the text of a template, or answers the compiled one it has. */
export type Compile = (text: string, path: string) => JinjaTemplate;

/** What the engine gives every render. */
export interface EnvParts {
  readonly request: RenderRequest;
  readonly filters: ReadonlyMap<string, Callable>;
  readonly tests: ReadonlyMap<string, Callable>;
  readonly serializers: Serializers;
  readonly compile: Compile;
}

const DEFAULT_DEADLINE_MS = 300_000;
const DEFAULT_ITERATIONS = 1_000_000;
/** Longest time generated code keeps the event loop. */
const TURN_MS = 10;
/** Loop passes and calls between looks at the clock. */
const FUEL = 3;
const MAX_DEPTH = 180;
const MAX_TEMPLATES = 50;

/** Everything of one render: names, limits, loaded templates. Generated code calls it `E`; renders share nothing. */
export class Env {
  /** Passes left until the next look at the clock. */
  fuel = FUEL;
  autoescape = false;
  /** The text a macro wrote last, so that its origins can be kept where it is printed. */
  lastText: unknown = undefined;
  lastMarks: readonly unknown[] = [];
  readonly globals = new Map<string, unknown>();
  readonly request: RenderRequest;
  readonly filters: ReadonlyMap<string, Callable>;
  readonly tests: ReadonlyMap<string, Callable>;
  readonly serializers: Serializers;
  readonly #compile: Compile;
  readonly #strict: boolean;
  readonly #endsAt: number;
  readonly #maxIterations: number;
  readonly #loaded = new Map<string, { template: JinjaTemplate; module?: TemplateModule }>();
  #iterations = 0;
  #turnBegan = performance.now();
  #depth = 0;
  #nesting = 0;
  #stopped: PyFault | undefined;
  /** Where the call that has just begun stands. */
  #callAt: number | undefined;
  #callIn: JinjaTemplate | undefined;

  constructor({ request, filters, tests, serializers, compile }: EnvParts) {
    this.request = request;
    this.filters = filters;
    this.tests = tests;
    this.serializers = serializers;
    this.#compile = compile;
    this.#strict = !request.jinja?.allowUndefined;
    this.#endsAt = performance.now() + (request.limits?.deadlineMs ?? DEFAULT_DEADLINE_MS);
    this.#maxIterations = request.limits?.maxIterations ?? DEFAULT_ITERATIONS;
  }

  /** Milliseconds left until the deadline. */
  get leftMs(): number {
    return this.#endsAt - performance.now();
  }

  /** Makes generated code stop at its next look at the clock. */
  stop(fault: PyFault): void {
    this.#stopped = fault;
  }

  /** Lets the event loop have its turn where operations have worked for long, and answers `value`. */
  async rest<T>(value?: T): Promise<T> {
    renew();
    if (this.#stopped) throw this.#stopped;
    if (this.isTurnOver) await this.turn();
    return value as T;
  }

  /** Counts passes and enforces the limits; true when the event loop must get its turn. */
  tick(): boolean {
    this.#iterations += FUEL - Math.max(0, this.fuel);
    this.fuel = FUEL;
    renew();
    if (this.#stopped) throw this.#stopped;
    if (this.#iterations > this.#maxIterations) {
      throw new LimitFault(
        `more than ${this.#maxIterations} loop passes and macro calls`,
        'Loop over less, or raise maxIterations.',
      );
    }
    return this.isTurnOver;
  }

  /** True when generated code has had the event loop for long enough. */
  get isTurnOver(): boolean {
    return performance.now() - this.#turnBegan > TURN_MS;
  }

  /** Gives the event loop its turn. */
  async turn(): Promise<void> {
    await nextTurn();
    this.#turnBegan = performance.now();
    if (this.#stopped) throw this.#stopped;
    this.checkTime();
  }

  /** @throws PyFault when the deadline is over or the render was cancelled. */
  checkTime(): void {
    if (this.leftMs <= 0) throw deadlineFault(this.request);
    if (this.request.signal?.aborted) throw cancelledFault(this.request.signal);
  }

  /** Runs a macro, recursive loop or template one level deeper. */
  async nested<T>(run: () => Promise<T>): Promise<T> {
    if (this.#depth >= MAX_DEPTH)
      throw new PyFault(
        'RecursionError',
        'maximum recursion depth exceeded',
        'A macro, loop or include calls itself without an end.',
      );
    this.fuel -= 1;
    if (this.fuel < 0 && this.tick()) await this.turn();
    this.#depth += 1;
    try {
      return await run();
    } finally {
      this.#depth -= 1;
    }
  }

  /** The answer of code outside the template; the turn of the event loop starts anew behind it. */
  outside<T>(answer: T | Promise<T>): T | Promise<T> {
    if (!(answer instanceof Promise)) return answer;
    return answer.finally(() => {
      this.#turnBegan = performance.now();
    });
  }

  /** The author's place of the call that has just begun; a callable asks before it waits for anything. */
  placeOfCall(): SourceRange | undefined {
    if (this.#callIn === undefined || this.#callAt === undefined) return undefined;
    return { file: this.#callIn.path, ...unpackPosition(this.#callAt) };
  }

  // Undefined names

  undef(name: string, at?: number): Undefined {
    return new Undefined(`'${name}' is undefined`, {
      strict: this.#strict,
      name,
      at,
      candidates: () => this.globals.keys(),
    });
  }

  undefAs(message: string, name?: string, type?: string): Undefined {
    return new Undefined(message, { strict: this.#strict, name, ...(type === undefined ? {} : { type }) });
  }

  undefParameter(name: string): Undefined {
    return this.undefAs(`parameter '${name}' was not provided`, name);
  }

  /** The value of an inline `if` without `else`: prints nothing even where undefined names are errors. */
  noElse(line: number): Undefined {
    const message = `the inline if-expression on line ${line} evaluated to false and no else section was defined.`;
    return new Undefined(message, { strict: false });
  }

  #noMember(object: unknown, name: unknown, at: number | undefined): Undefined {
    const text = textOf(name);
    const message =
      text === undefined
        ? `${describeType(object)} has no element ${printed(name)}`
        : `${quoted(describeType(object))} has no attribute ${quoted(text)}`;
    return new Undefined(message, { strict: this.#strict, name: text, at, candidates: () => candidatesOf(object) });
  }

  #unsafe(object: unknown, name: string): Undefined {
    return this.undefAs(
      `access to attribute ${quoted(name)} of ${quoted(typeName(object))} object is unsafe.`,
      name,
      'SecurityError',
    );
  }

  // Members and calls

  attribute(object: unknown, name: string, at?: number): unknown {
    if (object instanceof PyMap) {
      const member = DICT_METHODS.has(name) ? undefined : object.get(name);
      if (member !== undefined) return member;
    }
    const method = methodOf(object, name);
    if (method) return new BoundMethod(object, method);
    if (object instanceof Undefined) throw object.fault();
    const plain = plainAttribute(object, name);
    if (plain !== undefined) return plain instanceof PyFault ? this.undefAs(plain.message, name) : plain;
    if (name.startsWith('__') && hasDunder(object, name)) return this.#unsafe(object, name);
    const item = itemOf(object, name);
    return item === undefined ? this.#noMember(object, name, at) : item;
  }

  item(object: unknown, key: unknown, at?: number): unknown {
    const item = object instanceof PyMap && typeof key === 'string' ? object.get(key) : itemOf(object, key);
    if (item !== undefined) return item;
    const name = textOf(key);
    if (name !== undefined) {
      const method = methodOf(object, name);
      if (method) return new BoundMethod(object, method);
      const plain = plainAttribute(object, name);
      if (plain !== undefined) return plain instanceof PyFault ? this.undefAs(plain.message, name) : plain;
      if (name.startsWith('__') && hasDunder(object, name)) return this.#unsafe(object, name);
    }
    return this.#noMember(object, key, at);
  }

  slice(object: unknown, start: unknown, stop: unknown, step: unknown): unknown {
    if (object instanceof Undefined) throw object.fault();
    const part = slice(object, start, stop, step);
    return part === undefined
      ? this.undefAs(
          `${describeType(object)} has no element slice(${printed(start)}, ${printed(stop)}, ${printed(step)})`,
        )
      : part;
  }

  callMethod(
    object: unknown,
    name: string,
    args: unknown[],
    kwargs: Kwargs,
    at?: number,
    template?: JinjaTemplate,
  ): unknown {
    const method = methodOf(object, name);
    if (method) {
      args.unshift(object);
      return method.call(this, args, kwargs);
    }
    return this.call(this.attribute(object, name, at), args, kwargs, at, template);
  }

  call(called: unknown, args: readonly unknown[], kwargs: Kwargs, at?: number, template?: JinjaTemplate): unknown {
    if (isCallable(called)) {
      this.#callAt = at;
      this.#callIn = template;
      return called.call(this, args, kwargs);
    }
    if (called instanceof Undefined) throw called.fault();
    throw typeError(`'${typeName(called)}' object is not callable`);
  }

  setAttribute(object: unknown, name: string, value: unknown): void {
    if (!(object instanceof Namespace)) {
      throw new PyFault(
        'TemplateRuntimeError',
        'cannot assign attribute on non-namespace object',
        "Use `set ns = namespace(…)` first, or the object's own methods with `do`.",
      );
    }
    object.attributes.set(name, value);
  }

  noFilter(name: string): never {
    throw new PyFault('TemplateRuntimeError', `No filter named '${name}' found.`);
  }

  noTest(name: string): never {
    throw new PyFault('TemplateRuntimeError', `No test named '${name}' found.`);
  }

  /** A filter that another filter names. */
  filter(name: string): Callable {
    const filter = this.filters.get(name);
    if (!filter) throw new PyFault('TemplateRuntimeError', `No filter named '${name}'.`);
    return filter;
  }

  /** A test that a filter names. */
  test(name: string): Callable {
    const test = this.tests.get(name);
    if (!test) throw new PyFault('TemplateRuntimeError', `No test named '${name}'.`);
    return test;
  }

  // Text

  escaped(value: unknown): string {
    return this.autoescape ? escapeMarkup(value).text : str(value);
  }

  safe(text: string): unknown {
    return this.autoescape ? new Markup(text) : text;
  }

  markupJoin(items: readonly unknown[]): unknown {
    if (!this.autoescape) return items.map(str).join('');
    return new Markup(items.map((item) => escapeMarkup(item).text).join(''));
  }

  /** Ends a macro or recursive loop. */
  finish(text: string, marks: readonly unknown[]): unknown {
    this.lastText = this.safe(text);
    this.lastMarks = marks;
    return this.lastText;
  }

  /** Hands on the marks of the text a macro wrote, which begins at `at`. */
  splice(marks: unknown[], at: number): string {
    return this.take({ text: str(this.lastText), marks: this.lastMarks }, marks, at);
  }

  take(piece: Piece, marks: unknown[], at: number): string {
    for (let index = 0; index < piece.marks.length; index += 2) {
      marks.push((piece.marks[index] as number) + at, piece.marks[index + 1]);
    }
    return piece.text;
  }

  /** Adds the place a fault passed through. */
  trace(error: unknown, template: JinjaTemplate, packed: number): PyFault {
    const fault = toFault(error);
    const { line, column } = placeOf(fault, packed);
    if (fault.trail.length < MAX_DEPTH)
      fault.trail.push({
        path: template.path,
        line: line || 1,
        column: column || 1,
        text: template.lines[(line || 1) - 1],
      });
    return fault;
  }

  // Templates

  /** Loads a template by name; `./` and `../` are relative to `tpldir`, which every load sets anew. */
  async template(name: string): Promise<JinjaTemplate> {
    const isRelative = /^\.\.?(?:\/|$)/.test(name);
    const resolved = isRelative ? this.#resolve(name) : normalized(name);
    const known = this.#loaded.get(resolved);
    if (known) return known.template;
    const file = await this.outside(this.request.loader.load(resolved));
    if (!file) throw notFound(isRelative ? resolved : name);
    const dir = resolved.includes('/') ? resolved.slice(0, resolved.lastIndexOf('/')) : '';
    const tpldir = isRelative ? str(this.globals.get('tpldir') ?? dir) : dir;
    this.globals.set('tplfile', resolved);
    this.globals.set('tpldir', tpldir === '' ? '.' : tpldir);
    this.globals.set('tpldot', tpldir.replaceAll('/', '.'));
    const template = this.#compile(file.text, file.path);
    await template.prepare(() => this.turn());
    this.#loaded.set(resolved, { template });
    return template;
  }

  #resolve(name: string): string {
    const base = this.globals.get('tpldir');
    if (typeof base !== 'string') throw notFound(name);
    return normalized(`${base}/${name}`, name);
  }

  #nameOf(value: unknown): string {
    const name = textOf(value);
    if (name !== undefined) return name;
    if (value instanceof Undefined) throw value.fault();
    throw typeError(`'${typeName(value)}' object cannot name a template`);
  }

  async #select(value: unknown): Promise<JinjaTemplate> {
    if (textOf(value) !== undefined || value instanceof Undefined) return await this.template(this.#nameOf(value));
    const names = sequence(value).map((name) => this.#nameOf(name));
    for (const name of names) {
      try {
        return await this.template(name);
      } catch (error) {
        if (!(error instanceof PyFault) || error.type !== 'TemplateNotFound') throw error;
      }
    }
    throw new PyFault(
      'TemplatesNotFound',
      names.length === 0
        ? 'Tried to select from an empty list of templates'
        : `none of the templates given were found: ${names.join(', ')}`,
    );
  }

  /** Runs another template, in depth and number bounded. */
  async #run(template: JinjaTemplate, context: Context): Promise<Piece> {
    if (this.#nesting >= MAX_TEMPLATES)
      throw new PyFault(
        'RecursionError',
        'maximum recursion depth exceeded',
        'A template includes or imports itself without an end.',
      );
    this.#nesting += 1;
    try {
      return await this.nested(() => template.root(this, context));
    } finally {
      this.#nesting -= 1;
    }
  }

  /** A context for `template` over the globals, or over the names of `from`. */
  contextFor(template: JinjaTemplate, from?: Context, locals?: readonly (readonly [string, unknown])[]): Context {
    const names = from ? withLocals(from.all(), locals ?? []) : new Map(this.globals);
    return new Context(this, names, template.blocks);
  }

  async include(
    value: unknown,
    context: Context,
    locals: readonly (readonly [string, unknown])[] | undefined,
    ignoreMissing: boolean,
  ): Promise<Piece> {
    let template: JinjaTemplate;
    try {
      template = await this.#select(value);
    } catch (error) {
      const isMissing =
        error instanceof PyFault && (error.type === 'TemplateNotFound' || error.type === 'TemplatesNotFound');
      if (ignoreMissing && isMissing) return { text: '', marks: [] };
      throw error;
    }
    if (!locals) return await this.#defaultModule(template);
    return await this.#run(template, this.contextFor(template, context, locals));
  }

  async import(
    value: unknown,
    context: Context,
    locals: readonly (readonly [string, unknown])[] | undefined,
  ): Promise<TemplateModule> {
    const template = await this.#select(this.#nameOf(value));
    if (!locals) return await this.#defaultModule(template);
    return await this.#module(template, this.contextFor(template, context, locals));
  }

  async #module(template: JinjaTemplate, context: Context): Promise<TemplateModule> {
    const piece = await this.#run(template, context);
    return new TemplateModule(template.path, context.exports(), piece.text, piece.marks);
  }

  /** The module of a template imported without context, run once; one still running is run again, until it is too deep. */
  async #defaultModule(template: JinjaTemplate): Promise<TemplateModule> {
    const entry = [...this.#loaded.values()].find((loaded) => loaded.template === template);
    if (entry?.module) return entry.module;
    const module = await this.#module(template, this.contextFor(template));
    if (entry) entry.module = module;
    return module;
  }

  fromModule(module: TemplateModule, name: string): unknown {
    const value = module.attribute(name);
    if (value !== undefined) return value;
    const message = `the template '${module.path}' does not export the requested name '${name}'`;
    return new Undefined(message, { strict: this.#strict, name, candidates: () => module.names() });
  }

  async parentOf(value: unknown, context: Context): Promise<JinjaTemplate> {
    const template = await this.template(this.#nameOf(value));
    for (const [name, block] of template.blocks) {
      const stack = context.blocks.get(name);
      if (stack) stack.push(block);
      else context.blocks.set(name, [block]);
    }
    this.#nesting += 1;
    if (this.#nesting > MAX_TEMPLATES)
      throw new PyFault('RecursionError', 'maximum recursion depth exceeded', 'A template extends itself.');
    return template;
  }

  extendedTwice(): never {
    throw new PyFault('TemplateRuntimeError', 'extended multiple times');
  }

  requiredBlock(name: string): never {
    throw new PyFault('TemplateRuntimeError', `Required block '${name}' not found`);
  }

  /** The pillar as templates see it. */
  get pillar(): PyMap {
    return this.request.pillar;
  }
}

/** Anything thrown as a fault; stack overflows and engine faults of JavaScript become Python's. */
export function toFault(error: unknown): PyFault {
  if (error instanceof PyFault) return error;
  if (error instanceof RangeError) {
    const isStack = error.message.includes('call stack');
    return isStack
      ? new PyFault('RecursionError', 'maximum recursion depth exceeded')
      : new LimitFault(error.message, 'Build less text or smaller lists.');
  }
  const message = error instanceof Error ? error.message : String(error);
  return Object.assign(new PyFault('Exception', message), { cause: error });
}

/** The fault of a render whose time is over. */
export function deadlineFault({ limits }: RenderRequest): LimitFault {
  const ms = limits?.deadlineMs ?? DEFAULT_DEADLINE_MS;
  return new LimitFault(`the template did not end within ${ms} ms`, 'A loop has no end, or a call takes too long.');
}

/** The fault of a cancelled render. */
export function cancelledFault(signal: AbortSignal): LimitFault {
  return new LimitFault(cancelled(signal).message, '', 'EDGE_CANCELLED');
}

/** The place of a fault: that of the undefined name itself where it stands on the line that failed. */
function placeOf(fault: PyFault, packed: number): Position {
  const place = unpackPosition(packed);
  if (!(fault instanceof UndefinedFault) || fault.trail.length > 0 || fault.undefined.at === undefined) return place;
  const named = unpackPosition(fault.undefined.at);
  return named.line === place.line ? named : place;
}

/** The path without `.` and `..`; it must stay below the roots. */
function normalized(path: string, asked = path): string {
  if (!path.includes('/')) return path;
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') {
      if (parts.length === 0) throw notFound(asked);
      parts.pop();
    } else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function notFound(name: string): PyFault {
  return new PyFault(
    'TemplateNotFound',
    name,
    'Names are relative to the file roots; `./` and `../` to the directory of the template.',
  );
}

function printed(value: unknown): string {
  if (value instanceof Undefined) return 'Undefined';
  return typeof value === 'string' ? quoted(value) : str(value);
}

function quoted(text: string): string {
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}

function candidatesOf(object: unknown): Iterable<string> {
  if (object instanceof Members) return object.names();
  if (object instanceof Namespace) return object.attributes.keys();
  if (
    typeof object === 'object' &&
    object !== null &&
    'keys' in object &&
    typeof object.keys === 'function' &&
    !Array.isArray(object)
  ) {
    return [...(object.keys() as Iterable<unknown>)].filter((key) => typeof key === 'string');
  }
  return [];
}

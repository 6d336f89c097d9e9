import { typeError } from './fault.ts';
import { Builtin, type Kwargs } from './types.ts';

interface Parameter {
  readonly name: string;
  readonly fallback: unknown;
  readonly required: boolean;
}

/** A parsed `name(a, b=1, *args, **kwargs)`. */
interface Signature {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly varargs: boolean;
  readonly varkw: boolean;
  /** No argument can be given by name. */
  readonly positional: boolean;
}

const DEFAULTS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['None', null],
  ['True', true],
  ['False', false],
  ['MISSING', undefined],
]);

/** Reads a Python signature; defaults are constants, `MISSING` is given as undefined. `/` at the end: positional only. */
function signature(text: string): Signature {
  const [, name, inside] = /^([\w.]+)\((.*)\)$/s.exec(text)!;
  const parts = inside!.match(/\/|\*{0,2}\w+(?:=(?:"[^"]*"|'[^']*'|[^,]+))?|\*/g) ?? [];
  const parameters: Parameter[] = [];
  for (const part of parts) {
    if (part === '/' || part.startsWith('*')) continue;
    const [parameter, fallback] = part.split('=') as [string, string | undefined];
    const value =
      fallback === undefined
        ? undefined
        : DEFAULTS.has(fallback)
          ? DEFAULTS.get(fallback)
          : JSON.parse(fallback.replace(/^'(.*)'$/, '"$1"'));
    parameters.push({ name: parameter, fallback: value, required: fallback === undefined });
  }
  const varkw = parts.some((part) => part.startsWith('**'));
  const varargs = parts.some((part) => /^\*\w/.test(part));
  return { name: name!, parameters, varargs, varkw, positional: parts.at(-1) === '/' };
}

/** The arguments in order of the parameters, then the list of varargs and the map of further keywords where declared. */
function bind(to: Signature, args: readonly unknown[], kwargs: Kwargs): unknown[] {
  const { parameters } = to;
  const bound: unknown[] = new Array(parameters.length);
  if (args.length > parameters.length && !to.varargs) throw tooMany(to, args.length);
  for (let at = 0; at < parameters.length; at += 1) bound[at] = at < args.length ? args[at] : undefined;
  const rest = kwargs && kwargs.size > 0 ? bindNamed(to, args, kwargs, bound) : undefined;
  for (let at = args.length; at < parameters.length; at += 1) {
    if (bound[at] !== undefined) continue;
    const parameter = parameters[at]!;
    if (parameter.required) throw typeError(`${to.name}() missing 1 required positional argument: '${parameter.name}'`);
    bound[at] = parameter.fallback;
  }
  if (to.varargs) bound.push(args.slice(parameters.length));
  if (to.varkw) bound.push(rest ?? new Map<string, unknown>());
  return bound;
}

function tooMany(to: Signature, given: number): Error {
  const most = to.parameters.length;
  return typeError(`${to.name}() takes ${most} positional argument${most === 1 ? '' : 's'} but ${given} were given`);
}

function bindNamed(
  to: Signature,
  args: readonly unknown[],
  kwargs: ReadonlyMap<string, unknown>,
  bound: unknown[],
): Map<string, unknown> {
  if (to.positional) throw typeError(`${to.name}() takes no keyword arguments`);
  const rest = new Map<string, unknown>();
  for (const [name, value] of kwargs) {
    const at = to.parameters.findIndex((parameter) => parameter.name === name);
    if (at === -1) {
      if (!to.varkw) throw typeError(`${to.name}() got an unexpected keyword argument '${name}'`);
      rest.set(name, value);
    } else if (at < args.length) throw typeError(`${to.name}() got multiple values for argument '${name}'`);
    else bound[at] = value;
  }
  return rest;
}

/** A builtin whose body gets the render and its arguments in order of the signature. */
export function define<E>(
  text: string,
  body: (env: E, ...args: never[]) => unknown,
  options: { mayWait?: boolean } = {},
): Builtin {
  const parsed = signature(text);
  const loose = body as (env: E, ...args: unknown[]) => unknown;
  return new Builtin(parsed.name, (env: never, args, kwargs) => loose(env, ...bind(parsed, args, kwargs)), options);
}

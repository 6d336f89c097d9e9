import { PyMap, PyTuple, type Value } from '../../../values/index.ts';
import type { Context } from './context.ts';
import type { Env } from './env.ts';
import { typeError } from './fault.ts';
import { type Callable, type Kwargs, Members } from './types.ts';

/** What generated code says about a macro. */
export interface MacroSpec {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly caller: boolean;
  readonly varargs: boolean;
  readonly kwargs: boolean;
  readonly explicitCaller: boolean;
}

/** A macro, or the block of a `call` tag. */
export class Macro extends Members implements Callable {
  readonly typeName = 'jinja2.runtime.Macro';
  readonly mayWait = true;
  readonly #spec: MacroSpec;
  readonly #body: (env: Env, args: unknown[]) => Promise<unknown>;

  constructor(spec: MacroSpec, body: (env: Env, args: unknown[]) => Promise<unknown>, _context: Context) {
    super();
    this.#spec = spec;
    this.#body = body;
  }

  get name(): string {
    return this.#spec.name;
  }

  attribute(name: string): unknown {
    const spec = this.#spec;
    switch (name) {
      case 'name':
        return spec.name;
      case 'arguments':
        return new PyTuple(spec.parameters);
      case 'catch_kwargs':
        return spec.kwargs;
      case 'catch_varargs':
        return spec.varargs;
      case 'caller':
        return spec.caller;
      default:
        return undefined;
    }
  }

  call(env: unknown, args: readonly unknown[], kwargs: Kwargs): unknown {
    const bound = this.#bind(args, kwargs, env as Env);
    return (env as Env).nested(() => this.#body(env as Env, bound));
  }

  override print(): string {
    return `<Macro '${this.name}'>`;
  }

  #bind(args: readonly unknown[], kwargs: Kwargs, env: Env): unknown[] {
    const { parameters, caller, varargs, kwargs: takesKwargs, explicitCaller, name } = this.#spec;
    const bound: unknown[] = args.slice(0, parameters.length);
    if (bound.length < parameters.length) bound.length = parameters.length;
    const rest = new PyMap();
    let block: unknown;
    if (kwargs) {
      for (const [key, value] of kwargs) {
        const at = parameters.indexOf(key);
        if (at !== -1 && at >= args.length) bound[at] = value;
        else if (key === 'caller' && caller) block = value;
        else rest.set(key, value as Value);
      }
    }
    if (caller && !explicitCaller) bound.push(block ?? env.undefAs('No caller defined', 'caller'));
    if (takesKwargs) bound.push(rest);
    else if (rest.size > 0) this.#refuse(rest);
    if (varargs) bound.push(new PyTuple(args.slice(parameters.length) as Value[]));
    else if (args.length > parameters.length) {
      throw typeError(`macro '${name}' takes not more than ${parameters.length} argument(s)`);
    }
    return bound;
  }

  #refuse(rest: PyMap): never {
    if (rest.has('caller')) {
      throw typeError(
        `macro '${this.name}' was invoked with two values for the special caller argument. This is most likely a bug.`,
      );
    }
    const [name] = rest.keys();
    throw typeError(`macro '${this.name}' takes no keyword argument '${String(name)}'`);
  }
}

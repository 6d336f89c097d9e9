import type { Value } from '../../../values/index.ts';
import type { TemplateCalls } from '../../contract.ts';
import type { Env } from './env.ts';
import { toValue } from './export.ts';
import { Builtin, type Callable, type Kwargs, Members } from './types.ts';

const NO_KWARGS: ReadonlyMap<string, Value> = new Map();

/** In templates Salt runs `cmd.run` through the shell. */
const ALIASES: ReadonlyMap<string, string> = new Map([['cmd.run', 'cmd.shell']]);

/** `salt`: execution functions as `salt['x.y']` and `salt.x.y`. */
export class SaltCalls extends Members {
  readonly typeName = 'salt.utils.templates.AliasedLoader';
  readonly #calls: TemplateCalls;

  constructor(calls: TemplateCalls) {
    super();
    this.#calls = calls;
  }

  attribute(name: string): unknown {
    if (this.#hasModule(name)) return new SaltModule(this.#calls, name);
    if (name === 'get') return new Builtin('get', (_env, [key, fallback = null]) => this.item(key) ?? fallback);
    if (name === 'keys') return new Builtin('keys', () => [...this.#calls.names()]);
    return undefined;
  }

  #hasModule(name: string): boolean {
    const prefix = `${name}.`;
    for (const known of this.#calls.names()) if (known.startsWith(prefix)) return true;
    return false;
  }

  override item(key: unknown): unknown {
    if (typeof key !== 'string' || !this.#calls.has(key)) return undefined;
    return new SaltFunction(this.#calls, key);
  }

  override names(): Iterable<string> {
    return this.#calls.names();
  }
}

class SaltModule extends Members {
  readonly typeName = 'salt.utils.templates.AliasedModule';
  readonly #calls: TemplateCalls;
  readonly #name: string;

  constructor(calls: TemplateCalls, name: string) {
    super();
    this.#calls = calls;
    this.#name = name;
  }

  attribute(name: string): unknown {
    const full = `${this.#name}.${name}`;
    return this.#calls.has(full) ? new SaltFunction(this.#calls, full) : undefined;
  }

  override item(key: unknown): unknown {
    return typeof key === 'string' ? this.attribute(key) : undefined;
  }

  override *names(): Iterable<string> {
    const prefix = `${this.#name}.`;
    for (const name of this.#calls.names()) if (name.startsWith(prefix)) yield name.slice(prefix.length);
  }
}

class SaltFunction implements Callable {
  readonly mayWait = true;
  readonly name: string;
  readonly #calls: TemplateCalls;

  constructor(calls: TemplateCalls, name: string) {
    this.#calls = calls;
    const alias = ALIASES.get(name);
    this.name = alias !== undefined && calls.has(alias) ? alias : name;
  }

  call(env: unknown, args: readonly unknown[], kwargs: Kwargs): unknown {
    const named = kwargs ? new Map([...kwargs].map(([name, value]) => [name, toValue(value)])) : NO_KWARGS;
    return (env as Env).outside(this.#calls.call(this.name, args.map(toValue), named, (env as Env).placeOfCall()));
  }
}

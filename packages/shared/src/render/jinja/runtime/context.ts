import type { Env } from './env.ts';
import { type Callable, type Kwargs, Markup, Members } from './types.ts';

/** Text a template function wrote, with the marks that say where it came from. */
export interface Piece {
  readonly text: string;
  readonly marks: readonly unknown[];
}

/** The function of a root or a block. */
export type BlockFunction = (env: Env, context: Context) => Promise<Piece>;

/** The names of one template being rendered. */
export class Context {
  readonly vars: Map<string, unknown>;
  readonly parent: ReadonlyMap<string, unknown>;
  readonly exported = new Set<string>();
  /** block → its functions, the innermost template's first */
  readonly blocks: Map<string, BlockFunction[]>;
  readonly env: Env;

  constructor(env: Env, parent: ReadonlyMap<string, unknown>, blocks: ReadonlyMap<string, BlockFunction>) {
    this.env = env;
    this.parent = parent;
    this.vars = new Map();
    this.blocks = new Map([...blocks].map(([name, block]) => [name, [block]]));
  }

  /** The value of a name, undefined when it has none. */
  resolve(name: string): unknown {
    const value = this.vars.get(name);
    return value === undefined ? this.parent.get(name) : value;
  }

  /** Sets a name that importers see unless it begins with an underscore. */
  export(name: string, value: unknown): void {
    this.vars.set(name, value);
    if (!name.startsWith('_')) this.exported.add(name);
  }

  /** Sets a name that importers do not see. */
  keep(name: string, value: unknown): void {
    this.vars.set(name, value);
    this.exported.delete(name);
  }

  /** Every name in reach. */
  all(): Map<string, unknown> {
    const all = new Map(this.parent);
    for (const [name, value] of this.vars) all.set(name, value);
    return all;
  }

  /** What is exported. */
  exports(): Map<string, unknown> {
    return new Map([...this.exported].map((name) => [name, this.vars.get(name)]));
  }

  /** A context in which `locals` are names, too. */
  derive(locals: readonly (readonly [string, unknown])[]): Context {
    const derived = new Context(this.env, withLocals(this.all(), locals), new Map());
    for (const [name, stack] of this.blocks) derived.blocks.set(name, [...stack]);
    return derived;
  }

  /** The function of a block. */
  block(name: string): BlockFunction {
    return this.blocks.get(name)![0]!;
  }

  /** What `super` is inside a block. */
  superOf(name: string, current: BlockFunction): unknown {
    const stack = this.blocks.get(name) ?? [];
    const depth = stack.indexOf(current) + 1;
    if (depth >= stack.length) return this.env.undefAs(`there is no parent block called '${name}'.`, 'super');
    return new BlockReference(this, name, depth);
  }
}

/** `names` with the assigned ones of `locals`. */
export function withLocals(
  names: Map<string, unknown>,
  locals: readonly (readonly [string, unknown])[],
): Map<string, unknown> {
  for (const [name, value] of locals) if (value !== undefined) names.set(name, value);
  return names;
}

/** A block as something to call; `super` of it is the next one out. */
class BlockReference extends Members implements Callable {
  readonly typeName = 'jinja2.runtime.BlockReference';
  readonly mayWait = true;
  readonly name: string;
  readonly #context: Context;
  readonly #depth: number;

  constructor(context: Context, name: string, depth: number) {
    super();
    this.#context = context;
    this.name = name;
    this.#depth = depth;
  }

  attribute(name: string): unknown {
    if (name !== 'super') return undefined;
    const stack = this.#context.blocks.get(this.name)!;
    if (this.#depth + 1 >= stack.length)
      return this.#context.env.undefAs(`there is no parent block called '${this.name}'.`, 'super');
    return new BlockReference(this.#context, this.name, this.#depth + 1);
  }

  async call(env: unknown, _args: readonly unknown[], _kwargs: Kwargs): Promise<unknown> {
    const piece = await this.#context.blocks.get(this.name)![this.#depth]!(env as Env, this.#context);
    return (env as Env).autoescape ? new Markup(piece.text) : piece.text;
  }
}

/** `self`: the blocks of the template by name. */
class SelfReference extends Members {
  readonly typeName = 'jinja2.runtime.TemplateReference';
  readonly #context: Context;

  constructor(context: Context) {
    super();
    this.#context = context;
  }

  attribute(name: string): unknown {
    return this.#context.blocks.has(name) ? new BlockReference(this.#context, name, 0) : undefined;
  }

  override item(key: unknown): unknown {
    return typeof key === 'string' ? this.attribute(key) : undefined;
  }
}

/** What `self` is. */
export function selfOf(context: Context): Members {
  return new SelfReference(context);
}

import type { Value } from '../../../values/index.ts';
import { eq } from './comparison.ts';
import type { Env } from './env.ts';
import { PyFault, typeError } from './fault.ts';
import { Builtin, type Callable, type Kwargs, Members } from './types.ts';

const NOTHING = Symbol('nothing');

/** The `loop` of a `for`. */
export class Loop extends Members implements Callable {
  readonly typeName = 'jinja2.runtime.LoopContext';
  readonly name = 'loop';
  readonly mayWait = true;
  index0 = -1;
  readonly #items: readonly unknown[];
  readonly #length: number;
  readonly #depth0: number;
  readonly #recurse: ((items: unknown, depth: number) => Promise<unknown>) | undefined;
  #current: unknown = NOTHING;
  #previous: unknown = NOTHING;
  #changedTo: unknown = NOTHING;

  constructor(
    items: readonly unknown[],
    depth0: number,
    recurse: ((items: unknown, depth: number) => Promise<unknown>) | undefined,
  ) {
    super();
    this.#items = items;
    this.#length = items.length;
    this.#depth0 = depth0;
    this.#recurse = recurse;
  }

  /** Moves on to an item that passed the loop's filter. */
  step(index0: number, item: unknown): void {
    this.index0 = index0;
    this.#previous = this.#current;
    this.#current = item;
  }

  attribute(name: string): unknown {
    const { index0 } = this;
    switch (name) {
      case 'index':
        return index0 + 1;
      case 'index0':
        return index0;
      case 'first':
        return index0 === 0;
      case 'last':
        return index0 >= this.#items.length - 1;
      case 'length':
        return this.#length;
      case 'revindex':
        return this.#length - index0;
      case 'revindex0':
        return this.#length - index0 - 1;
      case 'depth':
        return this.#depth0 + 1;
      case 'depth0':
        return this.#depth0;
      case 'previtem':
        return this.#previtem();
      case 'nextitem':
        return index0 + 1 < this.#items.length ? this.#items[index0 + 1] : (NOT_THERE.next as unknown);
      case 'cycle':
        return new Builtin('cycle', (_env, args) => {
          if (args.length === 0) throw typeError('no items for cycling given');
          return args[this.index0 % args.length];
        });
      case 'changed':
        return new Builtin('changed', (_env, args) => this.#changed(args));
      default:
        return undefined;
    }
  }

  #previtem(): unknown {
    if (this.#current !== NOTHING) return this.#previous === NOTHING ? NOT_THERE.previous : this.#previous;
    return this.index0 > 0 ? this.#items[this.index0 - 1] : NOT_THERE.previous;
  }

  #changed(args: readonly unknown[]): boolean {
    const before = this.#changedTo;
    this.#changedTo = args;
    return before === NOTHING || !eq(before as Value[], args as Value[]);
  }

  call(env: unknown, args: readonly unknown[], _kwargs: Kwargs): unknown {
    if (!this.#recurse) {
      throw typeError("The loop must have the 'recursive' marker to be called recursively.");
    }
    const render = env as Env;
    return render.nested(() => this.#recurse!(args[0], this.#depth0 + 1));
  }

  override print(): string {
    return `<LoopContext ${this.index0 + 1}/${this.#length}>`;
  }
}

/** Stand-ins that `Env.attribute` turns into undefined names. */
const NOT_THERE = {
  previous: new PyFault('UndefinedError', 'there is no previous item'),
  next: new PyFault('UndefinedError', 'there is no next item'),
};

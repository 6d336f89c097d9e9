import { PyMap } from './map.ts';
import type { Value } from './values.ts';

/** A set of hashable values; iterates in order of insertion (Python's order is not defined). */
export class PySet {
  readonly #items = new PyMap();

  constructor(items: Iterable<Value> = []) {
    for (const item of items) this.add(item);
  }

  get size(): number {
    return this.#items.size;
  }

  has(item: Value): boolean {
    return this.#items.has(item);
  }

  add(item: Value): this {
    if (!this.#items.has(item)) this.#items.set(item, null);
    return this;
  }

  delete(item: Value): boolean {
    return this.#items.delete(item);
  }

  [Symbol.iterator](): IterableIterator<Value> {
    return this.#items.keys();
  }
}

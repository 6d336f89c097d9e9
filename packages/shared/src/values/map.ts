import { type KeyIdentity, keyIdentity } from './key.ts';
import type { Value } from './values.ts';

/** An ordered mapping with Python's notion of key equality; keys may be any hashable value. */
export class PyMap {
  readonly #values = new Map<KeyIdentity, Value>();
  /** The key itself where its identity does not give it back; hardly a map has any. */
  #keys: Map<KeyIdentity, Value> | undefined;

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: Value): Value | undefined {
    return this.#values.get(keyIdentity(key));
  }

  has(key: Value): boolean {
    return this.#values.has(keyIdentity(key));
  }

  /** Adds or replaces; a replaced key keeps its place and, as in Python, its first spelling. */
  set(key: Value, value: Value): this {
    const identity = keyIdentity(key);
    if (identity !== key && !this.#values.has(identity)) {
      this.#keys ??= new Map();
      this.#keys.set(identity, key);
    }
    this.#values.set(identity, value);
    return this;
  }

  delete(key: Value): boolean {
    const identity = keyIdentity(key);
    this.#keys?.delete(identity);
    return this.#values.delete(identity);
  }

  clear(): void {
    this.#values.clear();
    this.#keys = undefined;
  }

  keys(): IterableIterator<Value> {
    return this.#keys === undefined ? this.#values.keys() : this.#spelledKeys(this.#keys);
  }

  values(): IterableIterator<Value> {
    return this.#values.values();
  }

  entries(): IterableIterator<[Value, Value]> {
    return this.#keys === undefined ? this.#values.entries() : this.#spelledEntries(this.#keys);
  }

  [Symbol.iterator](): IterableIterator<[Value, Value]> {
    return this.entries();
  }

  *#spelledKeys(keys: ReadonlyMap<KeyIdentity, Value>): IterableIterator<Value> {
    for (const identity of this.#values.keys()) yield keys.get(identity) ?? identity;
  }

  *#spelledEntries(keys: ReadonlyMap<KeyIdentity, Value>): IterableIterator<[Value, Value]> {
    for (const [identity, value] of this.#values) yield [keys.get(identity) ?? identity, value];
  }
}

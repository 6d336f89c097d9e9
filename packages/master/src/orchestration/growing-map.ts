/** What one key held from a version on. */
interface Cell<V> {
  readonly since: number;
  readonly value: V;
}

/** What all versions of one map share. */
interface Log<K, V> {
  /** Key → what it held, oldest first; keys in order of their first value. */
  readonly cells: Map<K, Cell<V>[]>;
  /** The last version that was made. */
  latest: number;
}

/**
 * A map that never changes, and whose copy with one entry more costs constant time where it is made of the latest copy,
 * as it is when a journal is folded: versions share one log and see their own part of it. A copy of an older version
 * costs what copying a `Map` costs. Keys are in order of their first value, as in a `Map`.
 */
export class GrowingMap<K, V> implements ReadonlyMap<K, V> {
  readonly size: number;
  readonly #log: Log<K, V>;
  readonly #version: number;

  private constructor(log: Log<K, V>, version: number, size: number) {
    this.#log = log;
    this.#version = version;
    this.size = size;
  }

  /** A map without entries. */
  static empty<K, V>(): GrowingMap<K, V> {
    return new GrowingMap<K, V>({ cells: new Map(), latest: 0 }, 0, 0);
  }

  /** A map in which `key` holds `value`; this one stays as it is. */
  with(key: K, value: V): GrowingMap<K, V> {
    const log = this.#log.latest === this.#version ? this.#log : this.#split();
    const known = log.cells.get(key);
    log.latest += 1;
    const cell: Cell<V> = { since: log.latest, value };
    if (known === undefined) log.cells.set(key, [cell]);
    else known.push(cell);
    return new GrowingMap(log, log.latest, this.size + (known === undefined ? 1 : 0));
  }

  get(key: K): V | undefined {
    return this.#cellOf(key)?.value;
  }

  has(key: K): boolean {
    return this.#cellOf(key) !== undefined;
  }

  *entries(): MapIterator<[K, V]> {
    for (const key of this.#log.cells.keys()) {
      const cell = this.#cellOf(key);
      if (cell !== undefined) yield [key, cell.value];
    }
  }

  *keys(): MapIterator<K> {
    for (const [key] of this) yield key;
  }

  *values(): MapIterator<V> {
    for (const [, value] of this) yield value;
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  #cellOf(key: K): Cell<V> | undefined {
    return this.#log.cells.get(key)?.findLast(({ since }) => since <= this.#version);
  }

  /** A log that holds what this version sees: somebody went on from here already. */
  #split(): Log<K, V> {
    const cells = new Map([...this].map(([key, value]): [K, Cell<V>[]] => [key, [{ since: 0, value }]]));
    return { cells, latest: 0 };
  }
}

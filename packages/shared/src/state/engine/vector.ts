/**
 * A list whose copies share what did not change: replacing one item of n copies about 64 + n/64 of them. Plain data.
 * What lets `evolve` be pure and a run of thousands of steps be folded in a blink.
 */
export type Vector<T> = readonly (readonly T[])[];

const BITS = 6;
const BLOCK = 1 << BITS;

/** A vector of `items`. */
export function vectorOf<T>(items: readonly T[]): Vector<T> {
  const blocks: T[][] = [];
  for (let start = 0; start < items.length; start += BLOCK) blocks.push(items.slice(start, start + BLOCK));
  return blocks;
}

/** The item at `index`, which must exist. */
export function itemAt<T>(vector: Vector<T>, index: number): T {
  return vector[index >> BITS]![index & (BLOCK - 1)]!;
}

/** A copy in which every index of `updates` has its new item; blocks are copied once however many items change. */
export function withItems<T>(vector: Vector<T>, updates: ReadonlyMap<number, T>): Vector<T> {
  const blocks = [...vector];
  const fresh = new Map<number, T[]>();
  for (const [index, item] of updates) {
    const at = index >> BITS;
    let block = fresh.get(at);
    if (block === undefined) {
      block = [...vector[at]!];
      fresh.set(at, block);
      blocks[at] = block;
    }
    block[index & (BLOCK - 1)] = item;
  }
  return blocks;
}

import { createHash } from 'node:crypto';

/** Python's Mersenne Twister, seeded as `random.Random(seed)` seeds it, so that the same seed gives the same order. */
export class PyRandom {
  readonly #state = new Uint32Array(624);
  #at = 624;

  constructor(seed: number | bigint | string) {
    let value: bigint;
    if (typeof seed === 'string') {
      const bytes = Buffer.from(seed, 'utf8');
      value = BigInt(`0x${Buffer.concat([bytes, createHash('sha512').update(bytes).digest()]).toString('hex')}`);
    } else value = BigInt(seed) < 0n ? -BigInt(seed) : BigInt(seed);
    const key: number[] = [];
    do {
      key.push(Number(value & 0xffffffffn));
      value >>= 32n;
    } while (value > 0n);
    this.#seedBy(key);
  }

  #seedBy(key: readonly number[]): void {
    const state = this.#state;
    state[0] = 19650218;
    for (let i = 1; i < 624; i += 1)
      state[i] = (Math.imul(1812433253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i) >>> 0;
    let i = 1;
    let j = 0;
    for (let k = Math.max(624, key.length); k > 0; k -= 1) {
      state[i] = ((state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), 1664525)) + key[j]! + j) >>> 0;
      i += 1;
      j = (j + 1) % key.length;
      if (i >= 624) {
        state[0] = state[623]!;
        i = 1;
      }
    }
    for (let k = 623; k > 0; k -= 1) {
      state[i] = ((state[i]! ^ Math.imul(state[i - 1]! ^ (state[i - 1]! >>> 30), 1566083941)) - i) >>> 0;
      i += 1;
      if (i >= 624) {
        state[0] = state[623]!;
        i = 1;
      }
    }
    state[0] = 0x80000000;
  }

  #next(): number {
    const state = this.#state;
    if (this.#at >= 624) {
      for (let k = 0; k < 624; k += 1) {
        const y = (state[k]! & 0x80000000) | (state[(k + 1) % 624]! & 0x7fffffff);
        state[k] = state[(k + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      this.#at = 0;
    }
    let y = state[this.#at]!;
    this.#at += 1;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A whole number from 0 below `limit`. */
  below(limit: number): number {
    const bits = Math.floor(Math.log2(limit)) + 1;
    for (;;) {
      const value = this.#next() >>> (32 - bits);
      if (value < limit) return value;
    }
  }

  /** Python's `sample(items, size)`. */
  sample<T>(items: readonly T[], size: number): T[] {
    const n = items.length;
    let setSize = 21;
    if (size > 5) setSize += 4 ** Math.ceil(Math.log(size * 3) / Math.log(4));
    if (n <= setSize) {
      const pool = [...items];
      return Array.from({ length: size }, (_, at) => {
        const picked = this.below(n - at);
        const item = pool[picked]!;
        pool[picked] = pool[n - at - 1]!;
        return item;
      });
    }
    const seen = new Set<number>();
    return Array.from({ length: size }, () => {
      let picked = this.below(n);
      while (seen.has(picked)) picked = this.below(n);
      seen.add(picked);
      return items[picked]!;
    });
  }
}

import { cancelled } from './clock.ts';

/** A bound on how many do something at once; waiting is first come, first served. */
export class Slots {
  #limit: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit;
  }

  get taken(): number {
    return this.#taken;
  }

  get isContended(): boolean {
    return this.#waiting.length > 0;
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** True when who comes now has to wait. */
  get isFull(): boolean {
    return this.#taken >= this.#limit;
  }

  /** Lowers the bound for good, never below one: the other side allows fewer than we thought. */
  lowerTo(limit: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit, limit));
  }

  /** Resolves with the function that gives the slot back; repeating it is harmless. @throws EdgeError `EDGE_CANCELLED` */
  async take(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw cancelled(signal);
    if (this.#taken < this.#limit) this.#taken += 1;
    else await this.#turn(signal);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      // Handed over without being free in between: nobody can come first.
      const next = this.#taken <= this.#limit ? this.#waiting.shift() : undefined;
      if (next === undefined) this.#taken -= 1;
      else next();
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(cancelled(signal));
      };
      this.#waiting.push(go);
      signal.addEventListener('abort', leave, { once: true });
    });
  }
}

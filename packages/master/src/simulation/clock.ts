import { type Clock, cancelled, type InstantMs } from '@edge-run/shared/kernel';

interface Sleeper {
  readonly at: InstantMs;
  wake(): void;
}

/** How often everything else gets its turn before time moves on: nothing in a simulation waits for the machine. */
const QUIET_TURNS = 6;

/** A clock that jumps to the next moment somebody waits for once nothing else is left to do. Begins at 0. */
export class SimulatedClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  #now: InstantMs = 0;
  #isMoving = false;

  now(): InstantMs {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(signal));
      const abort = (): void => {
        this.#sleepers.delete(sleeper);
        reject(cancelled(signal!));
      };
      const sleeper: Sleeper = {
        at: this.#now + Math.max(0, ms),
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.add(sleeper);
      if (!this.#isMoving) void this.#move();
    });
  }

  async #move(): Promise<void> {
    this.#isMoving = true;
    while (this.#sleepers.size > 0) {
      for (let turn = 0; turn < QUIET_TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      const next = [...this.#sleepers].reduce((least, { at }) => Math.min(least, at), Number.POSITIVE_INFINITY);
      if (next === Number.POSITIVE_INFINITY) break;
      this.#now = Math.max(this.#now, next);
      for (const sleeper of [...this.#sleepers]) {
        if (sleeper.at > this.#now) continue;
        this.#sleepers.delete(sleeper);
        sleeper.wake();
      }
    }
    this.#isMoving = false;
  }
}

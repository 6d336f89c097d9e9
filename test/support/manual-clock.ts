import { type Clock, cancelled, type InstantMs } from '@edge-run/shared/kernel';

interface Sleeper {
  readonly at: InstantMs;
  wake(): void;
}

/** Time that stands still until the test moves it. */
export class ManualClock implements Clock {
  readonly #sleepers = new Set<Sleeper>();
  #now: InstantMs;

  constructor(now: InstantMs | string = '2027-01-01T00:00:00Z') {
    this.#now = typeof now === 'string' ? Date.parse(now) : now;
  }

  now(): InstantMs {
    return this.#now;
  }

  /** How many sleep. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(signal));
      const end = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        end();
        reject(cancelled(signal!));
      };
      const wake = (): void => {
        end();
        resolve();
      };
      const sleeper: Sleeper = { at: this.#now + Math.max(0, ms), wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Moves time on, waking sleepers in the order of their instants, and lets what each does settle before the next; a
   * sleeper that goes to sleep again within the time is woken again. Resolves when all is quiet.
   */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  /** Moves time on to an instant. */
  advanceTo(instant: InstantMs | string): Promise<void> {
    return this.advance((typeof instant === 'string' ? Date.parse(instant) : instant) - this.#now);
  }

  #next(end: InstantMs): Sleeper | undefined {
    const due = [...this.#sleepers].filter(({ at }) => at <= end);
    return due.sort((a, b) => a.at - b.at)[0];
  }
}

/** Lets promises that need nothing from outside run their course. */
async function settle(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

import type { Logger } from '@edge-run/shared/kernel';

/** Work that nobody waits for, until the master stops. */
export class Background {
  readonly #log: Logger;
  readonly #work = new Set<Promise<void>>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Takes work over; what it throws is logged. */
  run(work: Promise<unknown>): void {
    const done: Promise<void> = work
      .then(() => undefined)
      .catch((error: unknown) => this.#log.error('work in the background failed', { reason: String(error) }))
      .finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  /** Resolves when nothing is in hand any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#work);
  }
}

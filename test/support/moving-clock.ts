import { type Clock, cancelled } from '@edge-run/shared/kernel';

interface Sleeper {
  readonly at: number;
  wake(): void;
}

/** Resources of the process under which something may still happen before the next moment. */
const BUSY = /^(FSReq|FileHandleCloseReq|ProcessWrap)/;

/** Looks without anything under way before the clock moves. */
const QUIET_LOOKS = 4;

/** A clock that jumps to the next moment somebody waits for as soon as nothing else is under way in the process. */
export class MovingClock implements Clock {
  #now = 1_700_000_000_000;
  #sleepers: Sleeper[] = [];
  #isMoving = false;

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(signal));
      const abort = (): void => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        reject(cancelled(signal!));
      };
      const sleeper: Sleeper = {
        at: this.#now + ms,
        wake: () => {
          signal?.removeEventListener('abort', abort);
          resolve();
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#sleepers.push(sleeper);
      if (!this.#isMoving) void this.#move();
    });
  }

  async #move(): Promise<void> {
    this.#isMoving = true;
    while (this.#sleepers.length > 0) {
      await quiet();
      if (this.#sleepers.length === 0) break;
      this.#now = Math.max(this.#now, Math.min(...this.#sleepers.map(({ at }) => at)));
      const due = this.#sleepers.filter(({ at }) => at <= this.#now);
      this.#sleepers = this.#sleepers.filter(({ at }) => at > this.#now);
      for (const { wake } of due) wake();
    }
    this.#isMoving = false;
  }
}

async function quiet(): Promise<void> {
  for (let looks = 0; looks < QUIET_LOOKS; looks += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (process.getActiveResourcesInfo().some((name) => BUSY.test(name))) looks = -1;
  }
}

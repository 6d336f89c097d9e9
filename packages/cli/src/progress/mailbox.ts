import type { Clock } from '@edge-run/shared/kernel';

/** What several sources put in and one loop takes out, in order. */
export interface Mailbox<M> {
  put(message: M): void;
  /** The next message, or undefined when none came for `ms`. */
  take(ms: number): Promise<M | undefined>;
}

/** An empty mailbox. */
export function createMailbox<M>(clock: Clock): Mailbox<M> {
  const waiting: M[] = [];
  let wake: (() => void) | undefined;
  return {
    put: (message) => {
      waiting.push(message);
      wake?.();
    },
    async take(ms) {
      if (waiting.length === 0) {
        const slept = new AbortController();
        wake = () => slept.abort();
        await clock.sleep(ms, slept.signal).catch(() => {});
        wake = undefined;
      }
      return waiting.shift();
    },
  };
}

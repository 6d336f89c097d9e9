import { cancelled } from '@edge-run/shared/kernel';
import type { PollOptions, WaitOptions } from './loadbalancer.ts';

/**
 * Looks until `look` gives something or the deadline has passed, which gives undefined. Looks at least once, and
 * once more at the deadline. A clock that steps back cannot lengthen the wait: what was slept counts.
 */
export async function poll<T>(
  look: () => Promise<T | undefined>,
  { deadlineMs, signal }: WaitOptions,
  { clock, pollMs }: PollOptions,
): Promise<T | undefined> {
  const startedAt = clock.now();
  let sleptMs = 0;
  for (;;) {
    if (signal.aborted) throw cancelled(signal);
    const found = await look();
    if (found !== undefined) return found;
    const leftMs = deadlineMs - Math.max(sleptMs, clock.now() - startedAt);
    if (leftMs <= 0) return undefined;
    const restMs = Math.min(pollMs, leftMs);
    await clock.sleep(restMs, signal);
    sleptMs += restMs;
  }
}

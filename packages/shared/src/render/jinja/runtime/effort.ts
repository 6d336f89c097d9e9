import { LimitFault } from './fault.ts';

/*
 * Operations work at one go, so that the event loop waits for them. Each that goes through what it is given says about
 * how many nanoseconds that takes; generated code gives the event loop its turn where the sum has become large.
 */

/** Work between two looks at the clock. */
const BUDGET = 4_000_000;
/** Most work at one go; nobody's template needs it, and it would keep the event loop for too long. */
const MOST = 30_000_000;

/** The nanoseconds, about, that operations may still take before the next look at the clock. One event loop, one budget. */
export const effort = { left: BUDGET };

/** Notes work about to be done. @throws LimitFault for more than can be done at one go. */
export function spend(nanoseconds: number): void {
  effort.left -= nanoseconds;
  if (effort.left > -MOST) return;
  renew();
  throw new LimitFault('one operation of the template works on too much', 'Work on shorter texts or fewer elements.');
}

/** Starts a new budget: the event loop had its turn, or has no need of it yet. */
export function renew(): void {
  effort.left = BUDGET;
}

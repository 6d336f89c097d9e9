import { PyMap } from '@edge-run/shared/values';
import type { StepAnswer, StepContext } from '../step-kind.ts';

/** How long to look, and how often. Seconds. */
export interface Patience {
  readonly deadline: number;
  readonly interval: number;
  readonly backoff: number;
  readonly max_interval: number;
  /** Good looks in a row. */
  readonly passes: number;
  readonly delay: number;
}

/** What one look found. */
export interface Look {
  readonly isGood: boolean;
  /** What was seen, in one line. */
  readonly seen: string;
}

/** A wait that is over: how it ended and what was seen last. */
export interface Waited<L extends Look> {
  readonly answer: StepAnswer;
  readonly last: L;
}

/**
 * Looks until enough looks in a row were good or the deadline is over, at least once. The time counts from the first
 * start of the step. On failure the comment shows the last look.
 */
export async function waitUntil<L extends Look>(
  patience: Patience,
  what: string,
  look: () => Promise<L>,
  { ports: { clock }, signal, startedAt, report }: StepContext,
): Promise<Waited<L>> {
  const from = startedAt ?? clock.now();
  const endAt = from + patience.deadline * 1000;
  const seconds = (): string => `${Math.round((clock.now() - from) / 100) / 10} s`;
  if (patience.delay > 0) await clock.sleep(Math.max(0, from + patience.delay * 1000 - clock.now()), signal);
  let good = 0;
  for (let looks = 1; ; looks += 1) {
    const last = await look();
    signal.throwIfAborted();
    good = last.isGood ? good + 1 : 0;
    report('looked', `${last.seen}${patience.passes > 1 ? ` (${good} of ${patience.passes} good in a row)` : ''}`);
    if (good >= patience.passes) {
      const times = patience.passes > 1 ? `${good} times in a row, ` : '';
      return { last, answer: answered(true, `${what}: as expected ${times}after ${seconds()}: ${last.seen}`) };
    }
    const pauseMs = pauseAfter(patience, looks);
    if (clock.now() + pauseMs > endAt) {
      const tally = patience.passes > 1 ? `, ${good} of ${patience.passes} good in a row` : '';
      const said = `${what}: not as expected within ${patience.deadline} s (${looks} looks${tally})`;
      return { last, answer: answered(false, `${said}. Last answer: ${last.seen}`) };
    }
    await clock.sleep(pauseMs, signal);
  }
}

/** Milliseconds between look number `looks` (from 1) and the next. */
export function pauseAfter({ interval, backoff, max_interval: most }: Patience, looks: number): number {
  return 1000 * Math.min(Math.max(interval, most), interval * backoff ** (looks - 1));
}

/** What a wait would do, for a plan. */
export function wouldWait(what: string): StepAnswer {
  const comment = `Orchestration would wait until ${what}`;
  return { result: null, changes: new PyMap(), comment, foreseen: { effect: 'nothing', waitsFor: `until ${what}` } };
}

function answered(result: boolean, comment: string): StepAnswer {
  return { result, changes: new PyMap(), comment };
}

import type { InstantMs } from '../kernel/index.ts';
import { elapsedMs, isEnded } from './run-summary.ts';
import type { RunView } from './run-view.ts';

/** How long something took before. */
export interface DurationStats {
  /** How many times the percentiles are made of. */
  readonly n: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
}

/** How long an orchestration and its steps took in earlier runs. */
export interface OrchestrationDurations {
  readonly name: string;
  /** From the first step to the end, of runs that succeeded without being paused or asking; absent where none did. */
  readonly run?: DurationStats | undefined;
  /** By the step's id, in order of appearance; only times it succeeded. */
  readonly steps: readonly (DurationStats & { readonly id: string })[];
}

/** Percentiles by the nearest rank. Undefined for no times at all. */
export function durationStats(timesMs: readonly number[]): DurationStats | undefined {
  if (timesMs.length === 0) return undefined;
  const sorted = [...timesMs].sort((a, b) => a - b);
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { n: sorted.length, p50Ms: rank(0.5), p90Ms: rank(0.9) };
}

/**
 * How much longer the run takes if it goes on as earlier ones did: the median of whole runs, less the share of it that
 * the steps that ended and the time spent in those that run stand for. 0 when it takes longer than usual. Undefined
 * where no earlier run succeeded, or nothing goes on.
 */
export function estimateLeftMs(view: RunView, durations: OrchestrationDurations, now: InstantMs): number | undefined {
  const { begunAt: begun } = view;
  if (durations.run === undefined || view.status !== 'running' || begun === undefined) return undefined;
  const usual = new Map(durations.steps.map(({ id, p50Ms }) => [id, p50Ms]));
  let total = 0;
  let done = 0;
  for (const step of view.steps) {
    const expected = usual.get(step.id) ?? 0;
    total += expected;
    if (isEnded(step)) done += expected;
    else if (step.status === 'running') done += Math.min(expected, elapsedMs(step, now) ?? 0);
  }
  const share = total === 0 ? (now - begun) / Math.max(1, durations.run.p50Ms) : done / total;
  return Math.max(0, durations.run.p50Ms * (1 - share));
}

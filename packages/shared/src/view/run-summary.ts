import type { InstantMs } from '../kernel/index.ts';
import type { RunView, StepView } from './run-view.ts';

/** How far a run is, in numbers. */
export interface RunCounts {
  readonly steps: { readonly total: number; readonly ended: number; readonly failed: number; readonly running: number };
  /** Hosts of all steps together: one host in two steps counts twice. */
  readonly targets: { readonly total: number; readonly ended: number; readonly failed: number };
}

/** Counts steps and their targets by how they are. */
export function countRun(view: RunView): RunCounts {
  const hosts = view.steps.flatMap((step) => Object.values(step.hosts));
  const ended = view.steps.filter(isEnded);
  return {
    steps: {
      total: view.steps.length,
      ended: ended.length,
      failed: ended.filter(isFailed).length,
      running: view.steps.filter((step) => step.status === 'running').length,
    },
    targets: {
      total: hosts.length,
      ended: hosts.filter((host) => host.outcome !== undefined).length,
      failed: hosts.filter((host) => host.outcome !== undefined && host.outcome !== 'succeeded').length,
    },
  };
}

/** True once the step has an outcome. */
export function isEnded(step: StepView): boolean {
  return step.status !== 'waiting' && step.status !== 'running';
}

/** True when the step ended otherwise than wished; a skipped step did not fail, nor did one that was undone. */
export function isFailed(step: StepView): boolean {
  return isEnded(step) && step.status !== 'succeeded' && step.status !== 'skipped' && step.status !== 'rolled-back';
}

/** Milliseconds from start to end, or to `now` while it goes on; undefined before it began. */
export function elapsedMs(
  span: { readonly startedAt?: InstantMs; readonly endedAt?: InstantMs; readonly durationMs?: number },
  now: InstantMs,
): number | undefined {
  if (span.endedAt !== undefined && span.durationMs !== undefined) return span.durationMs;
  return span.startedAt === undefined ? undefined : Math.max(0, (span.endedAt ?? now) - span.startedAt);
}

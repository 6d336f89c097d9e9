import { countRun, elapsedMs, estimateLeftMs, type OrchestrationDurations, type RunView } from '@edge-run/shared/view';
import { formatDuration } from './times.ts';

/** `3/6 steps  9/22 targets  0 failed   about 3 min left (p50 of 41 runs: 4m 40s)`; the time it took, once it is over. */
export function runFooter(view: RunView, now: number, usual: OrchestrationDurations | undefined): string {
  const { steps, targets } = countRun(view);
  const counts = [
    `${steps.ended}/${steps.total} steps`,
    ...(targets.total > 0 ? [`${targets.ended}/${targets.total} targets`] : []),
    `${steps.failed} failed`,
  ].join('  ');
  const took = elapsedMs(view, now);
  const left = view.endedAt === undefined && usual !== undefined ? leftText(view, usual, now) : '';
  return [counts, took === undefined ? '' : formatDuration(took), left].filter((part) => part !== '').join('   ');
}

function leftText(view: RunView, usual: OrchestrationDurations, now: number): string {
  const leftMs = estimateLeftMs(view, usual, now);
  if (leftMs === undefined || usual.run === undefined) return '';
  const { n, p50Ms, p90Ms } = usual.run;
  const runs = n === 1 ? '1 run' : `${n} runs`;
  if (leftMs === 0)
    return `longer than usual (p50 of ${runs}: ${formatDuration(p50Ms)}, p90: ${formatDuration(p90Ms)})`;
  return `about ${roughly(leftMs)} left (p50 of ${runs}: ${formatDuration(p50Ms)})`;
}

/** `20 s`, `3 min`, `1 h 20 min`: no more exact than an estimate is. */
function roughly(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 10) return `${seconds} s`;
  if (seconds <= 55) return `${Math.ceil(seconds / 5) * 5} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${Math.max(1, minutes)} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

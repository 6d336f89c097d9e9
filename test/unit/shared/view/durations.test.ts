import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { durationStats, estimateLeftMs, foldRun, type OrchestrationDurations, unknownRun } from '@edge-run/shared/view';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('durationStats', () => {
  it('are times that were measured: half of them no longer than the median, nine of ten than the other', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1 }), (times) => {
        const { n, p50Ms, p90Ms } = durationStats(times)!;
        const atMost = (limit: number): number => times.filter((time) => time <= limit).length;
        expect(n).toBe(times.length);
        expect(times).toEqual(expect.arrayContaining([p50Ms, p90Ms]));
        expect(atMost(p50Ms)).toBeGreaterThanOrEqual(times.length * 0.5);
        expect(atMost(p90Ms)).toBeGreaterThanOrEqual(times.length * 0.9);
        expect(p90Ms).toBeGreaterThanOrEqual(p50Ms);
      }),
    );
    expect(durationStats([])).toBeUndefined();
  });
});

describe('estimateLeftMs', () => {
  const step = (id: string): { key: string; id: string; name: string; kind: string; sls: string } => ({
    ...{ key: id, id, name: id, kind: 'cmd.run', sls: 'orch' },
  });
  const started = (id: string, at: number): RunJournalEvent => ({
    ...{ type: 'step-started', run: 'R', at, step: id, attempt: 1, mode: 'run' },
  });
  const ended = (id: string, at: number): RunJournalEvent => ({
    ...{ type: 'step-ended', run: 'R', at, step: id, attempt: 1, mode: 'run', outcome: 'succeeded' },
    ...{ answer: { result: true, changes: {}, comment: '' }, startedAt: 0, durationMs: at },
  });
  const planned: RunJournalEvent = {
    ...{ type: 'run-planned', run: 'R', at: 0, name: 'deploy', by: 'ana', inputs: {}, plan: null },
    steps: [step('short'), step('long')],
  };
  const usual: OrchestrationDurations = {
    name: 'deploy',
    run: { n: 9, p50Ms: 100_000, p90Ms: 120_000 },
    steps: [
      { id: 'short', n: 9, p50Ms: 20_000, p90Ms: 30_000 },
      { id: 'long', n: 9, p50Ms: 80_000, p90Ms: 90_000 },
    ],
  };
  const left = (events: readonly RunJournalEvent[], now: number, durations = usual): number | undefined =>
    estimateLeftMs(events.reduce(foldRun, unknownRun('R')), durations, now);

  it('grows smaller with each step that ends and with the time spent in the one that runs', () => {
    const run = [planned, started('short', 0)];
    expect(left(run, 0)).toBe(100_000);
    expect(left(run, 10_000)).toBe(90_000);
    // The step takes longer than it should: what is behind it is still to do.
    expect(left(run, 60_000)).toBe(80_000);
    const after = [...run, ended('short', 60_000), started('long', 60_000)];
    expect(left(after, 60_000)).toBe(80_000);
    expect(left(after, 300_000)).toBe(0);
  });

  it('goes by the time since the beginning where no step is known', () => {
    expect(left([planned, started('short', 0)], 30_000, { ...usual, steps: [] })).toBe(70_000);
  });

  it('is not there before the first step, for a run that waits, and without earlier runs', () => {
    const paused: RunJournalEvent = { type: 'run-paused', run: 'R', at: 5, by: 'ana' };
    expect(left([planned], 0)).toBeUndefined();
    expect(left([planned, started('short', 0), paused], 9)).toBeUndefined();
    expect(left([planned, started('short', 0)], 9, { name: 'deploy', steps: [] })).toBeUndefined();
  });
});

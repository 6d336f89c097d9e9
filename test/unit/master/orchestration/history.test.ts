import { createMemoryJournal } from '@edge-run/master/journal';
import { RunDurations, RunHistory } from '@edge-run/master/orchestration';
import { silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { RunJournalEvent, RunSummary } from '@edge-run/shared/protocol';
import { type RunView, unknownRun } from '@edge-run/shared/view';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../../support/processes.ts';

type Planned = Extract<RunJournalEvent, { type: 'run-planned' }>;

const planned = (run: string, at: number, more: Partial<Planned> = {}): RunJournalEvent => ({
  ...{ type: 'run-planned', run, at, name: 'orch.deploy', by: 'ana', inputs: {}, plan: null },
  steps: ['build', 'web'].map((id) => ({ key: id, id, name: id, kind: 'salt.state', sls: 'orch.deploy' })),
  ...more,
});

const step = (run: string, id: string, at: number, tookMs: number): RunJournalEvent[] => [
  { type: 'step-started', run, at, step: id, attempt: 1, mode: 'run' },
  {
    ...{ type: 'step-ended', run, at: at + tookMs, step: id, attempt: 1, mode: 'run', outcome: 'succeeded' },
    ...{ answer: { result: true, changes: {}, comment: '' }, startedAt: at, durationMs: tookMs },
  },
];

const whole = (run: string, at: number, tookMs: number, more: Partial<Planned> = {}): RunJournalEvent[] => [
  planned(run, at, more),
  ...step(run, 'build', at + 1, tookMs),
  { type: 'run-ended', run, at: at + 1 + tookMs, outcome: 'succeeded', exitCode: 0 },
];

let history: RunHistory;
let stop: AbortController;
let journal: ReturnType<typeof createMemoryJournal<RunJournalEvent>>;
let following: Promise<void>;

beforeEach(() => {
  history = new RunHistory();
  stop = new AbortController();
  journal = createMemoryJournal<RunJournalEvent>();
  following = history.follow(journal, stop.signal, { log: silentLogger, clock: systemClock });
});
afterEach(async () => {
  stop.abort();
  await following;
});

/** Appends to runs that are new, and answers the list once it has all of them. */
async function listOf(
  runs: readonly (readonly RunJournalEvent[])[],
  owned: string[] = [],
): Promise<readonly RunSummary[]> {
  for (const events of runs) await journal.append(events[0]!.run, 0, events);
  await eventually(async () => history.list(() => false).length === runs.length, 'the history has every run');
  return history.list((run) => owned.includes(run));
}

describe('RunHistory', () => {
  it('calls a run orphaned that nobody drives, but not one that waits', async () => {
    const approvals = { count: 1, expiresMs: 60_000, self: true };
    const options = { locks: [], onFailure: 'continue', onTargetFailure: 'stop', approvals } as Planned['options'];
    const runs = await listOf(
      [
        [planned('LOST', 1)],
        [planned('DRIVEN', 2)],
        [planned('PAUSED', 3), { type: 'run-paused', run: 'PAUSED', at: 4, by: 'bob', reason: 'lunch' }],
        [planned('APPROVAL', 5, { options, digest: 'sha256:0123456789' })],
        [
          planned('UNDOING', 6),
          { type: 'run-rolling-back', run: 'UNDOING', at: 7, rollback: 'R', reason: 'web', steps: ['build'] },
        ],
      ],
      ['DRIVEN'],
    );
    expect(runs.map(({ run, state, waitsFor }) => [run, state, waitsFor])).toEqual([
      ['UNDOING', 'orphaned', undefined],
      ['APPROVAL', 'awaiting-approval', '0 of 1 approvals of plan 01234567…; expires 1970-01-01T00:01:00Z'],
      ['PAUSED', 'paused', 'paused by bob 1970-01-01T00:00:00Z: lunch'],
      ['DRIVEN', 'running', undefined],
      ['LOST', 'orphaned', undefined],
    ]);
  });

  it('tells who holds a lock, since when and at what, from the run that has it', async () => {
    const holders = [{ lock: 'env/prod', run: 'FIRST', name: 'orch.deploy', by: 'ana' }];
    const [second] = await listOf([
      [
        planned('FIRST', 1),
        { type: 'run-locked', run: 'FIRST', at: 2000, locks: ['env/prod'] },
        step('FIRST', 'web', 3000, 1)[0]!,
      ],
      [planned('SECOND', 5), { type: 'run-queued', run: 'SECOND', at: 6, locks: ['env/prod'], position: 1, holders }],
    ]);
    expect(second).toMatchObject({
      state: 'queued',
      waitsFor:
        'position 1 for lock env/prod held by run FIRST orch.deploy (by ana) since 1970-01-01T00:00:02Z, at step web',
    });
  });

  it('takes the durations of runs that succeeded undisturbed, and of steps that did', async () => {
    await listOf([
      whole('A', 1, 100),
      whole('B', 2, 300),
      whole('C', 3, 200),
      whole('LOOKED', 4, 9_000, { inputs: { test: true } }),
      whole('UNDID', 5, 9_000, { rollbackOf: 'A' }),
      whole('AGAIN', 6, 400, { kept: [{ step: 'web', answer: { result: true, changes: {}, comment: '' } }] }),
    ]);
    expect(history.durations.list('deploy')).toEqual([
      {
        name: 'orch.deploy',
        run: { n: 3, p50Ms: 200, p90Ms: 300 },
        steps: [{ id: 'build', n: 4, p50Ms: 200, p90Ms: 400 }],
      },
    ]);
    expect(history.durations.list('other')).toEqual([]);
  });
});

describe('RunDurations', () => {
  const ended = (name: string, tookMs: number, ids: readonly string[]): RunView => {
    const known = ids.map((id) => ({ key: id, id, name: id, kind: 'cmd.run', sls: 'orch', modes: [], hosts: {} }));
    const steps = known.map((step) => ({ ...step, status: 'succeeded' as const, attempt: 1, durationMs: tookMs }));
    const times = { startedAt: 0, begunAt: 0, endedAt: tookMs };
    return { ...unknownRun(name), name, steps, ...times, status: 'succeeded', outcome: 'succeeded' };
  };

  it('keep the last hundred times of each thing', () => {
    const durations = new RunDurations();
    for (let tookMs = 0; tookMs < 150; tookMs += 1) durations.take(ended('deploy', tookMs, ['build']));
    const stats = { n: 100, p50Ms: 99, p90Ms: 139 };
    expect(durations.list()).toEqual([{ name: 'deploy', run: stats, steps: [{ id: 'build', ...stats }] }]);
  });

  it('forget what has not run for longest, once there are too many things', () => {
    const durations = new RunDurations();
    const wide = Array.from({ length: 7_000 }, (_, index) => `s${index}`);
    for (const name of ['x', 'y', 'x', 'z']) durations.take(ended(name, 1, wide));
    expect(durations.list().map(({ name }) => name)).toEqual(['z', 'x']);
  });
});

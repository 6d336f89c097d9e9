import { createMemoryJournal } from '@edge-run/master/journal';
import { RunHistory } from '@edge-run/master/orchestration';
import { silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { RunJournalEvent, RunSummary } from '@edge-run/shared/protocol';
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

  it('keeps the last hundred times of each thing, and forgets what has not run for longest', async () => {
    for (let run = 0; run < 150; run += 1) {
      await journal.append(`R${run}`, 0, whole(`R${run}`, run, run));
    }
    const wide = Array.from({ length: 7_000 }, (_, index) => `s${index}`);
    for (const name of ['x', 'y', 'z']) {
      const steps = wide.map((id) => ({ key: id, id, name: id, kind: 'salt.state', sls: 'orch' }));
      const events = wide.map((id) => step(name, id, 1, 1)[1]!);
      const end: RunJournalEvent = { type: 'run-ended', run: name, at: 9, outcome: 'failed', exitCode: 1 };
      await journal.append(name, 0, [planned(name, 1, { name, steps }), ...events, end]);
      if (name === 'x') {
        await eventually(async () => history.durations.list('x').length === 1, 'x has been taken');
        expect(history.durations.list('deploy')[0]).toMatchObject({ run: { n: 100, p50Ms: 99, p90Ms: 139 } });
      }
    }
    await eventually(async () => history.durations.list('z').length === 1, 'z has been taken');
    expect(history.durations.list().map(({ name }) => name)).toEqual(['z', 'y']);
  });
});

import type { RunJournalEvent, StepProgress } from '@edge-run/shared/protocol';
import { countRun, foldRun, type RunView, runWaits, unknownRun } from '@edge-run/shared/view';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

type Event = RunJournalEvent | StepProgress;

const RUN = '01K9A2C';
const STEPS = ['build', 'web', 'smoke'];
const base = (at: number): { run: string; at: number } => ({ run: RUN, at });

const planned: Event = {
  ...base(1),
  type: 'run-planned',
  name: 'deploy-environment',
  by: 'user:deploy',
  inputs: { pillarenv: 'prod' },
  steps: STEPS.map((id) => ({ key: `key-${id}`, id, name: id, kind: 'salt.state', sls: 'orch.deploy' })),
  plan: null,
};

/** A whole journal in order, with progress between: what a real run may look like. */
const journal: fc.Arbitrary<Event[]> = fc
  .array(
    fc.record({
      step: fc.constantFrom(...STEPS),
      attempts: fc.integer({ min: 1, max: 2 }),
      hosts: fc.uniqueArray(fc.constantFrom('web1', 'web2', 'web3'), { maxLength: 3 }),
      outcome: fc.constantFrom('succeeded' as const, 'failed' as const, 'no-return' as const),
      mode: fc.constantFrom('run', 'watch'),
      gap: fc.integer({ min: 0, max: 2 }),
    }),
    { maxLength: 3 },
  )
  .chain((plan) => fc.tuple(fc.constant(plan), fc.boolean()))
  .map(([plan, ended]) => {
    const events: Event[] = [planned, { ...base(2), type: 'run-adopted', master: 'master-1' }];
    let at = 3;
    const done = new Set<string>();
    for (const { step, attempts, hosts, outcome, mode, gap } of plan) {
      if (done.has(step)) continue;
      done.add(step);
      for (let attempt = 1; attempt <= attempts; attempt += 1) {
        const startedAt = at;
        events.push({ ...base(at), type: 'step-started', step: `key-${step}`, attempt, mode });
        for (const host of hosts) {
          at += gap;
          events.push({
            ...base(at),
            type: 'step-progress',
            step: `key-${step}`,
            host,
            phase: 'health',
            detail: `${at}`,
          });
        }
        at += 1;
        events.push({
          ...base(at),
          type: 'step-ended',
          mode: 'run',
          step: `key-${step}`,
          attempt,
          outcome,
          answer: {
            result: outcome === 'succeeded',
            changes: {},
            comment: outcome,
            hosts: Object.fromEntries(hosts.map((host) => [host, { outcome }])),
          },
          startedAt,
          durationMs: at - startedAt,
        });
        at += 1;
      }
    }
    if (ended) events.push({ ...base(at), type: 'run-ended', outcome: 'succeeded', exitCode: 0 });
    return events;
  })
  .chain((events) => fc.tuple(fc.constant(events), fc.array(between, { maxLength: 6 })))
  .map(([events, gates]) => withGates(events, gates));

/** What people, locks and rollbacks do to a run, put in between what its steps do. */
const between = fc.record({
  after: fc.nat(),
  step: fc.constantFrom(...STEPS),
  what: fc.constantFrom('lock', 'approve', 'pause', 'ask', 'drop', 'undo', 'abort', 'move'),
  /** Whether what was begun is also brought to its end. */
  whole: fc.boolean(),
});

function withGates(
  events: readonly Event[],
  gates: readonly (typeof between extends fc.Arbitrary<infer G> ? G : never)[],
): Event[] {
  // Room for a gate of its own instants behind every event.
  const spread = events.map((event) => ({ ...event, at: event.at * 100 }));
  const used = new Set<number>();
  for (const { after } of gates) {
    const index = 1 + (after % (events.length - 1));
    if (used.has(index) || spread[index - 1]!.type === 'run-ended') continue;
    used.add(index);
  }
  return spread.flatMap((event, index) => {
    const gate = used.has(index + 1)
      ? gates.find(({ after }) => 1 + (after % (events.length - 1)) === index + 1)
      : undefined;
    return gate === undefined ? [event] : [event, ...gateEvents(event.at + 1, gate.step, gate.what, gate.whole)];
  });
}

function gateEvents(at: number, id: string, what: string, whole: boolean): Event[] {
  const step = `key-${id}`;
  const answer = { result: false, changes: {}, comment: 'health', hosts: { web1: { outcome: 'failed' as const } } };
  const pair = (first: Event, second: Event): Event[] => (whole ? [first, second] : [first]);
  const holders = [{ lock: 'env/prod', run: 'OTHER', name: 'deploy', by: 'ana' }];
  switch (what) {
    case 'lock':
      return pair(
        { ...base(at), type: 'run-queued', locks: ['env/prod'], position: 2, holders },
        { ...base(at), type: 'run-locked', locks: ['env/prod'] },
      );
    case 'approve':
      return pair(
        { ...base(at), type: 'run-approved', by: 'ana', digest: 'sha256:aa' },
        { ...base(at + 1), type: 'run-rejected', by: 'bob', comment: 'not today' },
      );
    case 'pause':
      return pair(
        { ...base(at), type: 'run-paused', by: 'ana', reason: 'lunch' },
        { ...base(at), type: 'run-resumed', by: 'bob' },
      );
    case 'ask':
      return pair(
        { ...base(at), type: 'run-asked', step, mode: 'run', attempt: 3, answer, startedAt: at, durationMs: 1 },
        { ...base(at), type: 'run-answered', step, choice: 'skip', by: 'ana' },
      );
    case 'drop':
      return [{ ...base(at), type: 'hosts-dropped', step, hosts: ['web1'] }];
    case 'undo':
      return pair(
        { ...base(at), type: 'run-rolling-back', rollback: `R${at}`, reason: 'web failed', steps: [step] },
        { ...base(at), type: 'run-rolled-back', rollback: `R${at}`, outcome: 'succeeded', steps: [step] },
      );
    case 'abort':
      return [
        { ...base(at), type: 'run-aborting', by: 'ana', reason: 'enough', outcome: 'cancelled', rollback: false },
      ];
    default:
      return [{ ...base(at), type: 'run-moved', moved: [{ what: 'states', was: 'a', is: 'b' }] }];
  }
}

const fold = (events: readonly Event[], from: RunView = unknownRun(RUN)): RunView => events.reduce(foldRun, from);

describe('foldRun', () => {
  it('changes nothing when an event comes again', () => {
    fc.assert(
      fc.property(journal, fc.nat(), (events, pick) => {
        const view = fold(events);
        expect(foldRun(view, events[pick % events.length]!)).toBe(view);
      }),
    );
  });

  it('gives the same view when live events overlap the snapshot', () => {
    fc.assert(
      fc.property(journal, fc.nat(), fc.nat(), (events, a, b) => {
        const [from, to] = [Math.min(a, b) % events.length, Math.max(a, b) % (events.length + 1)];
        const snapshot = events.slice(0, to);
        expect(fold(events.slice(Math.min(from, to)), fold(snapshot))).toEqual(fold(events));
      }),
    );
  });

  it('keeps every step of the plan, in order, with counts that add up', () => {
    fc.assert(
      fc.property(journal, (events) => {
        const view = fold(events);
        expect(view.steps.map((step) => step.id)).toEqual(STEPS);
        const { steps } = countRun(view);
        const waiting = view.steps.filter((step) => step.status === 'waiting').length;
        expect(steps.ended + steps.running + waiting).toBe(steps.total);
      }),
    );
  });

  it('shows a step of the first attempt as running again once the second began', () => {
    const failed: Event = {
      ...base(5),
      type: 'step-ended',
      mode: 'run',
      step: 'key-web',
      attempt: 1,
      outcome: 'failed',
      answer: { result: false, changes: {}, comment: 'health gate', hosts: { web1: { outcome: 'failed' } } },
      startedAt: 3,
      durationMs: 2,
    };
    const view = fold([
      planned,
      { ...base(3), type: 'step-started', step: 'key-web', attempt: 1, mode: 'run' },
      failed,
      { ...base(6), type: 'step-started', step: 'key-web', attempt: 2, mode: 'run' },
      failed,
    ]);
    expect(view.steps[1]).toMatchObject({ status: 'running', attempt: 2, hosts: {} });
    expect(view.steps[1]).not.toHaveProperty('endedAt');
  });

  it('takes events of a run whose plan comes later', () => {
    const view = fold([{ ...base(4), type: 'step-started', step: 'key-web', attempt: 1, mode: 'run' }, planned]);
    expect(view.status).toBe('running');
    expect(view.steps.map((step) => [step.id, step.status])).toEqual([
      ['build', 'waiting'],
      ['web', 'running'],
      ['smoke', 'waiting'],
    ]);
  });

  const options = {
    locks: ['env/prod'],
    onFailure: 'ask' as const,
    onTargetFailure: 'stop' as const,
    approvals: { count: 2, expiresMs: 3_600_000, self: false },
  };
  const digest = 'sha256:4be1c07a99';
  const careful: Event = { ...planned, options, digest } as Event;
  const approved = (at: number, by: string, of = digest): Event => ({
    ...base(at),
    type: 'run-approved',
    by,
    digest: of,
  });
  const when = (at: number): string => `@${at}`;
  const waits = (view: RunView): string[] => runWaits(view, { when }).map(({ text }) => text);

  it('waits for approvals of the plan as it is, from different people, until enough have come', () => {
    const one = fold([careful, approved(2, 'ana'), approved(3, 'ana'), approved(4, 'bob', 'sha256:other')]);
    expect(one.status).toBe('awaiting-approval');
    expect(waits(one)).toEqual(['1 of 2 approvals (ana) of plan 4be1c07a…, not by user:deploy; expires @3600001']);
    expect(runWaits(one, { when })[0]!.commands).toEqual(['edge-run approve 01K9A2C', 'edge-run reject 01K9A2C']);
    expect(fold([approved(5, 'bob')], one).status).toBe('running');
  });

  it('says who holds the lock, since when and at what, and the place in line', () => {
    const queued: Event = {
      ...base(5),
      type: 'run-queued',
      locks: ['env/prod', 'lb/web'],
      position: 2,
      holders: [{ lock: 'env/prod', run: 'OTHER', name: 'deploy', by: 'ana' }],
    };
    const view = fold([planned, queued, { ...queued, at: 9, position: 1 } as Event]);
    const other = [
      { ...planned, run: 'OTHER' },
      { run: 'OTHER', at: 3, type: 'run-locked', locks: ['env/prod'] },
      { run: 'OTHER', at: 4, type: 'step-started', step: 'key-web', attempt: 1, mode: 'run' },
    ] as Event[];
    expect(view.status).toBe('queued');
    expect(view.lock).toMatchObject({ since: 5, at: 9, position: 1 });
    expect(runWaits(view, { when, related: () => fold(other, unknownRun('OTHER')) })[0]!.text).toBe(
      'position 1 for lock env/prod held by run OTHER deploy (by ana) since @3, at step web; lock lb/web',
    );
    expect(fold([{ ...base(10), type: 'run-locked', locks: ['env/prod'] }], view).status).toBe('running');
  });

  it('asks about a failed step until somebody answers, and shows what is known of it meanwhile', () => {
    const answer = {
      result: false,
      changes: {},
      comment: '503, 3 of 3',
      hosts: { web1: { outcome: 'failed' as const } },
    };
    const started: Event = { ...base(3), type: 'step-started', step: 'key-web', attempt: 1, mode: 'run' };
    const asked: Event = {
      ...base(6),
      type: 'run-asked',
      ...{ step: 'key-web', mode: 'run', attempt: 1, answer, startedAt: 3, durationMs: 3 },
    };
    const view = fold([planned, started, asked]);
    expect(view.status).toBe('asking');
    expect(view.steps[1]).toMatchObject({ status: 'running', hosts: { web1: { outcome: 'failed' } } });
    expect(waits(view)).toEqual(['step web failed: 503, 3 of 3; what now?']);
    const answered = fold([{ ...base(7), type: 'run-answered', step: 'key-web', choice: 'retry', by: 'ana' }], view);
    expect(answered.status).toBe('running');
    expect(fold([asked], answered)).toBe(answered);
  });

  it('shows steps that were undone, the failed one as failed, and where to look for the rollback', () => {
    const ended = (id: string, at: number, outcome: 'succeeded' | 'failed'): Event => ({
      ...base(at),
      type: 'step-ended',
      ...{ mode: 'run', step: `key-${id}`, attempt: 1, outcome, startedAt: at, durationMs: 0 },
      answer: { result: outcome === 'succeeded', changes: {}, comment: '' },
    });
    const steps = ['key-build', 'key-web'];
    const undoing = fold([
      planned,
      ended('build', 3, 'succeeded'),
      ended('web', 4, 'failed'),
      { ...base(5), type: 'run-rolling-back', rollback: 'UNDO', reason: 'web failed', steps },
    ]);
    expect(undoing.status).toBe('rolling-back');
    const undone = fold(
      [{ ...base(9), type: 'run-rolled-back', rollback: 'UNDO', outcome: 'succeeded', steps }],
      undoing,
    );
    expect(undone.rollback).toMatchObject({ run: 'UNDO', reason: 'web failed', outcome: 'succeeded', endedAt: 9 });
    expect(undone.steps.map(({ status }) => status)).toEqual(['rolled-back', 'failed', 'waiting']);
    expect(countRun(undone).steps.failed).toBe(1);
    expect(fold([{ ...base(9), type: 'run-ended', outcome: 'rolled-back', exitCode: 5 }], undone).status).toBe(
      'rolled-back',
    );
  });

  it('has steps an earlier run has done ended from the beginning', () => {
    const answer = { result: true, changes: {}, comment: 'built' };
    const view = fold([
      {
        ...planned,
        retryOf: 'FIRST',
        kept: [{ step: 'key-build', answer }],
        onlyHosts: { 'key-web': ['web3'] },
      } as Event,
    ]);
    expect(view.retryOf).toBe('FIRST');
    expect(view.steps[0]).toMatchObject({ status: 'succeeded', kept: true, comment: 'built', attempt: 0 });
    expect(view.steps[1]).toMatchObject({ status: 'waiting', onlyHosts: ['web3'] });
    expect(countRun(view).steps).toMatchObject({ ended: 1, total: 3 });
  });
});

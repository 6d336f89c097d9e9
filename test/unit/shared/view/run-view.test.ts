import type { RunJournalEvent, StepProgress } from '@edge-run/shared/protocol';
import { countRun, foldRun, type RunView, unknownRun } from '@edge-run/shared/view';
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
  });

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
});

import { createMemoryJournal, type Journal } from '@edge-run/master/journal';
import { soleLease } from '@edge-run/master/leases';
import { type CompiledOrchestration, RunPreviews, type RunService } from '@edge-run/master/orchestration';
import { forecastRun } from '@edge-run/master/orchestration/internal';
import { silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { RunJournalEvent, StepForecast } from '@edge-run/shared/protocol';
import { buildGraph } from '@edge-run/shared/state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Execution, master, planOf } from '../../../support/nop-runs.ts';
import { aloneMaster } from '../../../support/run-service.ts';

const FOREVER = new AbortController().signal;
const KINDS = ['require', 'onchanges', 'onfail', 'prereq', 'listen'] as const;

/** Plans with requisites of every kind, on earlier steps. */
const mixedPlans = fc
  .array(
    fc.record({
      needs: fc.array(fc.nat(20), { maxLength: 3 }),
      parallel: fc.boolean(),
      kind: fc.constantFrom(...KINDS),
    }),
    { minLength: 1, maxLength: 7 },
  )
  .map((steps) =>
    steps.map((step, index) => ({ ...step, needs: [...new Set(step.needs.filter((need) => need < index))] })),
  )
  // What is to be done before an earlier step may close a circle; such a plan is never started.
  .filter((steps) => buildGraph(planOf(steps).stored.plan).cycles.length === 0);

/** What a master would say of runs in this journal. */
function previewsOf(journal: Journal<RunJournalEvent>, compiled: CompiledOrchestration): RunPreviews {
  const runs = master(journal, compiled, [], new Set());
  return new RunPreviews({
    ...{ ...aloneMaster('m', systemClock), runs, lease: soleLease('m'), log: silentLogger },
    compile: async () => compiled,
  });
}

const idsOf = (steps: readonly StepForecast[], ...whats: readonly StepForecast['what'][]): readonly string[] =>
  steps.flatMap(({ what, key }) => (whats.includes(what) ? [key] : [])).toSorted();

const doneIn = (executions: readonly Execution[]): readonly string[] =>
  [...new Set(executions.filter(({ mode, ended }) => ended && mode !== 'foresee').map(({ step }) => step))].toSorted();

/** A run some of whose steps failed, whose master died at an append or lived. */
async function leftBehind(
  compiled: CompiledOrchestration,
  broken: number,
  dies: { readonly append: number; readonly stored: boolean } | undefined,
): Promise<Journal<RunJournalEvent>> {
  const journal = createMemoryJournal<RunJournalEvent>();
  const failing = new Set(compiled.stored.plan.chunks.filter((_, index) => index === broken).map(({ key }) => key));
  const first = master(journal, compiled, [], failing, dies);
  const started = await first.start({ name: 'x', by: 'test', id: 'r' }).catch(() => undefined);
  if (started !== undefined) await first.wait('r', FOREVER).catch(() => undefined);
  return journal;
}

describe('a preview', () => {
  it('of resuming names the steps that are done then, and no other, wherever the master was killed', async () => {
    await fc.assert(
      fc.asyncProperty(mixedPlans, fc.nat(12), fc.boolean(), fc.nat(9), async (steps, append, stored, broken) => {
        const compiled = planOf(steps);
        const journal = await leftBehind(compiled, broken, { append: append + 1, stored });
        const executions: Execution[] = [];
        const second = master(journal, compiled, executions, new Set());
        const record = await second.find('r');
        if (record === undefined || record.end !== undefined) return;
        const before = (await journal.read('r')).length;
        const preview = await previewsOf(journal, compiled).resume('r');
        expect((await journal.read('r')).length).toBe(before);
        await second.takeUp();
        await second.wait('r', FOREVER);
        expect(doneIn(executions)).toEqual(idsOf(preview.steps, 'run', 'verify'));
      }),
      { numRuns: 200 },
    );
  });

  it('of a retry names the steps that are done then, and no other', async () => {
    await fc.assert(
      fc.asyncProperty(
        mixedPlans,
        fc.nat(6),
        fc.option(fc.nat(6), { nil: undefined }),
        fc.option(fc.nat(6), { nil: undefined }),
        async (steps, broken, from, skip) => {
          const compiled = planOf(steps);
          const journal = await leftBehind(compiled, broken, undefined);
          const idOf = (index: number | undefined): string | undefined =>
            index === undefined ? undefined : `s${Math.min(index, steps.length - 1)}`;
          const skipped = idOf(skip);
          const wishes = { from: idOf(from), ...(skipped === undefined ? {} : { skip: [skipped] }) };
          const preview = await previewsOf(journal, compiled).retry('r', { ...wishes, by: 'ana' });
          const executions: Execution[] = [];
          const second: RunService = master(journal, compiled, executions, new Set());
          await second.wait(await second.retry('r', 'ana', wishes), FOREVER);
          expect(doneIn(executions)).toEqual(idsOf(preview.steps, 'run', 'verify'));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('says of each step why', async () => {
    const compiled = planOf([
      { needs: [], parallel: false },
      { needs: [], parallel: false },
      { needs: [1], parallel: false },
      { needs: [0], parallel: false, kind: 'onfail' },
      { needs: [], parallel: false },
    ]);
    const journal = await leftBehind(compiled, 1, undefined);
    const preview = await previewsOf(journal, compiled).retry('r', { by: 'ana', skip: ['s4'] });
    expect(preview.steps.map(({ id, what, why }) => [id, what, why])).toEqual([
      ['s0', 'keep', 'succeeded'],
      ['s1', 'run', 'failed'],
      ['s2', 'run', 'was not run'],
      ['s3', 'skip', 'State was not run because onfail req did not change'],
      ['s4', 'keep', 'counts as done, because somebody says so'],
    ]);
  });

  it.each([
    ['reattach', 'verify', /asked/],
    ['rerun', 'run', /done again/],
    ['ask', 'ask', /a person/],
  ] as const)('of a step that was running and is to %s: %s', async (fate, what, why) => {
    const compiled = planOf([
      { needs: [], parallel: false },
      { needs: [0], parallel: false },
    ]);
    // The third append would hold the end of the first step.
    const journal = await leftBehind(compiled, 9, { append: 3, stored: false });
    const record = (await master(journal, compiled, [], new Set()).find('r'))!;
    const parts = { afterCrash: () => fate, drivenBy: undefined };
    expect(forecastRun(record, parts)).toMatchObject([
      { id: 's0', what, why: expect.stringMatching(why) },
      { id: 's1', what: 'run', why: 'not started' },
    ]);
    expect(forecastRun(record, { ...parts, drivenBy: 'm2' })[0]).toMatchObject({
      what: 'run',
      why: 'is running on m2',
    });
  });
});

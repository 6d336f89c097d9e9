import { createMemoryJournal, type Journal } from '@edge-run/master/journal';
import { type CompiledOrchestration, RELEASED, RunCommands, RunService } from '@edge-run/master/orchestration';
import { silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { resultsOf } from '@edge-run/shared/state';
import { PyMap } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Execution, master, planOf, plans } from '../../../support/nop-runs.ts';
import { aloneMaster } from '../../../support/run-service.ts';

function undoKey(key: string): string {
  return `undo ${key}`;
}

/** The same with a step that undoes each but the last, and a run that is to be undone when it fails. */
function withUndo(compiled: CompiledOrchestration): CompiledOrchestration {
  const { chunks } = compiled.stored.plan;
  const undone = chunks.slice(0, -1);
  return {
    ...compiled,
    options: { ...compiled.options, onFailure: 'rollback' },
    stored: {
      ...compiled.stored,
      settings: Object.fromEntries(undone.map(({ key }) => [key, { undo: [undoKey(key)] }])),
      undo: { chunks: undone.map((chunk) => ({ ...chunk, key: undoKey(chunk.key) })) },
    },
  };
}

async function settled(journal: Journal<RunJournalEvent>, service: RunService, run: string): Promise<void> {
  await service.wait(run, new AbortController().signal).catch(() => undefined);
  expect(await journal.read(run)).not.toEqual([]);
}

describe('a run', () => {
  it('ends, and no journaled step runs again, wherever the master is killed', async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.nat(12), fc.boolean(), fc.nat(7), async (steps, append, stored, broken) => {
        const compiled = planOf(steps);
        const failing = new Set(
          compiled.stored.plan.chunks.filter((_, index) => index === broken).map(({ key }) => key),
        );
        const whole = createMemoryJournal<RunJournalEvent>();
        const undisturbed = master(whole, compiled, [], failing);
        const wanted = await undisturbed.wait(
          await undisturbed.start({ name: 'x', by: 'test', id: 'r' }),
          new AbortController().signal,
        );

        const journal = createMemoryJournal<RunJournalEvent>();
        const executions: Execution[] = [];
        const first = master(journal, compiled, executions, failing, { append: append + 1, stored });
        const started = await first.start({ name: 'x', by: 'test', id: 'r' }).catch(() => undefined);
        if (started !== undefined) await settled(journal, first, 'r');
        const before = (await journal.read('r')).flatMap(({ events }) => events);
        const done = new Set(
          before.filter(({ type }) => type === 'step-ended').map((event) => ('step' in event ? event.step : '')),
        );

        const again: Execution[] = [];
        const second = master(journal, compiled, again, failing);
        const taken = await second.takeUp();
        if (before.length === 0) {
          expect(taken).toEqual([]);
          return;
        }
        const record = await second.wait('r', new AbortController().signal);
        expect(again.filter(({ step }) => done.has(step))).toEqual([]);
        expect(record.end?.outcome).toBe(wanted.end?.outcome);
        const results = (state: typeof record.state) =>
          resultsOf(state)
            .map(({ step, answer }) => [step, answer.result])
            .sort();
        expect(results(record.state)).toEqual(results(wanted.state));
        expect(new Set(resultsOf(record.state).map(({ step }) => step)).size).toBe(steps.length);
      }),
      { numRuns: 150 },
    );
  });

  it('is undone as far as it went, wherever the master is killed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.nat(25), fc.boolean(), async (count, append, stored) => {
        const compiled = withUndo(
          planOf(
            Array.from({ length: count + 1 }, (_, index) => ({
              needs: index === 0 ? [] : [index - 1],
              parallel: false,
            })),
          ),
        );
        const keys = compiled.stored.plan.chunks.map(({ key }) => key);
        const failing = new Set([keys[count]!]);
        const journal = createMemoryJournal<RunJournalEvent>();
        const first = master(journal, compiled, [], failing, { append: append + 1, stored });
        const started = await first.start({ name: 'x', by: 'test', id: 'r' }).catch(() => undefined);
        if (started !== undefined) await settled(journal, first, 'r');
        if ((await journal.read('r')).length === 0) return;

        const second = master(journal, compiled, [], failing);
        await second.takeUp();
        const record = await second.wait('r', new AbortController().signal);
        expect(record.end).toMatchObject({ outcome: 'rolled-back', exitCode: 5 });
        expect(record.rolledBack?.steps).toEqual(keys.slice(0, count).reverse());
        const undone = (await journal.read('r-rollback')).flatMap(({ events }) => events);
        const ends = undone.flatMap((event) => (event.type === 'step-ended' ? [event.step] : []));
        expect(ends).toEqual(keys.slice(0, count).reverse().map(undoKey));
      }),
      { numRuns: 100 },
    );
  });

  it('is let go by a master that stops, and goes on with the next', async () => {
    const journal = createMemoryJournal<RunJournalEvent>();
    const compiled = planOf([
      { needs: [], parallel: false },
      { needs: [0], parallel: false },
    ]);
    const stuck = new RunService({
      journal,
      ...aloneMaster('m1', systemClock),
      log: silentLogger,
      compile: async () => compiled,
      executeStep: (_record, _action, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
    });
    await stuck.start({ name: 'x', by: 'test', id: 'r' });
    await stuck.stop();
    expect((await journal.read('r')).flatMap(({ events }) => events).some(({ type }) => type === 'run-ended')).toBe(
      false,
    );

    const next = master(journal, compiled, [], new Set());
    expect(await next.takeUp()).toEqual(['r']);
    expect((await next.wait('r', new AbortController().signal)).end?.outcome).toBe('succeeded');
    expect(RELEASED.code).toBe('EDGE_CANCELLED');
  });

  it('that another master takes up says which hosts have come and gone since it was planned', async () => {
    const journal = createMemoryJournal<RunJournalEvent>();
    const plan = planOf([{ needs: [], parallel: false }]);
    const [chunk] = plan.stored.plan.chunks;
    const aimed = { ...chunk!, args: new PyMap([['tgt', 'web*']]) };
    const compiled = { ...plan, stored: { ...plan.stored, plan: { chunks: [aimed] } } };
    const at = (...hosts: readonly string[]): RunService =>
      new RunService({
        ...{ journal, ...aloneMaster('m', systemClock), log: silentLogger, compile: async () => compiled },
        select: async () => hosts,
        executeStep: (_record, _action, signal) =>
          new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
      });
    const first = at('web1', 'web2');
    await first.start({ name: 'x', by: 'test', id: 'r' });
    await first.stop();
    const same = at('web2', 'web1');
    await same.takeUp();
    await same.stop();
    const second = at('web2', 'web3');
    await second.takeUp();
    await second.stop();
    const told = (await second.events('r')).filter(({ type }) => type === 'run-moved');
    expect(told).toMatchObject([
      { fleet: [{ target: 'web*', targetType: 'glob', steps: [aimed.key], came: ['web3'], gone: ['web1'] }] },
    ]);
  });

  it('asked for twice under one id is one run', async () => {
    const journal = createMemoryJournal<RunJournalEvent>();
    const executions: Execution[] = [];
    const service = master(journal, planOf([{ needs: [], parallel: false }]), executions, new Set());
    const request = { name: 'x', by: 'test', id: 'once' };
    expect(await Promise.all([service.start(request), service.start(request)])).toEqual(['once', 'once']);
    await service.wait('once', new AbortController().signal);
    expect(executions.filter(({ ended }) => ended)).toHaveLength(1);
  });

  it('that is cancelled ends as cancelled, and starts nothing more', async () => {
    const journal = createMemoryJournal<RunJournalEvent>();
    const started: string[] = [];
    const service = new RunService({
      journal,
      ...aloneMaster('m', systemClock),
      log: silentLogger,
      compile: async () =>
        planOf([
          { needs: [], parallel: false },
          { needs: [], parallel: false },
        ]),
      executeStep: (_record, { step }, signal) => {
        started.push(step);
        return new Promise((resolve) =>
          signal.addEventListener(
            'abort',
            () => resolve({ result: false, changes: new PyMap(), comment: 'cancelled' }),
            { once: true },
          ),
        );
      },
    });
    const run = await service.start({ name: 'x', by: 'test' });
    await new RunCommands(service, systemClock).abort(run, 'somebody', { rollback: false });
    const record = await service.wait(run, new AbortController().signal);
    expect(record.end).toMatchObject({ outcome: 'cancelled', exitCode: 130 });
    expect(started).toHaveLength(1);
  });
});

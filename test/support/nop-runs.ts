import type { Journal } from '@edge-run/master/journal';
import { type CompiledOrchestration, RunService, type StepAnswer } from '@edge-run/master/orchestration';
import { EdgeError, silentLogger, systemClock } from '@edge-run/shared/kernel';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import type { Chunk, Requisite, StepMode } from '@edge-run/shared/state';
import { PyMap } from '@edge-run/shared/values';
import fc from 'fast-check';
import { aloneMaster, plainOrchestration } from './run-service.ts';

/** A plan of steps that require the steps named, and may run beside others. */
export function planOf(
  steps: readonly {
    readonly needs: readonly number[];
    readonly parallel: boolean;
    readonly kind?: Requisite['kind'];
  }[],
): CompiledOrchestration {
  const keyOf = (index: number): string => `test_|-s${index}_|-s${index}_|-nop`;
  const chunks = steps.map(({ needs, parallel, kind = 'require' }, index): Chunk => {
    const requisites: Requisite[] = needs.length === 0 ? [] : [{ kind, quantifier: 'all', targets: needs.map(keyOf) }];
    return {
      key: keyOf(index),
      state: 'test',
      fun: 'nop',
      id: `s${index}`,
      name: `s${index}`,
      sls: 'orch.x',
      env: 'base',
      order: 10_000 + index,
      args: new PyMap(),
      low: new PyMap(),
      requisites,
      guards: {},
      options: { parallel },
    };
  });
  return plainOrchestration('orch.x', { chunks });
}

/** Plans whose steps require earlier ones. */
export const plans = fc
  .array(fc.record({ needs: fc.array(fc.nat(20), { maxLength: 3 }), parallel: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  })
  .map((steps) =>
    steps.map(({ needs, parallel }, index) => ({
      parallel,
      needs: [...new Set(needs.filter((need) => need < index))],
    })),
  );

/** A step that was begun, or has come to its end. */
export interface Execution {
  readonly step: string;
  /** `foresee`: only looked at, for a step that is done before it. */
  readonly mode: StepMode;
  readonly ended: boolean;
}

/** A master over a journal: it dies at an append, before or after that is stored. */
export function master(
  journal: Journal<RunJournalEvent>,
  compiled: CompiledOrchestration,
  executions: Execution[],
  failing: ReadonlySet<string>,
  dies?: { readonly append: number; readonly stored: boolean },
): RunService {
  let appends = 0;
  const dying: Journal<RunJournalEvent> = {
    ...journal,
    append: async (run, expected, events) => {
      appends += 1;
      if (dies === undefined || appends !== dies.append) return journal.append(run, expected, events);
      if (dies.stored) await journal.append(run, expected, events);
      throw new EdgeError('EDGE_INTERNAL', 'killed');
    },
  };
  return new RunService({
    journal: dying,
    ...aloneMaster('m', systemClock),
    log: silentLogger,
    compile: async () => compiled,
    executeStep: async (_record, { step, mode }, signal): Promise<StepAnswer> => {
      executions.push({ step, mode, ended: false });
      await new Promise((resolve) => setImmediate(resolve));
      if (!signal.aborted) executions.push({ step, mode, ended: true });
      return { result: !failing.has(step), changes: new PyMap([['changed', true]]), comment: '' };
    },
  });
}

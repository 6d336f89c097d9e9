import type { JsonValue } from '@edge-run/shared/kernel';
import type { StepSummary } from '@edge-run/shared/protocol';
import type { Chunk, StepKey } from '@edge-run/shared/state';
import { encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import type { RollbackEnd } from './driver-ports.ts';
import { registeredValues } from './registers.ts';
import type { RunRecord, StoredPlan } from './run-record.ts';
import { summaryOf } from './step-summary.ts';

/** The run that undoes steps of another. */
export interface RollbackPlan {
  readonly stored: StoredPlan;
  readonly steps: readonly StepSummary[];
  /** What the run has registered: its undo steps may use it. */
  readonly registered: Readonly<Record<string, JsonValue>>;
}

/**
 * Plans the undoing of `steps`, in the order given. One that fails does not keep the others from being undone. `nested`:
 * step → the run it started, where that has something to undo.
 */
export function rollbackPlan(
  record: RunRecord,
  steps: readonly StepKey[],
  nested: ReadonlyMap<StepKey, string>,
): RollbackPlan {
  const { settings, undo, pillar } = record.stored;
  const known = new Map(undo.chunks.map((chunk) => [chunk.key, chunk]));
  const chunks = steps
    .flatMap((step): readonly Chunk[] => {
      const run = nested.get(step);
      if (run !== undefined) return [nestedUndo(record, step, run)];
      return (settings[step]?.undo ?? []).map((key) => known.get(key)!);
    })
    .map((chunk, order): Chunk => ({ ...chunk, order, requisites: [], options: { parallel: false } }));
  const registered: Record<string, JsonValue> = {};
  for (const [name, value] of registeredValues({ ...record, settings })) registered[String(name)] = encodeValue(value);
  return {
    stored: { plan: { chunks }, settings: {}, undo: { chunks: [] }, pillar },
    steps: chunks.map((chunk) => summaryOf(chunk)),
    registered,
  };
}

/** The step that rolls back a nested run. */
function nestedUndo({ state }: RunRecord, step: StepKey, run: string): Chunk {
  const { chunk } = state.graph.nodes[state.graph.runNodes.get(step)!]!;
  const args = new PyMap([
    ['name', 'orch.rollback'],
    ['arg', [run]],
  ] as [Value, Value][]);
  const { stepWords: _words, ...plain } = chunk;
  return { ...plain, key: nestedKey(step), id: `undo ${chunk.id}`, name: 'orch.rollback', args, low: args, guards: {} };
}

function nestedKey(step: StepKey): StepKey {
  return `undo ${step}`;
}

/** Which steps are undone now that the run that was to undo them has ended. */
export function rollbackEnd(record: RunRecord, steps: readonly StepKey[], undone: RunRecord): RollbackEnd {
  const isDone = (key: StepKey): boolean => undone.answers.get(key)?.result === true;
  const done = steps.filter((step) => {
    const { undo } = record.stored.settings[step] ?? {};
    return undo === undefined ? isDone(nestedKey(step)) : undo.every(isDone);
  });
  return { outcome: undone.end?.outcome === 'succeeded' ? 'succeeded' : 'failed', steps: done };
}

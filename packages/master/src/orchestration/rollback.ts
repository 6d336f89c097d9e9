import type { JsonValue } from '@edge-run/shared/kernel';
import type { StepSummary } from '@edge-run/shared/protocol';
import type { Chunk, StepKey } from '@edge-run/shared/state';
import { encodeValue } from '@edge-run/shared/values';
import type { RollbackEnd } from './driver.ts';
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

/** Plans the undoing of `steps`, in the order given. One that fails does not keep the others from being undone. */
export function rollbackPlan(record: RunRecord, steps: readonly StepKey[]): RollbackPlan {
  const { settings, undo, pillar } = record.stored;
  const known = new Map(undo.chunks.map((chunk) => [chunk.key, chunk]));
  const chunks = steps
    .flatMap((step) => settings[step]?.undo ?? [])
    .map((key, order): Chunk => ({ ...known.get(key)!, order, requisites: [], options: { parallel: false } }));
  const registered: Record<string, JsonValue> = {};
  for (const [name, value] of registeredValues({ ...record, settings })) registered[String(name)] = encodeValue(value);
  return {
    stored: { plan: { chunks }, settings: {}, undo: { chunks: [] }, pillar },
    steps: chunks.map(summaryOf),
    registered,
  };
}

/** Which steps are undone now that the run that was to undo them has ended. */
export function rollbackEnd(record: RunRecord, steps: readonly StepKey[], undone: RunRecord): RollbackEnd {
  const done = steps.filter((step) =>
    (record.stored.settings[step]?.undo ?? []).every((key) => undone.answers.get(key)?.result === true),
  );
  return { outcome: undone.end?.outcome === 'succeeded' ? 'succeeded' : 'failed', steps: done };
}

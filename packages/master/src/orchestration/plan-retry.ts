import type { StepKey } from '@edge-run/shared/state';
import { selectionsOf } from './fleet.ts';
import { type Moved, type MovedParts, whatMoved } from './moved.ts';
import { bundleOf, type NewRun } from './new-run.ts';
import { type RetryWishes, retryPlan } from './retry.ts';
import type { RunRecord } from './run-record.ts';
import { type CompiledOrchestration, type RunRequest, requestToRepeat } from './run-request.ts';
import { summaryOf } from './step-summary.ts';

/** What of an ended run is to be done again, by whom, and whether by a plan that is made anew. */
export interface RetryRequest extends RetryWishes {
  readonly by: string;
  readonly current?: boolean | undefined;
}

/** What a retry is planned with. */
export interface RetryParts extends MovedParts {
  compile(request: RunRequest): Promise<CompiledOrchestration>;
}

/** A run that takes up an ended one, before it is started. */
export interface PlannedRetry {
  readonly planned: NewRun;
  /** Step → why it is kept, or done again. */
  readonly why: ReadonlyMap<StepKey, string>;
  readonly moved: Moved;
}

/**
 * The run that does what an ended one has not done. The plan is the one that was stored then, unless one is to be made of
 * today's files and pillar.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for steps it does not have; DiagnosticsError
 */
export async function planRetry(
  record: RunRecord,
  { by, current = false, ...wishes }: RetryRequest,
  parts: RetryParts,
): Promise<PlannedRetry> {
  const compiled = current ? await parts.compile({ ...requestToRepeat(record), by }) : record;
  const { name, options, stored, sources } = compiled;
  const { chunks } = stored.plan;
  const { kept, onlyHosts, why } = retryPlan(record, chunks, wishes);
  const moved = await whatMoved(record, parts);
  const fleet = current ? await selectionsOf(chunks, parts.select) : record.fleet;
  const planned: NewRun = {
    ...{ name, by, options, stored, retryOf: record.id, sources: { ...sources }, fleet: [...fleet] },
    ...bundleOf(compiled),
    inputs: { ...record.inputs } as NewRun['inputs'],
    steps: chunks.map((chunk) => summaryOf(chunk, stored)),
    kept: [...kept],
    onlyHosts: { ...onlyHosts },
  };
  // A plan made anew is made of what there is now; what is kept of the earlier run was done on the hosts of then.
  return { planned, why, moved: current ? { ...moved, inputs: [] } : moved };
}

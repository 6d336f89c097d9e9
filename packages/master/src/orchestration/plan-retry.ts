import { EdgeError } from '@edge-run/shared/kernel';
import type { StepKey } from '@edge-run/shared/state';
import type { PyMap } from '@edge-run/shared/values';
import { selectionsOf } from './fleet.ts';
import { type Moved, type MovedParts, whatMoved } from './moved.ts';
import { bundleOf, type NewRun } from './new-run.ts';
import { type RetryWishes, retryPlan } from './retry.ts';
import type { RunRecord } from './run-record.ts';
import { type CompiledOrchestration, inputsOf, type RunRequest, requestToRepeat } from './run-request.ts';
import { summaryOf } from './step-summary.ts';

/** What of an ended run is to be done again, by whom, and whether by a plan that is made anew. */
export interface RetryRequest extends RetryWishes {
  readonly by: string;
  readonly current?: boolean | undefined;
  /** Laid over what was laid over the pillar then, in a plan that is made anew. */
  readonly pillar?: PyMap | undefined;
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
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for steps it does not have, `EDGE_MISSING_ARGUMENT` for secrets of then that are
 * not given again; DiagnosticsError
 */
export async function planRetry(
  record: RunRecord,
  { by, current = false, pillar, ...wishes }: RetryRequest,
  parts: RetryParts,
): Promise<PlannedRetry> {
  if (pillar !== undefined && !current) {
    const hint = `Plan anew: edge-run orch retry ${record.id} --with-current pillar='{…}'`;
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'a stored plan has its pillar', { run: record.id }, { hint });
  }
  const compiled = current ? await parts.compile({ ...requestToRepeat(record, pillar), by }) : record;
  const { name, options, stored, sources } = compiled;
  const { chunks } = stored.plan;
  const { kept, onlyHosts, why } = retryPlan(record, chunks, wishes);
  const moved = await whatMoved(record, parts);
  const fleet = current ? await selectionsOf(chunks, parts.select) : record.fleet;
  const planned: NewRun = {
    ...{ name, by, options, stored, retryOf: record.id, sources: { ...sources }, fleet: [...fleet] },
    ...bundleOf(compiled),
    inputs: current
      ? inputsOf({ ...requestToRepeat(record, pillar), by }, stored.pillar)
      : ({ ...record.inputs } as NewRun['inputs']),
    steps: chunks.map((chunk) => summaryOf(chunk, stored)),
    kept: [...kept],
    onlyHosts: { ...onlyHosts },
  };
  // A plan made anew is made of what there is now; what is kept of the earlier run was done on the hosts of then.
  return { planned, why, moved: current ? { ...moved, inputs: [] } : moved };
}

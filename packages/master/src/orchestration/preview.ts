import type { RunPreview } from '@edge-run/shared/protocol';
import type { MasterLease } from '../leases/index.ts';
import { type ForecastParts, forecastRun } from './forecast.ts';
import { type Moved, whatMoved } from './moved.ts';
import { plannedEntry } from './new-run.ts';
import { planRetry, type RetryParts, type RetryRequest } from './plan-retry.ts';
import { foldRecord, type RunRecord } from './run-record.ts';
import type { RunService } from './runs.ts';

/** What previews are made with. */
export interface PreviewParts extends RetryParts {
  readonly runs: Pick<RunService, 'find' | 'unended' | 'ended' | 'driven' | 'lastEntry'>;
  readonly master: string;
  readonly lease: MasterLease;
  readonly afterCrash: ForecastParts['afterCrash'];
}

/** Says what resuming or retrying a run would do, and does nothing. */
export class RunPreviews {
  readonly #parts: PreviewParts;

  constructor(parts: PreviewParts) {
    this.#parts = parts;
  }

  /** What becomes of each step of a run that goes on. @throws EdgeError `EDGE_UNKNOWN_RUN`, `EDGE_RUN_ENDED` */
  async resume(id: string): Promise<RunPreview> {
    const { runs, afterCrash } = this.#parts;
    const record = await runs.unended(id);
    const drivenBy = await this.#driverOf(record);
    return {
      ...previewOf(record, await whatMoved(record, this.#parts)),
      ...(drivenBy === undefined ? {} : { drivenBy }),
      from: await runs.lastEntry(id),
      steps: [...forecastRun(record, { afterCrash, drivenBy })],
    };
  }

  /**
   * What becomes of each step of the run that would take up an ended one. @throws EdgeError `EDGE_UNKNOWN_RUN`,
   * `EDGE_BAD_ARGUMENT` as `RunService.retry`
   */
  async retry(id: string, request: RetryRequest): Promise<RunPreview> {
    const { runs, afterCrash, clock } = this.#parts;
    const before = await runs.ended(id);
    const { planned, why, moved } = await planRetry(before, request, this.#parts);
    const record = foldRecord([plannedEntry(id, planned, clock.now())])!;
    return {
      ...previewOf(record, moved),
      from: await runs.lastEntry(id),
      steps: [...forecastRun(record, { afterCrash, drivenBy: undefined, why })],
    };
  }

  async #driverOf({ id, master: owner }: RunRecord): Promise<string | undefined> {
    const { runs, lease, master } = this.#parts;
    if (runs.driven(id) !== undefined) return master;
    return owner !== undefined && owner !== master && (await lease.alive()).has(owner) ? owner : undefined;
  }
}

function previewOf(
  { id, name, sources, fleet }: RunRecord,
  { inputs, fleet: targets }: Moved,
): Pick<RunPreview, 'run' | 'name' | 'sources' | 'targets' | 'moved' | 'fleet'> {
  const hosts = new Set(fleet.flatMap((target) => target.hosts));
  return {
    ...{ run: id, name, sources: { ...sources }, targets: hosts.size },
    ...{ moved: [...inputs], fleet: [...targets] },
  };
}

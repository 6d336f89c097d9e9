import type { InstantMs } from '@edge-run/shared/kernel';
import type { StepSummary } from '@edge-run/shared/protocol';
import { type EntryOf, encodeStoredPlan, type StoredPlan } from './run-record.ts';
import { digestOf } from './sources.ts';

/** What a new run's first entry says beside the run, the time, and what can be worked out. */
export type NewRun = Omit<EntryOf<'run-planned'>, 'type' | 'run' | 'at' | 'plan' | 'steps' | 'digest'> & {
  readonly stored: StoredPlan;
  readonly steps: readonly StepSummary[];
};

/** The first entry of a run. */
export function plannedEntry(id: string, { stored, steps, ...run }: NewRun, at: InstantMs): EntryOf<'run-planned'> {
  const plan = encodeStoredPlan(stored);
  return { ...{ type: 'run-planned', run: id, at, ...run }, ...{ steps: [...steps], plan, digest: digestOf(plan) } };
}

/** The bundle of files a run stands on, as its first entry names it. */
export function bundleOf({ bundle }: { readonly bundle?: string | undefined }): Pick<NewRun, 'bundle'> {
  return bundle === undefined ? {} : { bundle };
}

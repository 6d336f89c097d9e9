import type { InstantMs } from '@edge-run/shared/kernel';
import type { StepSummary } from '@edge-run/shared/protocol';
import { secretsIn } from '@edge-run/shared/values';
import { withSecrets } from '../journal/index.ts';
import { type EntryOf, encodeStoredPlan, type StoredPlan } from './run-record.ts';
import { digestOf } from './sources.ts';

/** What a new run's first entry says beside the run, the time, and what can be worked out. */
export type NewRun = Omit<EntryOf<'run-planned'>, 'type' | 'run' | 'at' | 'plan' | 'steps' | 'digest'> & {
  readonly stored: StoredPlan;
  readonly steps: readonly StepSummary[];
};

/** The first entry of a run. */
export function plannedEntry(id: string, { stored, steps, ...run }: NewRun, at: InstantMs): EntryOf<'run-planned'> {
  const shown = encodeStoredPlan(stored);
  const holdsSecrets = secretsIn(stored.pillar).length > 0;
  const plan = holdsSecrets ? withSecrets(encodeStoredPlan(stored, { secrets: 'revealed' })) : shown;
  // Of the plan as it is shown: whoever has a digest shall not try what the secrets are.
  return { ...{ type: 'run-planned', run: id, at, ...run }, ...{ steps: [...steps], plan, digest: digestOf(shown) } };
}

/** The bundle of files a run stands on, as its first entry names it. */
export function bundleOf({ bundle }: { readonly bundle?: string | undefined }): Pick<NewRun, 'bundle'> {
  return bundle === undefined ? {} : { bundle };
}

import type { ExecutionModule, StateModule } from '@edge-run/shared/modules/contract';
import * as functions from '@edge-run/shared/modules/execution';
import * as states from '@edge-run/shared/modules/states';

/** The execution functions a masterless host of the conformance cases has, beside `state.*`. */
export const hostFunctions: readonly ExecutionModule[] = listsOf<ExecutionModule>(functions);

/** The states of such a host. */
export const hostStates: readonly StateModule[] = listsOf<StateModule>(states);

/** Everything the lists among a folder's exports hold. */
function listsOf<T>(exported: Readonly<Record<string, unknown>>): readonly T[] {
  return Object.values(exported).flatMap((value) => (Array.isArray(value) ? (value as T[]) : []));
}

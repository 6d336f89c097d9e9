import type { ExecutionModule, StateModule } from '@edge-run/shared/modules/contract';
import { cmdFunctions, fileFunctions, testFunctions } from '@edge-run/shared/modules/execution';
import { cmdStates, fileStates, testStates } from '@edge-run/shared/modules/states';

/** The execution functions a masterless host of the conformance cases has, beside `state.*`. */
export const hostFunctions: readonly ExecutionModule[] = [...testFunctions, ...cmdFunctions, ...fileFunctions];

/** The states of such a host. */
export const hostStates: readonly StateModule[] = [...testStates, ...cmdStates, ...fileStates];

import type { StepKind } from '../step-kind.ts';
import { lbDrain, lbEnable } from './lb.ts';
import { saltFunction } from './salt-function.ts';
import { saltRunner } from './salt-runner.ts';
import { saltState } from './salt-state.ts';
import { saltWaitForEvent } from './salt-wait-for-event.ts';

/** Every kind of step that is not an ordinary state on the master itself. */
export const STEP_KINDS: readonly StepKind[] = [
  saltFunction,
  saltState,
  saltRunner,
  saltWaitForEvent,
  lbDrain,
  lbEnable,
];

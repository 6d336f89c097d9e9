import type { StepKind } from '../step-kind.ts';
import { approveStep } from './approve.ts';
import { lbDrain, lbEnable } from './lb.ts';
import { saltFunction } from './salt-function.ts';
import { saltParallelRunners } from './salt-parallel-runners.ts';
import { saltRunner } from './salt-runner.ts';
import { saltState } from './salt-state.ts';
import { saltWaitForEvent } from './salt-wait-for-event.ts';
import { saltWheel } from './salt-wheel.ts';

/** Every kind of step that is not an ordinary state on the master itself. */
export const STEP_KINDS: readonly StepKind[] = [
  saltFunction,
  saltState,
  saltRunner,
  saltParallelRunners,
  saltWheel,
  saltWaitForEvent,
  lbDrain,
  lbEnable,
  approveStep,
];

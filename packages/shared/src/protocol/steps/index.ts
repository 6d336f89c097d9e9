import { approveStepDeclaration } from './approve.ts';
import { lbDrainStep, lbEnableStep, lbStatusStep, lbWaitStep } from './lb.ts';
import { saltFunctionStep } from './salt-function.ts';
import { saltParallelRunnersStep } from './salt-parallel-runners.ts';
import { saltRunnerStep } from './salt-runner.ts';
import { saltStateStep } from './salt-state.ts';
import { saltWaitForEventStep } from './salt-wait-for-event.ts';
import { saltWheelStep } from './salt-wheel.ts';
import { sleepForStep } from './sleep.ts';
import type { StepDeclaration } from './step.ts';
import { waitUntilEventStep, waitUntilFunctionStep, waitUntilHttpStep, waitUntilTcpStep } from './wait-until.ts';

export { readGates, type StepGate } from './gate.ts';
export type { StepDeclaration } from './step.ts';
export {
  approveStepDeclaration,
  lbDrainStep,
  lbEnableStep,
  lbStatusStep,
  lbWaitStep,
  saltFunctionStep,
  saltParallelRunnersStep,
  saltRunnerStep,
  saltStateStep,
  saltWaitForEventStep,
  saltWheelStep,
  sleepForStep,
  waitUntilEventStep,
  waitUntilFunctionStep,
  waitUntilHttpStep,
  waitUntilTcpStep,
};

/** Every kind of step that is not an ordinary state on the master itself. */
export const STEP_DECLARATIONS: readonly StepDeclaration[] = [
  saltFunctionStep,
  saltStateStep,
  saltRunnerStep,
  saltParallelRunnersStep,
  saltWheelStep,
  saltWaitForEventStep,
  lbDrainStep,
  lbEnableStep,
  approveStepDeclaration,
  lbWaitStep,
  lbStatusStep,
  waitUntilHttpStep,
  waitUntilTcpStep,
  waitUntilFunctionStep,
  waitUntilEventStep,
  sleepForStep,
];

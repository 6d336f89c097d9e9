import type { StepKind } from '../step-kind.ts';
import { approveStep } from './approve.ts';
import { lbDrain, lbEnable } from './lb.ts';
import { lbStatus, lbWait } from './lb-look.ts';
import { saltFunction } from './salt-function.ts';
import { saltParallelRunners } from './salt-parallel-runners.ts';
import { saltRunner } from './salt-runner.ts';
import { saltState } from './salt-state.ts';
import { saltWaitForEvent } from './salt-wait-for-event.ts';
import { saltWheel } from './salt-wheel.ts';
import { sleepFor } from './sleep-for.ts';
import { waitUntilEvent } from './wait-until-event.ts';
import { waitUntilFunction } from './wait-until-function.ts';
import { waitUntilHttp } from './wait-until-http.ts';
import { waitUntilTcp } from './wait-until-tcp.ts';

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
  lbWait,
  lbStatus,
  waitUntilHttp,
  waitUntilTcp,
  waitUntilFunction,
  waitUntilEvent,
  sleepFor,
];

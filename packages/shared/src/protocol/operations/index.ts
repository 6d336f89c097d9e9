import type { z } from 'zod';
import { fleetOperations } from './fleet.ts';
import { jobOperations } from './jobs.ts';
import { masterOperations } from './master.ts';
import { orchOperations } from './orch.ts';
import { runViewOperations } from './run-views.ts';

export {
  type FleetNode,
  fleetNode,
  type JoinToken,
  joinToken,
  type MinionKey,
  minionKey,
  type PillarExplanation,
} from './fleet.ts';
export {
  type JobDetails,
  type JobEnd,
  type JobReturn,
  type JobReturnEvent,
  type JobSummary,
  jobDetails,
  jobEnd,
  jobReturn,
  jobReturnEvent,
  jobSummary,
} from './jobs.ts';
export { diagnosticRecord, type ScheduleEntry, scheduleEntry } from './master.ts';
export { type Operation, outcomes, type TargetExpression, targetExpression } from './operation.ts';
export { type RunPreview, type RunSummary, runSummary, type StepForecast } from './orch.ts';
export { type RunGraph, runGraph } from './run-views.ts';

/** Every operation of the master by name: the one declaration its clients and its gateway share. */
export const OPERATIONS = {
  ...orchOperations,
  ...runViewOperations,
  ...jobOperations,
  ...fleetOperations,
  ...masterOperations,
} as const;

/** Name of an operation. */
export type OperationName = keyof typeof OPERATIONS;
/** What a client sends. */
export type OperationArgs<N extends OperationName> = z.input<(typeof OPERATIONS)[N]['args']>;
/** What a client is answered. */
export type OperationAnswer<N extends OperationName> = z.output<(typeof OPERATIONS)[N]['answer']>;

export { RELEASED } from './driver.ts';
export { RunHistory, withoutPlan } from './history.ts';
export type { EventWaiter, RunnerCalls, RunnerRequest } from './ports.ts';
export type { RunInputs, RunRecord, StoredPlan } from './run-record.ts';
export { type CompiledOrchestration, type RunRequest, RunService, type RunServiceOptions } from './runs.ts';
export { type StartedRunner, startRunner } from './start-runner.ts';
export type { RunIdentity, StepAnswer, StepContext, StepKind, StepPorts } from './step-kind.ts';

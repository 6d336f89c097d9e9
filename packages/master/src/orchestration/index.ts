export { compileOrchestration } from './compile.ts';
export { RELEASED } from './driver.ts';
export { createStepExecutor, type StepExecutorOptions } from './execute-step.ts';
export { RunHistory, withoutPlan } from './history.ts';
export type { EventWaiter, RunnerCalls, RunnerRequest, WheelCalls } from './ports.ts';
export type { RunInputs, RunRecord, StoredPlan } from './run-record.ts';
export { type CompiledOrchestration, type RunRequest, RunService, type RunServiceOptions } from './runs.ts';
export type { RunIdentity, StepAnswer, StepContext, StepKind, StepPorts } from './step-kind.ts';
export { STEP_KINDS } from './steps/index.ts';

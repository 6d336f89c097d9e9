export { saltReturn } from './returns.ts';
export { type PlanOutcome, type RunPlanOptions, runPlan } from './run-plan.ts';
export { runStep, type StepOutcome, type StepTools } from './step.ts';

export { type PlanOutcome, type RunPlanOptions, runPlan } from './run-plan.ts';

export { type Causes, causesOf } from './causes.ts';
export { decide } from './decide.ts';
export { decodeFact, decodePlan, encodeFact, encodePlan } from './encoding.ts';
export { buildGraph, type RunGraph, type RunNode } from './graph.ts';
export { hasChanges } from './requisites.ts';
export {
  createRun,
  evolve,
  resultsOf,
  resumeRun,
  type StartedStep,
  type StepResult,
} from './run.ts';
export type { NodeRecord, RunState } from './state.ts';

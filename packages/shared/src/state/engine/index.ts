export { decide } from './decide.ts';
export { decodeFact, decodePlan, encodeFact, encodePlan } from './encoding.ts';
export { buildGraph, type RunGraph, type RunNode } from './graph.ts';
export { hasChanges } from './requisites.ts';
export {
  createRun,
  evolve,
  type NodeRecord,
  type RunState,
  resultsOf,
  resumeRun,
  type StartedStep,
  type StepResult,
} from './run.ts';

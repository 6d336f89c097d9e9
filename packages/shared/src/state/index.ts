export { compile, compileCatalog, compileLow, compileRawLow } from './compile/index.ts';
export type {
  Chunk,
  ChunkOptions,
  CompileCatalog,
  Guards,
  Plan,
  Requisite,
  RequisiteKind,
  Retry,
  RunAction,
  RunFact,
  RunOptions,
  StateReturn,
  StepKey,
  StepMode,
} from './contract.ts';
export {
  createRun,
  decide,
  decodeFact,
  decodePlan,
  encodeFact,
  encodePlan,
  evolve,
  hasChanges,
  type RunState,
  resultsOf,
  resumeRun,
  type StartedStep,
  type StepResult,
} from './engine/index.ts';
export {
  bareHighData,
  gatherHigh,
  type HighData,
  numberStates,
  Places,
  type SlsMatches,
  type SlsSource,
} from './high/index.ts';
export { type PlanOutcome, type RunPlanOptions, runPlan } from './run/index.ts';

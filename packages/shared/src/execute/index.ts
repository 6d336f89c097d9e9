export { type CatalogAdditions, createCatalog } from './catalog.ts';
export type { HostJob, HostJobResult, JobExecutor } from './contract.ts';
export { onlyLooks, RuntimeExecutor } from './executor.ts';
export { type HearCall, type HeardCall, heardCalls } from './heard-calls.ts';
export { JobRunner, type JobRunnerOptions } from './job-runner.ts';
export { JobStore, type KnownJob } from './job-store.ts';
export {
  type CompilePillarOf,
  createPillarCompiler,
  type PillarCompilerOptions,
  type PillarQuery,
} from './pillar-compiler.ts';
export { renderStage, type StageAnswer, type StageRequest } from './render-stage.ts';
export {
  HostRuntime,
  type PillarRequest,
  type RuntimeOptions,
  unknownFunction,
  type Workplace,
  type WorkRequest,
} from './runtime.ts';
export { slsSource } from './sls-source.ts';
export { stateFunctions } from './state-functions.ts';
export { topMatches } from './top-matches.ts';

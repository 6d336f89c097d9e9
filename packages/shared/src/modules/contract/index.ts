export type { Catalog } from './catalog.ts';
export type {
  EventSink,
  Facts,
  HostKeys,
  JobAnswer,
  JobRequest,
  Jobs,
  JobTargetAnswer,
  LocalJob,
  LocalJobs,
  Mine,
  MineEntry,
  ModuleContext,
  PillarView,
  RequiredState,
  RunnerCall,
  Runners,
  StateCalls,
  TargetOutcome,
  TemplateRequest,
} from './context.ts';
export {
  CodedAnswer,
  defineRead,
  defineWrite,
  type ExecutionModule,
  type ForeseenChange,
  type ReadFunction,
  takeApart,
  type WriteFunction,
} from './execution.ts';
export type { FactModule } from './fact.ts';
export { NO_MINE } from './no-mine.ts';
export {
  type ApplyOutcome,
  type Change,
  changesOf,
  defineState,
  type FirstLook,
  inSync,
  refused,
  type StateModule,
  type Verdict,
  verbOf,
} from './state.ts';

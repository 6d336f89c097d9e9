export { type AnswerGroup, canonicalJson, groupByAnswer } from './answer-groups.ts';
export { jobEventOf, runEventOf } from './event-reader.ts';
export { compareHosts, compressHosts } from './host-ranges.ts';
export {
  countOutcomes,
  exitCodeOfJob,
  foldJob,
  isJobOver,
  type JobEvent,
  type JobHostView,
  type JobView,
  startJob,
  type TargetOutcome,
  viewJob,
} from './job-view.ts';
export { countRun, elapsedMs, isEnded, isFailed, type RunCounts } from './run-summary.ts';
export { foldRun, type HostView, type PhaseView, type RunView, type StepView, unknownRun } from './run-view.ts';
export { type HostPlan, movesOf, type PlanRecord, readHostPlan } from './state-plan.ts';
export {
  kindOf,
  readStateReturns,
  type StateKind,
  type StateLine,
  type StatesView,
  statesIn,
} from './state-returns.ts';

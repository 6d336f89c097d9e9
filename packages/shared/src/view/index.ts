export { type AnswerGroup, canonicalJson, groupByAnswer } from './answer-groups.ts';
export {
  type DurationStats,
  durationStats,
  estimateLeftMs,
  type OrchestrationDurations,
} from './durations.ts';
export { jobEventOf, runEventOf } from './event-reader.ts';
export { foldRun } from './fold-run.ts';
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
export {
  hasPlannedChanges,
  type OrchPlan,
  orchPlanOf,
  type PlanCounts,
  type PlannedStates,
  type PlannedStep,
  type PlanVerdict,
  unknownCallsOf,
} from './orch-plan.ts';
export { orchPlanMoves } from './orch-plan-moves.ts';
export {
  type ComparedRun,
  type Difference,
  diffRuns,
  isSameRun,
  type RunDiff,
  type StepDifference,
  type StepDigests,
} from './run-diff.ts';
export {
  approveSteps,
  askingSteps,
  countedApprovals,
  isWaiting,
  missingApprovals,
} from './run-status.ts';
export { countRun, elapsedMs, isEnded, isFailed, type RunCounts } from './run-summary.ts';
export {
  type ApprovalView,
  type HostView,
  type LockView,
  type MovedView,
  type PhaseView,
  type RollbackView,
  type RunOutcome,
  type RunStatus,
  type RunView,
  type StepView,
  unknownRun,
} from './run-view.ts';
export { type RunWait, runWaits, shortDigest, stepFlag, type WaitWords } from './run-waits.ts';
export { type HostPlan, movesOf, type PlanRecord, readHostPlan } from './state-plan.ts';
export {
  kindOf,
  readStateReturns,
  type StateKind,
  type StateLine,
  type StatesView,
  statesIn,
} from './state-returns.ts';

import type { RunSummary } from '../protocol/index.ts';
import { type ApprovalView, positionOf, type RunStatus, type RunView, type StepView } from './run-view.ts';

/** How the run is, told from everything else in its view: what keeps it waiting comes before what it does. */
export function statusOf(view: RunView): RunStatus {
  if (view.outcome !== undefined) return view.outcome;
  if (view.startedAt === undefined) return 'unknown';
  if (view.rollback !== undefined) return 'rolling-back';
  if (view.asking.length > 0) return 'asking';
  if (view.pause?.isPaused === true) return 'paused';
  if (missingApprovals(view) > 0 || isHeldByApproveStep(view)) return 'awaiting-approval';
  return view.lock?.state === 'queued' ? 'queued' : 'running';
}

/** True for a status in which nothing goes on until somebody else does something. */
export function isWaiting(status: RunStatus | RunSummary['state']): boolean {
  return status === 'queued' || status === 'awaiting-approval' || status === 'paused' || status === 'asking';
}

/** Steps that failed and wait for a person's word. */
export function askingSteps(view: RunView): readonly StepView[] {
  return stepsOf(view, view.asking);
}

/** Those who agreed to the plan as it is. */
export function countedApprovals(view: RunView): readonly ApprovalView[] {
  return (view.approvals ?? []).filter(
    ({ step, digest }) => step === undefined && (view.digest === undefined || digest === view.digest),
  );
}

/** How many still have to agree before the first step; 0 when it has begun, and for a run that only looks. */
export function missingApprovals(view: RunView): number {
  const wanted = view.options?.approvals?.count ?? 0;
  return wanted === 0 || view.begunAt !== undefined || view.inputs.test === true
    ? 0
    : Math.max(0, wanted - countedApprovals(view).length);
}

/** Steps that wait until somebody agrees. */
export function approveSteps(view: RunView): readonly StepView[] {
  return stepsOf(view, view.running).filter(isApproveStep);
}

function isApproveStep({ kind }: StepView): boolean {
  return /(^|\.)approve(\.|$)/.test(kind);
}

function stepsOf({ steps }: RunView, keys: readonly string[]): readonly StepView[] {
  return keys.length === 0 ? [] : steps.filter(({ key }) => keys.includes(key));
}

function isHeldByApproveStep(view: RunView): boolean {
  const { running, steps } = view;
  const isApproval = (key: string): boolean => isApproveStep(steps[positionOf(view, key)]!);
  return running.length > 0 && running.every(isApproval);
}

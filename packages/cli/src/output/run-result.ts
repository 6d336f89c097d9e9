import { isEnded, isFailed, type RunView, type StepView, stepFlag } from '@edge-run/shared/view';
import { approvalLines } from './run-title.ts';
import { renderRunTree, type TreeOptions } from './run-tree.ts';
import { type Style, sanitize } from './style.ts';
import { renderPairs } from './table.ts';
import { formatDuration } from './times.ts';
import { formatValue } from './values.ts';

/** How a run is or ended: its tree, why each failed step failed, and what to type next. */
export function renderRunResult(view: RunView, options: TreeOptions): string {
  const { style, full = false, now } = options;
  const tree = renderRunTree(view, options);
  const shown = view.steps.filter((step) => isFailed(step) || (full && step.comment !== undefined));
  const blocks = shown.flatMap((step) => stepBlock(step, style, full));
  const lines = [...tree, ...approvalLines(view, now), ...blocks];
  return lines.map((line) => `${line}\n`).join('') + endText(view, options);
}

function stepBlock(step: StepView, style: Style, verbose: boolean): string[] {
  const failed = isFailed(step);
  const place = step.place === undefined ? '' : `   ${step.place.file}:${step.place.line}`;
  const title = `${failed ? '✗' : '✓'} ${sanitize(step.id)}   ${step.status}${place}`;
  const lines = sanitize(step.comment ?? '')
    .trimEnd()
    .split('\n');
  const changes = verbose && step.changes !== undefined ? formatValue(step.changes) : [];
  const evidence = Object.entries(step.hosts)
    .filter(([, host]) => host.evidence !== undefined && host.outcome !== 'succeeded')
    .map(([id, host]) => `${id}: ${host.evidence!}`);
  return [
    failed ? style.red(title) : title,
    ...[...lines, ...evidence, ...changes].filter((text) => text !== '').map((text) => `  │ ${sanitize(text)}`),
  ];
}

function endText(view: RunView, { now, style }: TreeOptions): string {
  const took = view.startedAt === undefined ? '' : ` in ${formatDuration((view.endedAt ?? now) - view.startedAt)}`;
  switch (view.status) {
    case 'succeeded':
      return `${style.green('done')}${took}\n`;
    case 'unknown':
    case 'running':
    case 'queued':
    case 'awaiting-approval':
    case 'paused':
    case 'asking':
    case 'rolling-back':
      return `${openText(view)}; follow it: edge-run orch status ${view.run} --watch\n`;
    default:
      return `${style.red(verdict(view))}${took}\n${renderPairs(endPairs(view))}`;
  }
}

function openText({ status, rollback }: RunView): string {
  if (status === 'rolling-back') return `rolling back as run ${rollback!.run}`;
  return status === 'running' || status === 'unknown' ? 'still running' : `${status}, not ended`;
}

function verdict({ status, rollback }: RunView): string {
  if (status === 'rolled-back') return 'FAILED, rolled back';
  if (rollback?.outcome === 'failed') return 'FAILED, and the rollback failed too: this needs a person.';
  return status.toUpperCase();
}

/** Why it ended so, where to look, and what to type to go on. */
function endPairs(view: RunView): (readonly [string, string])[] {
  const { run, error, rollback } = view;
  const failed = view.steps.filter(isFailed);
  return [
    // Of a failed step more is known than that it failed.
    ...(error === undefined || error.code === 'EDGE_STEP_FAILED'
      ? causeOf(failed)
      : [['cause', error.message] as const]),
    ...(error?.hint === undefined ? [] : ([['help', error.hint]] as const)),
    ['inspect', `edge-run orch show ${run}${focus(failed[0])}`],
    ...(rollback === undefined ? [] : ([['rollback', `edge-run orch show ${rollback.run}`]] as const)),
    ...(rollback?.outcome === 'failed' ? ([['undo', `edge-run orch rollback ${run}`]] as const) : []),
    ['try again', `edge-run orch retry ${run}${keptText(view)}`],
    ...(view.exitCode === undefined ? [] : ([['exit', String(view.exitCode)]] as const)),
  ];
}

function causeOf([step]: readonly StepView[]): (readonly [string, string])[] {
  if (step === undefined) return [];
  const attempt = step.attempt > 1 ? `, attempt ${step.attempt}` : '';
  const host = failedHost(step);
  const who = host === undefined ? '' : `${host}: ${step.hosts[host]!.evidence ?? step.hosts[host]!.outcome} `;
  const why = who === '' ? `${step.comment?.split('\n')[0] ?? step.status} ` : who;
  return [['cause', `${why}(step ${step.id}${attempt})`]];
}

function failedHost(step: StepView): string | undefined {
  return Object.entries(step.hosts).find(([, { outcome }]) => outcome !== undefined && outcome !== 'succeeded')?.[0];
}

/** Words that lead to the one step and host that failed. */
function focus(step: StepView | undefined): string {
  if (step === undefined) return '';
  const host = failedHost(step);
  return `${stepFlag(step)}${host === undefined ? '' : ` --target ${host}`}`;
}

/** What another try would not do again. */
function keptText({ steps }: RunView): string {
  const done = steps.filter((step) => step.status === 'succeeded').length;
  const left = steps.filter((step) => !isEnded(step) || isFailed(step) || step.status === 'rolled-back').length;
  return done === 0 ? '' : `   (keeps ${done} of ${steps.length} steps, runs ${left})`;
}

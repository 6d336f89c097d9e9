import { isFailed, type RunView, type StepView } from '@edge-run/shared/view';
import { renderRunTree } from './run-tree.ts';
import { type Style, sanitize } from './style.ts';
import { formatDuration } from './times.ts';
import { formatValue } from './values.ts';

/** How a run ended: its tree, why each failed step failed, and what to type next. */
export function renderRunResult(
  view: RunView,
  options: { readonly now: number; readonly width: number; readonly style: Style; readonly verbose: boolean },
): string {
  const { style, verbose } = options;
  const tree = renderRunTree(view, { ...options, full: verbose });
  const shown = view.steps.filter((step) => isFailed(step) || (verbose && step.comment !== undefined));
  const blocks = shown.flatMap((step) => stepBlock(step, style, verbose));
  const lines = [...tree, ...blocks, ...endLines(view, options.now, style)];
  return lines.map((line) => `${line}\n`).join('');
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

function endLines(view: RunView, now: number, style: Style): string[] {
  const took = view.startedAt === undefined ? '' : ` in ${formatDuration((view.endedAt ?? now) - view.startedAt)}`;
  switch (view.status) {
    case 'succeeded':
      return [`${style.green('done')}${took}`];
    case 'unknown':
    case 'running':
      return [`still running; follow it: edge-run orch status ${view.run} --watch`];
    default: {
      const cause = view.error === undefined ? [] : [`  cause     ${sanitize(view.error.message)}`];
      const help = view.error?.hint === undefined ? [] : [`  help      ${sanitize(view.error.hint)}`];
      return [
        `${style.red(view.status.toUpperCase())}${took}`,
        ...cause,
        ...help,
        `  inspect   edge-run orch show ${view.run}`,
      ];
    }
  }
}

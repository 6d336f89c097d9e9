import type { RunView, StepView } from '@edge-run/shared/view';
import { phaseText, signOf, treeLine } from './run-lines.ts';
import { padTo, type Style, sanitize, truncate } from './style.ts';

/** What the section about a rollback is drawn on. */
export interface RollbackOptions {
  readonly now: number;
  readonly width: number;
  readonly style: Style;
  readonly nameWidth: number;
  /** The run that undoes the steps, where it is known. */
  readonly undoing: RunView | undefined;
}

/** How steps are being undone: one line a step of the run that does it, and what stays as it is. */
export function rollbackLines(view: RunView, options: RollbackOptions): string[] {
  const { rollback } = view;
  if (rollback === undefined) return [];
  const { style, width, undoing } = options;
  const count = rollback.steps.length === 1 ? '1 step' : `${rollback.steps.length} steps`;
  const title =
    rollback.outcome === undefined
      ? `rolling back ${count} …`
      : `rolled ${count} back${rollback.outcome === 'failed' ? ', and then failed' : ''}`;
  const why = rollback.reason === '' ? '' : `   because ${rollback.reason}`;
  return [
    style.yellow(truncate(`↩ ${title}${sanitize(why)}`, width)),
    ...(undoing === undefined ? unknownLines(view, options) : undoing.steps.flatMap((step) => undoLine(step, options))),
    ...keptLines(view, options),
  ];
}

function undoLine(step: StepView, { now, width, style, nameWidth }: RollbackOptions): string[] {
  const [sign, paint] = signOf(step.status, style);
  const comment = step.status === 'running' ? phaseText(step.progress) : (step.comment?.split('\n')[0] ?? '');
  const outcome = step.status === 'failed' ? 'failed ' : '';
  const tookMs = step.durationMs ?? (step.startedAt === undefined ? undefined : now - step.startedAt);
  return [
    treeLine({
      ...{ sign: `  ${sign} `, paint, label: label(step.id, nameWidth), news: sanitize(`${outcome}${comment}`) },
      ...{ tookMs, width },
    }),
  ];
}

/** The run that undoes them has not been seen: the steps it is for. */
function unknownLines(view: RunView, { width, style, nameWidth }: RollbackOptions): string[] {
  const keys = new Set(view.rollback!.steps);
  const done = view.rollback!.outcome !== undefined;
  return view.steps
    .filter(({ key }) => keys.has(key))
    .map(({ id }) => {
      const [sign, paint] = signOf(done ? 'rolled-back' : 'waiting', style);
      return treeLine({ sign: `  ${sign} `, paint, label: label(id, nameWidth), news: '', width });
    });
}

/** Steps that were done and that nothing undoes. */
function keptLines(view: RunView, { width, style, nameWidth }: RollbackOptions): string[] {
  const undone = new Set(view.rollback!.steps);
  return view.steps
    .filter((step) => step.status === 'succeeded' && !undone.has(step.key) && step.undoneAt === undefined)
    .map(({ id, kept }) =>
      treeLine({
        ...{ sign: '  – ', paint: style.dim, label: label(id, nameWidth), width },
        news: kept ? 'stays: an earlier run has done it' : 'stays: it declares no `undo`',
      }),
    );
}

function label(id: string, nameWidth: number): string {
  return padTo(truncate(sanitize(id), nameWidth - 2), nameWidth - 2);
}

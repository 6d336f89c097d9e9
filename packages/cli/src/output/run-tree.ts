import {
  compressHosts,
  elapsedMs,
  type HostView,
  isEnded,
  type OrchestrationDurations,
  type RunView,
  type StepView,
} from '@edge-run/shared/view';
import { rollbackLines } from './rollback-lines.ts';
import { runFooter } from './run-footer.ts';
import { phaseText, signOf, signOfStep, treeLine } from './run-lines.ts';
import { noticeLines, runTitle, type TitleOptions } from './run-title.ts';
import { padTo, sanitize, truncate } from './style.ts';

/** How much of a run is drawn, and on what. */
export interface TreeOptions extends TitleOptions {
  /** At most so many lines: steps that are over, then those that wait, are counted instead. */
  readonly height?: number;
  /** Every step and host; otherwise hosts only of steps that run or failed. */
  readonly full?: boolean;
  /** How long earlier runs took. */
  readonly usual?: OrchestrationDurations | undefined;
  /** Key of a step → ids of the steps that come before it. */
  readonly needs?: Readonly<Record<string, readonly string[]>>;
  /** What to say below the counts. */
  readonly hint?: string;
}

/** The run as a tree: a title, what it waits for, one line a step with its hosts below, its rollback, and the counts. */
export function renderRunTree(view: RunView, options: TreeOptions): string[] {
  const { width, style, now, usual, hint, related = {} } = options;
  const names = view.steps.map((step) => sanitize(step.id));
  const nameWidth = names.reduce((widest, { length }) => Math.min(28, Math.max(widest, length)), 12);
  const ended = new Set(view.steps.filter(isEnded).map(({ id }) => id));
  const blocks = view.steps.map((step) => ({
    status: step.status,
    lines: [stepLine(step, { nameWidth, ended }, options), ...hostLines(step, nameWidth, options)],
  }));
  const undoing = view.rollback === undefined ? undefined : related[view.rollback.run];
  // Only what is drawn in place has to fit; elsewhere every word of what is waited for counts.
  const fit = (text: string): string => (options.height === undefined ? text : truncate(text, width));
  const head = [style.bold(truncate(runTitle(view), width)), ...noticeLines(view, options, fit)];
  const foot = [
    ...rollbackLines(view, { now, width, style, nameWidth, undoing }),
    style.dim(truncate(`─ ${runFooter(view, now, usual)}`, width)),
    ...(hint === undefined ? [] : [style.dim(truncate(hint, width))]),
  ];
  const height = options.height ?? Number.POSITIVE_INFINITY;
  const body = fitHeight(blocks, Math.max(1, height - head.length - foot.length));
  return cut([...head, ...body, ...foot], height);
}

/** On the lowest of terminals the title and the last lines stay, whatever there is to say between them. */
function cut(lines: readonly string[], height: number): string[] {
  if (lines.length <= height) return [...lines];
  const last = Math.min(2, Math.max(0, height - 1));
  return [...lines.slice(0, height - last), ...lines.slice(lines.length - last)];
}

interface Block {
  /** Absent for a line that stands for several steps. */
  readonly status?: StepView['status'];
  readonly lines: readonly string[];
}

/** What a terminal cannot show cannot be redrawn in place: the dull blocks give way first, then the last lines. */
function fitHeight(blocks: readonly Block[], height: number): readonly string[] {
  const linesOf = (shown: readonly Block[]): string[] => shown.flatMap((block) => block.lines);
  let shown = blocks;
  for (const [status, sign, word] of [
    ['succeeded', '✓', 'done'],
    ['skipped', '–', 'skipped'],
    ['waiting', '·', 'waiting'],
    ['rolled-back', '↩', 'rolled back'],
  ] as const) {
    if (linesOf(shown).length <= height) return linesOf(shown);
    const folded = shown.filter((block) => block.status === status).length;
    if (folded < 2) continue;
    const at = shown.findIndex((block) => block.status === status);
    const note: Block = { lines: [`${sign} ${folded} steps ${word}`] };
    shown = shown.flatMap((block, index) => (index === at ? [note] : block.status === status ? [] : [block]));
  }
  const lines = linesOf(shown);
  return lines.length <= height
    ? lines
    : [...lines.slice(0, Math.max(0, height - 1)), `… ${lines.length - Math.max(0, height - 1)} more lines`];
}

function stepLine(
  step: StepView,
  { nameWidth, ended }: { readonly nameWidth: number; readonly ended: ReadonlySet<string> },
  { now, width, style, needs }: TreeOptions,
): string {
  const [sign, paint] = signOfStep(step, style);
  const news = [step.kind, stateText(step), ...notes(step, needs?.[step.key]?.filter((id) => !ended.has(id)) ?? [])]
    .filter((part) => part !== '')
    .map(sanitize)
    .join('  ');
  const label = padTo(truncate(sanitize(step.id), nameWidth), nameWidth);
  return treeLine({ sign: `${sign} `, paint, label, news, tookMs: elapsedMs(step, now), width });
}

/** How a step is, where its sign does not say it all. */
function stateText(step: StepView): string {
  if (step.asked !== undefined) return 'failed, what now?';
  if (step.kept === true) return 'kept';
  const isPlain = step.status === 'waiting' || step.status === 'running' || step.status === 'succeeded';
  return isPlain ? '' : step.status;
}

function notes(step: StepView, missing: readonly string[]): string[] {
  if (step.status === 'waiting') {
    const hosts = step.onlyHosts === undefined ? '' : `only ${compressHosts(step.onlyHosts).join(', ')}`;
    return [hosts, missing.length === 0 ? '' : `needs ${missing.join(', ')}`];
  }
  const isBusy = step.status === 'running' && step.asked === undefined;
  const news = isBusy ? phaseText(step.progress) : (step.comment?.split('\n')[0] ?? '');
  return [step.attempt > 1 ? `attempt ${step.attempt}` : '', news];
}

/** Hosts with the same news share a line. */
function hostLines(step: StepView, nameWidth: number, options: TreeOptions): string[] {
  const { now, width, style, full } = options;
  const isOfInterest = step.status !== 'succeeded' && step.status !== 'skipped' && step.status !== 'rolled-back';
  if (!full && (step.status === 'waiting' || !isOfInterest)) return [];
  const groups = new Map<string, { ids: string[]; host: HostView }>();
  for (const [id, host] of Object.entries(step.hosts)) {
    const key = host.outcome ?? phaseText(host.phase);
    const group = groups.get(`${key}\0${host.evidence ?? ''}`);
    if (group) group.ids.push(id);
    else groups.set(`${key}\0${host.evidence ?? ''}`, { ids: [id], host });
  }
  return [...groups.values()].map(({ ids, host }) => {
    const [sign, paint] = signOf(host.outcome ?? 'running', style);
    const label = padTo(truncate(sanitize(compressHosts(ids).join(', ')), nameWidth - 2), nameWidth - 2);
    const news =
      host.outcome === undefined ? phaseText(host.phase) : [host.outcome, host.evidence ?? ''].join(' ').trim();
    const tookMs = host.outcome === undefined && host.since !== undefined ? now - host.since : undefined;
    return treeLine({ sign: `  ${sign} `, paint, label, news: sanitize(news), tookMs, width });
  });
}

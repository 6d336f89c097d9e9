import { compressHosts, countRun, elapsedMs, type HostView, type RunView, type StepView } from '@edge-run/shared/view';
import { padTo, type Style, sanitize, truncate } from './style.ts';
import { formatDuration } from './times.ts';
import { formatInline } from './values.ts';

/** How much of a run is drawn, and on what. */
export interface TreeOptions {
  readonly now: number;
  readonly width: number;
  readonly style: Style;
  /** At most so many lines: steps that are over, then those that wait, are counted instead. */
  readonly height?: number;
  /** Every step and host; otherwise hosts only of steps that run or failed. */
  readonly full?: boolean;
}

/** `run 01K9A2C  deploy-environment  pillarenv=prod  by deploy`. */
function runTitle(view: RunView): string {
  const inputs = Object.entries(view.inputs).map(([name, value]) => `${name}=${formatInline(value)}`);
  return [`run ${view.run}`, view.name, ...inputs, view.by === '' ? '' : `by ${view.by}`]
    .filter((part) => part !== '')
    .map(sanitize)
    .join('  ');
}

/** The run as a tree: a title, one line a step with its hosts below, and the counts. */
export function renderRunTree(view: RunView, options: TreeOptions): string[] {
  const { width, style } = options;
  const counts = countRun(view);
  const names = view.steps.map((step) => sanitize(step.id));
  const nameWidth = Math.min(28, Math.max(12, ...names.map((name) => name.length)));
  const blocks = view.steps.map((step) => ({
    status: step.status,
    lines: [stepLine(step, nameWidth, options), ...hostLines(step, nameWidth, options)],
  }));
  const lines = fitHeight(blocks, (options.height ?? Number.POSITIVE_INFINITY) - 2);
  const summary = [
    `${counts.steps.ended}/${counts.steps.total} steps`,
    ...(counts.targets.total > 0 ? [`${counts.targets.ended}/${counts.targets.total} targets`] : []),
    `${counts.steps.failed} failed`,
  ].join('  ');
  const took = elapsedMs(view, options.now);
  const end = took === undefined ? summary : `${summary}   ${formatDuration(took)}`;
  return [style.bold(truncate(runTitle(view), width)), ...lines, style.dim(truncate(`─ ${end}`, width))];
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
    : [...lines.slice(0, Math.max(0, height - 1)), `… ${lines.length - height + 1} more lines`];
}

function stepLine(step: StepView, nameWidth: number, { now, width, style }: TreeOptions): string {
  const [sign, paint] = signOf(step.status, style);
  const took = elapsedMs(step, now);
  const attempt = step.attempt > 1 ? `attempt ${step.attempt}` : '';
  const news = step.status === 'running' ? phaseText(step.progress) : (step.comment?.split('\n')[0] ?? '');
  const outcome =
    step.status === 'waiting' || step.status === 'running' || step.status === 'succeeded' ? '' : step.status;
  const middle = [step.kind, outcome, attempt, news]
    .filter((part) => part !== '')
    .map(sanitize)
    .join('  ');
  return line(`${sign} `, paint, padTo(truncate(sanitize(step.id), nameWidth), nameWidth), middle, took, width);
}

/** Hosts with the same news share a line. */
function hostLines(step: StepView, nameWidth: number, options: TreeOptions): string[] {
  const { now, width, style, full } = options;
  const failed = step.status !== 'succeeded' && step.status !== 'skipped';
  if (!full && (step.status === 'waiting' || !failed)) return [];
  const groups = new Map<string, { ids: string[]; host: HostView }>();
  for (const [id, host] of Object.entries(step.hosts)) {
    const key = host.outcome ?? phaseText(host.phase);
    const group = groups.get(`${key}\0${host.evidence ?? ''}`);
    if (group) group.ids.push(id);
    else groups.set(`${key}\0${host.evidence ?? ''}`, { ids: [id], host });
  }
  return [...groups.values()].map(({ ids, host }) => {
    const [sign, paint] = signOf(host.outcome ?? 'running', style);
    const label = truncate(sanitize(compressHosts(ids).join(', ')), nameWidth - 2);
    const news =
      host.outcome === undefined ? phaseText(host.phase) : [host.outcome, host.evidence ?? ''].join(' ').trim();
    const took = host.outcome === undefined && host.since !== undefined ? now - host.since : undefined;
    return line(`  ${sign} `, paint, padTo(label, nameWidth - 2), sanitize(news), took, width);
  });
}

function line(
  sign: string,
  paint: (text: string) => string,
  label: string,
  middle: string,
  tookMs: number | undefined,
  width: number,
): string {
  const took = tookMs === undefined ? '' : formatDuration(tookMs).padStart(9);
  const room = width - sign.length - label.length - 3 - took.length;
  const text = `${label}   ${took === '' ? truncate(middle, room) : padTo(truncate(middle, room), room)}${took}`;
  return paint(sign) + (took === '' ? text.trimEnd() : text);
}

function phaseText(phase: HostView['phase']): string {
  return phase === undefined ? '' : [phase.phase, phase.detail ?? ''].join(' ').trim();
}

/** Sign and colour of a status; the sign alone tells it. */
function signOf(status: StepView['status'], style: Style): readonly [string, (text: string) => string] {
  switch (status) {
    case 'waiting':
      return ['·', style.dim];
    case 'running':
      return ['▶', style.cyan];
    case 'succeeded':
      return ['✓', style.green];
    case 'skipped':
      return ['–', style.dim];
    case 'rolled-back':
      return ['↩', style.yellow];
    case 'unreachable':
    case 'no-return':
      return ['!', style.yellow];
    default:
      return ['✗', style.red];
  }
}

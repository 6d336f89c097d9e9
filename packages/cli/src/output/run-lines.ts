import type { HostView, StepView } from '@edge-run/shared/view';
import { padTo, type Style, truncate } from './style.ts';
import { formatDuration } from './times.ts';

/** One line of a tree: a sign, a label, the news, and how long it took at the right edge. */
export function treeLine(parts: {
  readonly sign: string;
  readonly paint: (text: string) => string;
  readonly label: string;
  readonly news: string;
  readonly tookMs?: number | undefined;
  readonly width: number;
}): string {
  const { sign, paint, label, news, tookMs, width } = parts;
  const took = tookMs === undefined ? '' : formatDuration(tookMs).padStart(9);
  const room = width - sign.length - label.length - 3 - took.length;
  const text = `${label}   ${took === '' ? truncate(news, room) : padTo(truncate(news, room), room)}${took}`;
  return paint(sign) + (took === '' ? text.trimEnd() : text);
}

/** What a step or host is doing, in words. */
export function phaseText(phase: HostView['phase']): string {
  return phase === undefined ? '' : [phase.phase, phase.detail ?? ''].join(' ').trim();
}

/** Sign and colour of a step; the sign alone tells how it is. */
export function signOfStep(step: StepView, style: Style): readonly [string, (text: string) => string] {
  return step.asked === undefined ? signOf(step.status, style) : ['?', style.yellow];
}

/** Sign and colour of a status; the sign alone tells it. */
export function signOf(status: StepView['status'], style: Style): readonly [string, (text: string) => string] {
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

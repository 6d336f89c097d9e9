import type { JsonValue } from '@edge-run/shared/kernel';
import { type Difference, isSameRun, type RunDiff, type RunView, type StepDifference } from '@edge-run/shared/view';
import { type Style, sanitize } from './style.ts';
import { formatDuration, formatInstant } from './times.ts';
import { formatInline } from './values.ts';

/** Durations that differ by less than this are noise. */
const NOTABLE_MS = 500;
const NOTABLE_SHARE = 0.2;

/** What differs between two runs, part by part; parts without differences are left out. */
export function renderRunDiff(a: RunView, b: RunView, diff: RunDiff, style: Style): string {
  const parts: (readonly [string, readonly string[]])[] = [
    ['run', diff.run.map((entry) => `  ${differenceText(entry)}`)],
    ['inputs', diff.inputs.map((entry) => `  ${differenceText(entry)}`)],
    ['sources', diff.sources.map((entry) => `  ${differenceText(entry)}`)],
    ['plan', diff.plan.flatMap((step) => planLines(step))],
    ['outcomes', diff.outcomes.flatMap((step) => stepLines(step))],
    ['durations', diff.durations.filter(isNotable).map(durationText)],
  ];
  const lines = [
    `a  ${titleOf(a)}`,
    `b  ${titleOf(b)}`,
    ...parts.flatMap(([name, found]) => (found.length === 0 ? [] : [style.bold(name), ...found])),
    ...(isSameRun(diff) ? ['the same inputs, sources, plan and outcomes'] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function titleOf({ run, name, status, startedAt }: RunView): string {
  return sanitize(`run ${run}  ${name}  ${status}${startedAt === undefined ? '' : `  ${formatInstant(startedAt)}`}`);
}

function planLines({ id, differences }: StepDifference): string[] {
  const only = differences.find(({ what }) => what === 'step');
  if (only === undefined) return stepLines({ id, differences });
  const isGone = only.b === undefined;
  return [sanitize(`  ${isGone ? '-' : '+'} ${id}  ${String(only.a ?? only.b)}  only in ${isGone ? 'a' : 'b'}`)];
}

function stepLines({ id, differences }: StepDifference): string[] {
  return [sanitize(`  ~ ${id}`), ...differences.map((entry) => `      ${differenceText(entry).slice(2)}`)];
}

function differenceText({ what, a, b }: Difference): string {
  const sign = a === undefined ? '+' : b === undefined ? '-' : '~';
  return sanitize(`${sign} ${what}: ${sideText(a)} -> ${sideText(b)}`);
}

function sideText(side: JsonValue | undefined): string {
  return side === undefined ? '(none)' : formatInline(side);
}

function isNotable({ aMs, bMs }: RunDiff['durations'][number]): boolean {
  const by = Math.abs(aMs - bMs);
  return by >= NOTABLE_MS && by >= NOTABLE_SHARE * Math.max(aMs, bMs);
}

function durationText({ id, aMs, bMs }: RunDiff['durations'][number]): string {
  const share = aMs === 0 ? '' : `  (${bMs > aMs ? '+' : '-'}${Math.round((Math.abs(bMs - aMs) / aMs) * 100)} %)`;
  return sanitize(`  ~ ${id}: ${formatDuration(aMs)} -> ${formatDuration(bMs)}${share}`);
}

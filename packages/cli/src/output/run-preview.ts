import type { RunPreview, StepForecast } from '@edge-run/shared/protocol';
import { compressHosts, shortDigest } from '@edge-run/shared/view';
import { hostsText } from './run-moved.ts';
import { padTo, sanitize } from './style.ts';
import { formatClock } from './times.ts';

const WORD_WIDTH = 8;

/**
 * What resuming or retrying a run would do: a line for each step, in their order, those of one fate and reason together;
 * then what has moved.
 */
export function renderPreview(preview: RunPreview, action: 'resume' | 'retry'): string {
  const { run, name, drivenBy, from } = preview;
  const driven = drivenBy === undefined ? '' : `; ${drivenBy} drives it`;
  const lines = [
    `Would ${action} run ${run} of ${name} from journal entry ${from.entry} (${formatClock(from.at)})${driven}.`,
    ...groupsOf(preview.steps).map(({ what, why, names }) => fateLine(what, `${names.join(', ')}   (${why})`)),
    ...inputLines(preview),
    'Nothing was done. The same line without --dry-run does it.',
  ];
  return lines.map((line) => `${sanitize(line)}\n`).join('');
}

function fateLine(word: string, text: string): string {
  return `  ${padTo(word, WORD_WIDTH)} ${text}`;
}

interface Group {
  readonly what: StepForecast['what'];
  readonly why: string;
  readonly names: string[];
}

/** Neighbours that fare alike, for the same reason. */
function groupsOf(steps: readonly StepForecast[]): readonly Group[] {
  const groups: Group[] = [];
  for (const { what, why, id, hosts } of steps) {
    const name = hosts === undefined ? id : `${id} on ${compressHosts(hosts).join(', ')}`;
    const last = groups.at(-1);
    if (last?.what === what && last.why === why) last.names.push(name);
    else groups.push({ what, why, names: [name] });
  }
  return groups;
}

function inputLines({ sources, targets, moved, fleet }: RunPreview): readonly string[] {
  const same = Object.entries(sources).filter(([what]) => !moved.some((input) => input.what === what));
  const unchanged = [
    ...same.map(([what, digest]) => `${what} ${shortDigest(digest)}`),
    ...(fleet.length === 0 && targets > 0 ? [`${targets} targets`] : []),
  ];
  return [
    ...(unchanged.length === 0 ? [] : [fateLine('inputs', `unchanged: ${unchanged.join(', ')}`)]),
    ...moved.map(({ what, was, is }) => fateLine('moved', `${what} ${shortDigest(was)} -> ${shortDigest(is)}`)),
    ...fleet.map(({ target, came, gone }) => fateLine('moved', `target ${target}: ${hostsText(came, gone)}`)),
  ];
}

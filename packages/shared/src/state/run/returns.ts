import { float, fromPlain, PyMap, type Value } from '../../values/index.ts';
import type { Chunk } from '../contract.ts';
import type { StepResult } from '../engine/index.ts';
import type { StepAnswer } from './answer.ts';

/** One state's return as Salt prints it. */
export function saltReturn(result: StepResult, chunk: Chunk): PyMap {
  const answer: StepAnswer = result.answer;
  const id = result.mode === 'react' ? `listener_${chunk.id}` : chunk.id;
  const entries: [string, Value][] = [
    ['name', answer.name === undefined ? chunk.name : fromPlain(answer.name)],
    ['changes', answer.changes],
    ['result', answer.result],
    ['comment', answer.comment],
  ];
  if (answer.warnings !== undefined) entries.push(['warnings', [...answer.warnings]]);
  if (answer.guarded === true) entries.push(['skip_watch', true]);
  if (answer.ran === false) entries.push(['__state_ran__', false]);
  if (chunk.options.parallel) entries.push(['__parallel__', true]);
  entries.push(
    ['__sls__', chunk.sls === '' ? null : chunk.sls],
    ['__run_num__', result.number],
    ['start_time', clockText(result.startedAt)],
    ['duration', float(result.durationMs)],
    ['__id__', id],
  );
  return new PyMap(entries);
}

/** `HH:MM:SS.ffffff`, local time, as Salt writes it. */
function clockText(at: number): string {
  const time = new Date(at);
  const two = (part: number): string => String(part).padStart(2, '0');
  const micro = String(time.getMilliseconds() * 1000).padStart(6, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${micro}`;
}

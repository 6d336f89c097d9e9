import { STATE_NOTES, type StateNotes } from '../../protocol/plain/index.ts';
import { float, fromPlain, PyMap, type Value } from '../../values/index.ts';
import type { Chunk } from '../contract.ts';
import { type Causes, hasChanges, type StepResult } from '../engine/index.ts';
import type { StepAnswer } from './answer.ts';

/** One state's return as Salt prints it, with our own notes under a key beside Salt's. */
export function saltReturn(result: StepResult, chunk: Chunk, causes?: Causes): PyMap {
  const answer: StepAnswer = result.answer;
  const id = result.mode === 'react' ? `listener_${chunk.id}` : chunk.id;
  const entries: [string, Value][] = [
    ['name', answer.name === undefined ? chunk.name : fromPlain(answer.name)],
    ['changes', answer.changes],
    ['result', answer.result],
    ['comment', answer.comment],
  ];
  if (answer.data !== undefined) entries.push(['data', answer.data]);
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
  const notes = notesOf(answer, chunk, causes);
  if (Object.keys(notes).length > 0) entries.push([STATE_NOTES, fromPlain(notes)]);
  return new PyMap(entries);
}

function notesOf(answer: StepAnswer, chunk: Chunk, causes: Causes | undefined): StateNotes {
  const { place } = chunk;
  const { verb, guards } = answer;
  const { because = [], depends = [] } = causes ?? {};
  const acts = answer.result === null || hasChanges(answer.changes);
  return {
    ...(place === undefined ? {} : { place: `${place.file}:${place.line}` }),
    ...(verb === undefined || !acts ? {} : { verb }),
    ...(because.length === 0 ? {} : { because }),
    ...(depends.length === 0 ? {} : { depends }),
    ...(guards === undefined ? {} : { guards }),
    ...(answer.guarded === true ? { isSkipped: true } : {}),
  };
}

/** `HH:MM:SS.ffffff`, local time, as Salt writes it. */
function clockText(at: number): string {
  const time = new Date(at);
  const two = (part: number): string => String(part).padStart(2, '0');
  const micro = String(time.getMilliseconds() * 1000).padStart(6, '0');
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${micro}`;
}

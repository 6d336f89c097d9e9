import type { StepSummary } from '@edge-run/shared/protocol';
import type { Chunk } from '@edge-run/shared/state';
import { PyMap } from '@edge-run/shared/values';
import { shownLate } from './registers.ts';

/** A step of a plan as it is shown. */
export function summaryOf(chunk: Chunk): StepSummary {
  const target = chunk.args.get('tgt');
  return {
    key: chunk.key,
    id: chunk.id,
    name: shownLate(String(chunk.name)),
    kind: `${chunk.state}.${chunk.fun}`,
    sls: chunk.sls,
    ...(chunk.place === undefined ? {} : { place: { file: chunk.place.file, line: chunk.place.line } }),
    ...(target === undefined || target instanceof PyMap
      ? {}
      : { target: shownLate(Array.isArray(target) ? target.map(String).join(',') : String(target)) }),
  };
}

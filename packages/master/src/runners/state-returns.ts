import { resultsOf } from '@edge-run/shared/state';
import { PyMap, type Value } from '@edge-run/shared/values';
import type { RunRecord } from '../orchestration/index.ts';

/** The returns of a run under Salt's keys, in order of running. */
export function stateReturns(record: RunRecord): PyMap {
  const chunks = new Map(record.stored.plan.chunks.map((chunk) => [chunk.key, chunk]));
  const returns = new PyMap();
  for (const { key, step, number, answer, startedAt, durationMs } of resultsOf(record.state)) {
    const chunk = chunks.get(step)!;
    const entry: [Value, Value][] = [
      ['name', chunk.name],
      ['changes', answer.changes],
      ['result', answer.result],
      ['comment', answer.comment],
      ['__id__', chunk.id],
      ['__sls__', chunk.sls],
      ['__run_num__', number],
      ['start_time', new Date(startedAt).toISOString().slice(11, 23)],
      ['duration', durationMs],
    ];
    returns.set(key, new PyMap(entry));
  }
  return returns;
}

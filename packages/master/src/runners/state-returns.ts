import { causesOf, resultsOf, saltReturn } from '@edge-run/shared/state';
import { PyMap } from '@edge-run/shared/values';
import type { RunRecord } from '../orchestration/index.ts';

/** The returns of a run under Salt's keys, in order of running. */
export function stateReturns(record: RunRecord): PyMap {
  const chunks = new Map(record.stored.plan.chunks.map((chunk) => [chunk.key, chunk]));
  const results = resultsOf(record.state);
  const causes = causesOf(record.state, results);
  return new PyMap(
    results.map((result) => [result.key, saltReturn(result, chunks.get(result.step)!, causes.get(result.key))]),
  );
}

import type { StepReturn } from '@edge-run/shared/protocol';
import type { Chunk, StepKey } from '@edge-run/shared/state';
import { encodeValue, PyMap } from '@edge-run/shared/values';
import { getStepIndex } from './find-step.ts';
import { failedHostsOf, type RunRecord } from './run-record.ts';

/** What of an ended run is to be done again. */
export interface RetryWishes {
  /** Begin again with this step, though it and later ones may have succeeded. */
  readonly from?: string | undefined;
  /** Steps that count as done. */
  readonly skip?: readonly string[] | undefined;
  /** Do failed steps only on the hosts where they failed. */
  readonly onlyFailed?: boolean | undefined;
}

/** What a run that takes another up need not do. */
export interface RetryPlan {
  readonly kept: readonly { readonly step: StepKey; readonly answer: StepReturn }[];
  readonly onlyHosts: Readonly<Record<StepKey, string[]>>;
}

/**
 * What an earlier run has done of `chunks` and need not be done again: steps that succeeded and were not undone since.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for a step the plan does not have
 */
export function retryPlan(record: RunRecord, chunks: readonly Chunk[], wishes: RetryWishes): RetryPlan {
  const from = wishes.from === undefined ? chunks.length : getStepIndex(record.id, chunks, wishes.from);
  const skipped = new Set((wishes.skip ?? []).map((name) => chunks[getStepIndex(record.id, chunks, name)]!.key));
  const undone = new Set(record.rolledBack?.steps ?? []);
  const before = new Map(record.stored.plan.chunks.map((chunk) => [chunk.key, chunk]));
  const kept: RetryPlan['kept'][number][] = [];
  const onlyHosts: Record<StepKey, string[]> = {};
  chunks.forEach((chunk, index) => {
    const answer = record.answers.get(chunk.key);
    if (skipped.has(chunk.key)) kept.push({ step: chunk.key, answer: passedOver() });
    else if (answer === undefined || index >= from || undone.has(chunk.key)) return;
    // A plan that was made anew may have another step under the same name.
    else if (!sameStep(chunk, before.get(chunk.key))) return;
    else if (
      answer.result === true &&
      (record.done.has(chunk.key) || record.retryOf !== undefined) &&
      answer.ran !== false
    )
      kept.push({ step: chunk.key, answer });
    else if (wishes.onlyFailed === true && answer.result === false && failedHostsOf(answer).length > 0)
      onlyHosts[chunk.key] = [...failedHostsOf(answer)];
  });
  return { kept, onlyHosts };
}

function sameStep(chunk: Chunk, other: Chunk | undefined): boolean {
  return other !== undefined && JSON.stringify(encodeValue(chunk.args)) === JSON.stringify(encodeValue(other.args));
}

function passedOver(): StepReturn {
  return { result: true, changes: encodeValue(new PyMap()), comment: 'Passed over: whoever tried again said so.' };
}

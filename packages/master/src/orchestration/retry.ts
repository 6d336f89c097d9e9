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
  /** Step → why it is kept, or done again. */
  readonly why: ReadonlyMap<StepKey, string>;
}

/**
 * What an earlier run has done of `chunks` and need not be done again: steps that succeeded and were not undone since.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for a step the plan does not have
 */
export function retryPlan(record: RunRecord, chunks: readonly Chunk[], wishes: RetryWishes): RetryPlan {
  const from = wishes.from === undefined ? chunks.length : getStepIndex(record.id, chunks, wishes.from);
  const skipped = new Set((wishes.skip ?? []).map((name) => chunks[getStepIndex(record.id, chunks, name)]!.key));
  const before = new Map(record.stored.plan.chunks.map((chunk) => [chunk.key, chunk]));
  const kept: RetryPlan['kept'][number][] = [];
  const onlyHosts: Record<StepKey, string[]> = {};
  const why = new Map<StepKey, string>();
  chunks.forEach((chunk, index) => {
    const step = chunk.key;
    const answer = record.answers.get(step);
    const fate = skipped.has(step)
      ? SKIPPED
      : index >= from
        ? { again: `from \`${wishes.from}\` on all is done again` }
        : fateOf(record, chunk, before.get(step));
    why.set(step, 'kept' in fate ? fate.kept : fate.again);
    if ('kept' in fate) kept.push({ step, answer: fate === SKIPPED || answer === undefined ? passedOver() : answer });
    else if (wishes.onlyFailed === true && fate.hosts !== undefined) {
      onlyHosts[step] = [...fate.hosts];
      why.set(step, 'failed; only on the hosts where it did');
    }
  });
  return { kept, onlyHosts, why };
}

/** What becomes of a step: it is kept, or done again, where only some of its hosts failed perhaps only there. */
type Fate = { readonly kept: string } | { readonly again: string; readonly hosts?: readonly string[] };

const SKIPPED: Fate = { kept: 'counts as done, because somebody says so' };

/** What becomes of a step by how it went. */
function fateOf(record: RunRecord, chunk: Chunk, before: Chunk | undefined): Fate {
  const answer = record.answers.get(chunk.key);
  if (answer === undefined) return { again: 'not started' };
  if (record.rolledBack?.steps.includes(chunk.key) === true) return { again: 'was undone' };
  // A plan that was made anew may have another step under the same name.
  if (!sameStep(chunk, before)) return { again: 'is another step by now' };
  const wasDone = record.done.has(chunk.key);
  if (answer.result === true && (wasDone || record.retryOf !== undefined) && answer.ran !== false)
    return { kept: 'succeeded' };
  if (answer.result !== false) return { again: 'was not run' };
  const hosts = failedHostsOf(answer);
  return { again: wasDone ? 'failed' : 'was not run', ...(hosts.length === 0 ? {} : { hosts }) };
}

function sameStep(chunk: Chunk, other: Chunk | undefined): boolean {
  return other !== undefined && argsText(chunk) === argsText(other);
}

function passedOver(): StepReturn {
  return { result: true, changes: encodeValue(new PyMap()), comment: 'Passed over: whoever tried again said so.' };
}

/** With its secrets: a step that is to be done with another password is another step. */
function argsText({ args }: Chunk): string {
  return JSON.stringify(encodeValue(args, { secrets: 'revealed' }));
}

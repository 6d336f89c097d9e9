import type { PlannedCall } from '@edge-run/shared/protocol';
import { readAmount } from '@edge-run/shared/target';
import { batchSizes } from '../../jobs/index.ts';
import { batchText } from './batches.ts';

/** What a step says about how many hosts it calls at a time, and how many may fail. */
interface BatchArguments {
  readonly batch?: Parameters<typeof batchText>[0] | undefined;
  readonly subset?: number | undefined;
  readonly allow_fail?: number | undefined;
  readonly max_failures?: number | string | undefined;
}

/** The batches of a call in order with its budget; nothing where everybody is called at once and nobody may fail. */
export function plannedBatches(
  { batch, subset, allow_fail, max_failures }: BatchArguments,
  hosts: readonly string[],
): Pick<PlannedCall, 'batches' | 'budget'> {
  const words = [
    ...(subset === undefined || subset >= hosts.length ? [] : [`${subset} of them, chosen at random`]),
    ...(batch === undefined || Array.isArray(batch) ? [] : [`at most ${String(batch)} at a time`]),
    ...(allow_fail === undefined || allow_fail === 0 ? [] : [`at most ${allow_fail} may fail`]),
    ...(max_failures === undefined ? [] : [`it stops when more than ${max_failures} fail`]),
  ];
  const stages = batch === undefined ? [] : stagesOf(batchText(batch), hosts);
  return {
    ...(stages.length > 1 ? { batches: stages } : {}),
    ...(words.length === 0 ? {} : { budget: words.join(', ') }),
  };
}

/** The hosts in stages, the last size repeated; none where the sizes come only with an earlier step. */
function stagesOf(batch: string, hosts: readonly string[]): string[][] {
  if (batch.split(',').some((part) => readAmount(part) === undefined)) return [];
  const sizes = batchSizes(batch, hosts.length);
  const stages: string[][] = [];
  for (let from = 0; from < hosts.length; from += stages.at(-1)!.length)
    stages.push(hosts.slice(from, from + sizes[Math.min(stages.length, sizes.length - 1)]!));
  return stages;
}

import type { PlannedCall } from '@edge-run/shared/protocol';

/** What a step says about how many hosts it calls at a time, and how many may fail. */
interface BatchArguments {
  readonly batch?: unknown;
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
  const stages = batch === undefined ? [] : stagesOf(Array.isArray(batch) ? batch : [batch], hosts);
  return {
    ...(stages.length > 1 ? { batches: stages } : {}),
    ...(words.length === 0 ? {} : { budget: words.join(', ') }),
  };
}

/** The hosts in stages: each amount is a number or a share of all; the last one goes on until nobody is left. */
function stagesOf(amounts: readonly unknown[], hosts: readonly string[]): string[][] {
  const stages: string[][] = [];
  let rest = [...hosts];
  for (let index = 0; rest.length > 0; index += 1) {
    const size = sizeOf(amounts[Math.min(index, amounts.length - 1)], hosts.length);
    stages.push(rest.slice(0, size));
    rest = rest.slice(size);
  }
  return stages;
}

/** At least one host, rounded down as Salt does (Salt 3006 `cli/batch.py`, get_bnum). */
function sizeOf(amount: unknown, total: number): number {
  const [, digits = '1', percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(String(amount).trim()) ?? [];
  const size = percent === '%' ? Math.floor((Number(digits) / 100) * total) : Math.floor(Number(digits));
  return Math.max(1, size);
}

import { EdgeError } from '@edge-run/shared/kernel';

/** How many hosts at a time `batch` means among `total`: a number, or a share such as `25%`. At least 1. */
export function batchSize(batch: string, total: number): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(batch.trim());
  const amount = Number(match?.[1]);
  if (match === null || !(amount > 0)) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `batch \`${batch}\` is no number and no share`,
      { batch },
      { hint: 'Write `batch: 2` or `batch: 25%`.' },
    );
  }
  // Salt rounds a share up for one host and down otherwise; one host is the least.
  return Math.max(1, Math.floor(match[2] === '%' ? (total * amount) / 100 : amount));
}

/** Some of `ids`, chosen by `random` (0 ≤ x < 1), in their own order. */
export function chooseSubset(ids: readonly string[], count: number, random: () => number): readonly string[] {
  const pool = [...ids];
  while (pool.length > count) pool.splice(Math.floor(random() * pool.length), 1);
  return pool;
}

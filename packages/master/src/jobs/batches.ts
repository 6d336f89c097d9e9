import { EdgeError } from '@edge-run/shared/kernel';
import { type Amount, amountAmong, readAmount } from '@edge-run/shared/target';

/**
 * How many hosts at a time each part of `batch` means among `total`: numbers and shares such as `1,25%,100%`. Each is
 * at least 1. @throws EdgeError `EDGE_BAD_ARGUMENT` for what is neither
 */
export function batchSizes(batch: string, total: number): readonly number[] {
  return batch.split(',').map((part) => {
    const amount = amountOf(part, `batch \`${batch}\``, 'Write `batch: 2`, `batch: 25%` or `batch: [1, 25%, 100%]`.');
    if (amount.amount === 0) throw noAmount(`batch \`${batch}\``, 'Write numbers and shares above 0.');
    // Salt rounds a share up for one host and down otherwise; one host is the least.
    return Math.max(1, Math.floor(amountAmong(amount, total)));
  });
}

/**
 * How many of `total` hosts `limit` means: a number, or a share such as `10%`, rounded down.
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for what is neither
 */
export function limitAmong(limit: string, total: number): number {
  return Math.floor(amountAmong(amountOf(limit, `the limit \`${limit}\``, 'Write `3` or `10%`.'), total));
}

/** Some of `ids`, chosen by `random` (0 ≤ x < 1), in their own order. */
export function chooseSubset(ids: readonly string[], count: number, random: () => number): readonly string[] {
  const pool = [...ids];
  while (pool.length > count) pool.splice(Math.floor(random() * pool.length), 1);
  return pool;
}

function amountOf(text: string, what: string, hint: string): Amount {
  const amount = readAmount(text);
  if (amount === undefined) throw noAmount(what, hint);
  return amount;
}

function noAmount(what: string, hint: string): EdgeError {
  return new EdgeError('EDGE_BAD_ARGUMENT', `${what} is no number and no share`, {}, { hint });
}

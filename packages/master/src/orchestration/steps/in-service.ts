import { EdgeError } from '@edge-run/shared/kernel';
import { amountAmong, readAmount } from '@edge-run/shared/target';
import type { PoolMember } from '../../loadbalancer/index.ts';

/** How many members have to be in service, with the arithmetic in words. */
export interface Floor {
  readonly count: number;
  /** `70% of 3 is 2.1, so 3`. */
  readonly words: string;
}

/** True for a member that takes traffic: it is enabled, and up as far as the load balancer looks. */
export function isInService({ admin, health }: PoolMember): boolean {
  return admin === 'enabled' && (health === 'up' || health === 'unknown');
}

/** What `floor` means among `total` members; a share is rounded up. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function floorOf(floor: string | number, total: number): Floor {
  const amount = readAmount(String(floor));
  if (amount === undefined)
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `\`${floor}\` is no number of members and no share`,
      { floor },
      { hint: 'Write 2 or 70%.' },
    );
  const exact = amountAmong(amount, total);
  // 30% of 10 is not 3.0000000000000004.
  const count = Math.ceil(Math.round(exact * 1e6) / 1e6);
  if (!amount.isShare) return { count, words: `at least ${count} of ${total} have to be` };
  const rounded = count === exact ? String(count) : `${Math.round(exact * 100) / 100}, so ${count}`;
  return { count, words: `${floor} of ${total} have to be, which is ${rounded}` };
}

/** Why `member` must not be taken out; undefined when enough stay in service without it, or it is out already. */
export function floorProblem(
  members: readonly PoolMember[],
  member: string,
  floor: string | number,
): string | undefined {
  const inService = members.filter(isInService).map(({ id }) => id);
  if (!inService.includes(member)) return undefined;
  const { count, words } = floorOf(floor, members.length);
  const left = inService.length - 1;
  if (left >= count) return undefined;
  const out = members
    .filter(({ id }) => !inService.includes(id))
    .map(({ id, admin, health }) => `${id} (${stateOf({ admin, health })})`);
  const already = out.length === 0 ? '' : `; out already: ${out.join(', ')}`;
  return `${inService.length} of ${members.length} members are in service, without ${member} ${left} would be; ${words}${already}`;
}

/** `enabled, up` in one word where that says it. */
export function stateOf({ admin, health }: Pick<PoolMember, 'admin' | 'health'>): string {
  return admin === 'enabled' ? health : admin;
}

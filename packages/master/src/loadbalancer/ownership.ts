import type { AdminState, PoolMember } from './loadbalancer.ts';

/** What was written down before the first change of a member: enough to put it back as it was. */
export interface Owned {
  readonly pool: string;
  readonly member: string;
  readonly previous: AdminState;
}

/** What to do to put a member back as it was found. */
export interface Restore {
  readonly pool: string;
  readonly member: string;
  /** `leave-out`: it took no new traffic before us, so it takes none after us. */
  readonly action: 'enable' | 'leave-out';
}

/** The records to store before the first write to a pool: one for each of the `ids`, as the members are now. */
export function own(pool: string, members: readonly PoolMember[], ids: readonly string[]): readonly Owned[] {
  const wanted = new Set(ids);
  return members.filter(({ id }) => wanted.has(id)).map(({ id, admin }) => ({ pool, member: id, previous: admin }));
}

/**
 * What puts every owned member back as it was found, in the order it was taken. A member that was out before stays
 * out. The first record of a member wins: later ones have seen our own changes.
 */
export function planRestore(owned: readonly Owned[]): readonly Restore[] {
  const first = new Map<string, Restore>();
  for (const { pool, member, previous } of owned) {
    const key = JSON.stringify([pool, member]);
    if (!first.has(key)) first.set(key, { pool, member, action: previous === 'enabled' ? 'enable' : 'leave-out' });
  }
  return [...first.values()];
}

import { own, planRestore } from '@edge-run/master/loadbalancer';
import { describe, expect, it } from 'vitest';

const member = (id: string, admin: 'enabled' | 'draining' | 'disabled') =>
  ({ id, admin, address: '192.0.2.1:80', health: 'up', sessions: 0 }) as const;

describe('ownership', () => {
  it('own: records only the members asked for, as they are', () => {
    const members = [member('a', 'enabled'), member('b', 'disabled'), member('c', 'enabled')];
    expect(own('web', members, ['b', 'a'])).toEqual([
      { pool: 'web', member: 'a', previous: 'enabled' },
      { pool: 'web', member: 'b', previous: 'disabled' },
    ]);
  });

  it('planRestore: a member that was out before stays out', () => {
    const owned = own(
      'web',
      [member('a', 'enabled'), member('b', 'disabled'), member('c', 'draining')],
      ['a', 'b', 'c'],
    );
    expect(planRestore(owned).map(({ member: id, action }) => `${id} ${action}`)).toEqual([
      'a enable',
      'b leave-out',
      'c leave-out',
    ]);
  });

  it('planRestore: the first record wins, for a second one has seen our own change', () => {
    const plan = planRestore([
      { pool: 'web', member: 'a', previous: 'enabled' },
      { pool: 'web', member: 'a', previous: 'disabled' },
      { pool: 'api', member: 'a', previous: 'disabled' },
    ]);
    expect(plan).toEqual([
      { pool: 'web', member: 'a', action: 'enable' },
      { pool: 'api', member: 'a', action: 'leave-out' },
    ]);
  });
});

import { haproxyLoadBalancer } from '@edge-run/master/loadbalancer';
import { EdgeError } from '@edge-run/shared/kernel';
import { describe, expect, it } from 'vitest';
import { describeLoadBalancerConformance } from '../../../conformance/loadbalancer.ts';
import { FakeHaproxy } from '../../../support/fake-haproxy.ts';

const IDS = ['app1', 'app2', 'app3'] as const;
const within = (deadlineMs: number) => ({ deadlineMs, signal: new AbortController().signal });

describeLoadBalancerConformance('HAProxy, two processes that answer as 2.6 does', async () => {
  const processes = [new FakeHaproxy('one.sock', IDS), new FakeHaproxy('two.sock', IDS)] as const;
  return {
    balancer: haproxyLoadBalancer({ processes, pollMs: 10 }),
    pool: 'web',
    members: IDS,
    openSession: async (id) => {
      processes[1].server(id).scur = 1;
      return async () => {
        processes[1].server(id).scur = 0;
      };
    },
    setHealthy: async (id, healthy) => {
      for (const process of processes) process.server(id).healthy = healthy;
    },
    close: async () => {},
  };
});

describe('haproxy', () => {
  it('drain: counts queued requests as sessions', async () => {
    const process = new FakeHaproxy('s', IDS);
    process.server('app1').qcur = 1;
    expect(await haproxyLoadBalancer({ processes: [process], pollMs: 5 }).drain('web', 'app1', within(30))).toBe(
      'deadline',
    );
  });

  it('drain: never sends `drain` to a server in maintenance, which would open it to bound clients', async () => {
    const process = new FakeHaproxy('s', IDS);
    process.server('app1').admin = 1;
    await haproxyLoadBalancer({ processes: [process], pollMs: 5 }).drain('web', 'app1', within(30));
    expect(process.changes).toEqual([]);
  });

  it('members: a member out in one process and in in another still gets traffic: enabled', async () => {
    const processes = [new FakeHaproxy('a', IDS), new FakeHaproxy('b', IDS)];
    processes[0]!.server('app1').admin = 1;
    processes[1]!.server('app2').healthy = false;
    const members = await haproxyLoadBalancer({ processes }).members('web');
    expect(members.map(({ admin, health }) => `${admin} ${health}`)).toEqual([
      'enabled unknown',
      'enabled down',
      'enabled up',
    ]);
  });

  it('members: weight 0 is draining, and disabled in the configuration but made ready is enabled', async () => {
    const process = new FakeHaproxy('s', IDS);
    process.server('app1').weight = 0;
    process.server('app2').admin = 4;
    const members = await haproxyLoadBalancer({ processes: [process] }).members('web');
    expect(members.map(({ admin }) => admin)).toEqual(['draining', 'enabled', 'enabled']);
  });

  it('enable: a server of weight 0 fails with what to do about it', async () => {
    const process = new FakeHaproxy('s', IDS);
    process.server('app1').weight = 0;
    const enabling = haproxyLoadBalancer({ processes: [process], pollMs: 5 }).enable('web', 'app1', within(20));
    await expect(enabling).rejects.toMatchObject({
      code: 'EDGE_LB_MEMBER_NOT_UP',
      hint: expect.stringContaining('weight 100%'),
    });
  });

  it('enable: does not take `UP 1/3` for up', async () => {
    const process = new FakeHaproxy('s', IDS);
    process.server('app1').checksLeft = 1_000;
    const enabling = haproxyLoadBalancer({ processes: [process], pollMs: 5 }).enable('web', 'app1', within(40));
    await expect(enabling).rejects.toMatchObject({ message: expect.stringContaining('`UP 1/3`') });
  });

  it('enable: the error shows what the last check said', async () => {
    const process = new FakeHaproxy('s', IDS);
    process.server('app1').healthy = false;
    const enabling = haproxyLoadBalancer({ processes: [process], pollMs: 5 }).enable('web', 'app1', within(20));
    await expect(enabling).rejects.toMatchObject({ message: expect.stringContaining('L7STS 503 HTTP status') });
  });

  it('every process is told, even when the first refuses', async () => {
    const processes = [new FakeHaproxy('a', IDS), new FakeHaproxy('b', IDS)];
    processes[0]!.readOnly = true;
    const disabling = haproxyLoadBalancer({ processes }).disable('web', 'app1');
    await expect(disabling).rejects.toMatchObject({
      code: 'EDGE_LB_REFUSED',
      hint: expect.stringContaining('level admin'),
    });
    expect(processes[1]!.server('app1').admin).toBe(1);
  });

  it.each(['web;show', 'web app', 'web\nquit', ''])(
    'a name that would change the command line is refused: %j',
    async (name) => {
      const process = new FakeHaproxy('s', IDS);
      const disabling = haproxyLoadBalancer({ processes: [process] }).disable('web', name);
      await expect(disabling).rejects.toBeInstanceOf(EdgeError);
      expect(process.commands).toEqual([]);
    },
  );
});

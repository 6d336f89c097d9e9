import type { LoadBalancer, PoolMember } from '@edge-run/master/loadbalancer';
import { EdgeError } from '@edge-run/shared/kernel';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

/** A load balancer with one pool of at least two healthy members, and hands to move the world around it. */
export interface LoadBalancerSubject {
  readonly balancer: LoadBalancer;
  readonly pool: string;
  readonly members: readonly [string, string, ...string[]];
  /** Opens a session to the member through the load balancer; the answer ends it. */
  openSession(member: string): Promise<() => Promise<void>>;
  /** Makes the member pass or fail its health checks from now on. */
  setHealthy(member: string, healthy: boolean): Promise<void>;
  close(): Promise<void>;
}

/** What every load balancer driver promises. */
export function describeLoadBalancerConformance(name: string, start: () => Promise<LoadBalancerSubject>): void {
  describe(`load balancer: ${name}`, () => {
    let subject: LoadBalancerSubject;
    beforeAll(async () => {
      subject = await start();
    });
    afterAll(() => subject?.close());
    beforeEach(async () => {
      for (const member of subject.members) {
        await subject.setHealthy(member, true);
        await subject.balancer.enable(subject.pool, member, within(10_000));
      }
    });

    it('members: lists every member with address, admin state, health and sessions', async () => {
      const members = await subject.balancer.members(subject.pool);
      expect(members.map(({ id }) => id)).toEqual(subject.members);
      for (const member of members) {
        expect(member).toMatchObject({ admin: 'enabled', health: 'up', sessions: 0 });
        expect(member.address).toMatch(/:\d+$/);
      }
    });

    it('disable: is seen, touches no other member, and may be repeated', async () => {
      const [first, second] = subject.members;
      await subject.balancer.disable(subject.pool, first);
      await subject.balancer.disable(subject.pool, first);
      expect((await look(subject, first)).admin).toBe('disabled');
      expect((await look(subject, second)).admin).toBe('enabled');
    });

    it('enable: resolves only when the member is up, and may be repeated', async () => {
      const [first] = subject.members;
      await subject.balancer.disable(subject.pool, first);
      await subject.balancer.enable(subject.pool, first, within(10_000));
      expect(await look(subject, first)).toMatchObject({ admin: 'enabled', health: 'up' });
      await subject.balancer.enable(subject.pool, first, within(10_000));
    });

    it('enable: fails at the deadline when the member does not pass its checks', async () => {
      const [first] = subject.members;
      await subject.balancer.disable(subject.pool, first);
      await subject.setHealthy(first, false);
      const error = await caught(subject.balancer.enable(subject.pool, first, within(1_500)));
      expect(error.code).toBe('EDGE_LB_MEMBER_NOT_UP');
      expect(error.message).toContain(`${subject.pool}/${first}`);
      expect(error.hint).toBeTruthy();
    });

    it('drain: resolves at once when nothing is open, and may be repeated', async () => {
      const [first] = subject.members;
      expect(await subject.balancer.drain(subject.pool, first, within(5_000))).toBe('drained');
      expect(await subject.balancer.drain(subject.pool, first, within(5_000))).toBe('drained');
      expect((await look(subject, first)).admin).toBe('draining');
    });

    it('drain: waits for an open session and resolves when it ends', async () => {
      const [first] = subject.members;
      const end = await subject.openSession(first);
      expect((await look(subject, first)).sessions).toBe(1);
      let settled = false;
      const drained = subject.balancer.drain(subject.pool, first, within(20_000)).finally(() => {
        settled = true;
      });
      await until(async () => (await look(subject, first)).admin === 'draining');
      expect(settled).toBe(false);
      await end();
      expect(await drained).toBe('drained');
    });

    it("drain: resolves 'deadline' when a session stays open, and the member goes on draining", async () => {
      const [first] = subject.members;
      const end = await subject.openSession(first);
      expect(await subject.balancer.drain(subject.pool, first, within(400))).toBe('deadline');
      expect((await look(subject, first)).admin).toBe('draining');
      await end();
    });

    it('drain: leaves a disabled member disabled', async () => {
      const [first] = subject.members;
      await subject.balancer.disable(subject.pool, first);
      expect(await subject.balancer.drain(subject.pool, first, within(5_000))).toBe('drained');
      expect((await look(subject, first)).admin).toBe('disabled');
    });

    it('drain: ends with EDGE_CANCELLED when its signal aborts', async () => {
      const [first] = subject.members;
      const end = await subject.openSession(first);
      const controller = new AbortController();
      const waiting = caught(
        subject.balancer.drain(subject.pool, first, { deadlineMs: 20_000, signal: controller.signal }),
      );
      await until(async () => (await look(subject, first)).admin === 'draining');
      controller.abort();
      expect((await waiting).code).toBe('EDGE_CANCELLED');
      await end();
    });

    it('disable: leaves open sessions alone, and cuts them when forced', async ({ skip }) => {
      if (!subject.balancer.capabilities.cutsSessions) skip('this load balancer cannot cut sessions');
      const [first] = subject.members;
      const end = await subject.openSession(first);
      await subject.balancer.disable(subject.pool, first);
      expect((await look(subject, first)).sessions).toBe(1);
      await subject.balancer.disable(subject.pool, first, { force: true });
      await until(async () => (await look(subject, first)).sessions === 0);
      await end();
    });

    it('every method: names the pool it does not know and suggests one', async () => {
      const { balancer, pool, members } = subject;
      const wrong = `${pool}x`;
      for (const attempt of attempts(balancer, wrong, members[0])) {
        const error = await caught(attempt());
        expect(error.code).toBe('EDGE_LB_UNKNOWN_POOL');
        expect(error.message).toContain(wrong);
        expect(error.hint).toContain(`\`${pool}\``);
      }
      expect((await caught(balancer.members(wrong))).code).toBe('EDGE_LB_UNKNOWN_POOL');
    });

    it('every method: names the member it does not know and suggests one', async () => {
      const { balancer, pool, members } = subject;
      const wrong = `${members[0]}x`;
      for (const attempt of attempts(balancer, pool, wrong)) {
        const error = await caught(attempt());
        expect(error.code).toBe('EDGE_LB_UNKNOWN_MEMBER');
        expect(error.message).toContain(wrong);
        expect(error.hint).toContain(members[0]);
      }
    });
  });
}

function attempts(balancer: LoadBalancer, pool: string, member: string): readonly (() => Promise<unknown>)[] {
  return [
    () => balancer.drain(pool, member, within(1_000)),
    () => balancer.disable(pool, member),
    () => balancer.enable(pool, member, within(1_000)),
  ];
}

const within = (deadlineMs: number) => ({ deadlineMs, signal: new AbortController().signal });

async function look({ balancer, pool }: LoadBalancerSubject, member: string): Promise<PoolMember> {
  const found = (await balancer.members(pool)).find(({ id }) => id === member);
  if (found === undefined) throw new Error(`no member ${member}`);
  return found;
}

async function caught(promise: Promise<unknown>): Promise<EdgeError> {
  const error: unknown = await promise.then(
    () => new Error('resolved, and should not have'),
    (reason: unknown) => reason,
  );
  if (error instanceof EdgeError) return error;
  throw error;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 400; look += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it did not come to hold within 10 s');
}

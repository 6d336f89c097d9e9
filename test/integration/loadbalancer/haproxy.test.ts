import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { haproxyLoadBalancer, haproxySocket, type LoadBalancer } from '@edge-run/master/loadbalancer';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeLoadBalancerConformance } from '../../conformance/loadbalancer.ts';
import { haproxyVersion, type RunningHaproxy, startHaproxy } from '../../support/haproxy.ts';
import { Application } from './application.ts';

const IDS = ['app1', 'app2', 'app3'] as const;
const version = haproxyVersion();

interface Site {
  readonly applications: ReadonlyMap<string, Application>;
  readonly haproxy: RunningHaproxy;
  readonly balancer: LoadBalancer;
  stop(): Promise<void>;
}

async function startSite(): Promise<Site> {
  const applications = new Map(IDS.map((id) => [id as string, new Application(id)]));
  for (const application of applications.values()) await application.start();
  const haproxy = await startHaproxy([...applications.values()]);
  const balancer = haproxyLoadBalancer({ processes: [haproxySocket({ path: haproxy.socketPath })], pollMs: 20 });
  return {
    applications,
    haproxy,
    balancer,
    stop: async () => {
      await haproxy.stop();
      for (const application of applications.values()) await application.stop();
    },
  };
}

const within = (deadlineMs: number) => ({ deadlineMs, signal: new AbortController().signal });

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 400; look += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it did not come to hold within 10 s');
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(port: number, path: string, headers: Record<string, string> = {}, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, headers, agent: agent ?? false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

let keys = 0;

/** A request that stays open until it is released. */
async function hold(site: Site, member: string): Promise<{ answer: Promise<Answer | Error>; release(): void }> {
  const application = site.applications.get(member)!;
  keys += 1;
  const key = `k${keys}`;
  const answer = ask(site.haproxy.port, `/hold?${key}`, { 'x-member': member }).catch((error: Error) => error);
  await until(() => application.holds(key));
  return { answer, release: () => application.release(key) };
}

describe.skipIf(version === undefined)(`HAProxy ${version ?? '(not installed: apt-get install haproxy)'}`, () => {
  describeLoadBalancerConformance('a real HAProxy', async () => {
    const site = await startSite();
    await until(async () => (await site.balancer.members('web')).every(({ health }) => health === 'up'));
    return {
      balancer: site.balancer,
      pool: 'web',
      members: IDS,
      openSession: async (member) => {
        const held = await hold(site, member);
        return async () => {
          held.release();
          await held.answer;
        };
      },
      setHealthy: async (member, healthy) => {
        site.applications.get(member)!.healthy = healthy;
      },
      close: site.stop,
    };
  });

  describe('what only the real one can show', () => {
    let site: Site;
    beforeAll(async () => {
      site = await startSite();
    });
    afterAll(() => site?.stop());
    afterEach(async () => {
      for (const id of IDS) await site.balancer.enable('web', id, within(10_000));
    });

    it('drain → disable → restart → enable, one server after the other under load: no request fails', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 16 });
      let stop = false;
      const failures: string[] = [];
      const timesMs: number[] = [];
      const client = async (): Promise<void> => {
        while (!stop) {
          const startedAt = performance.now();
          const answer = await ask(site.haproxy.port, '/', {}, agent).catch((error: Error) => error);
          timesMs.push(performance.now() - startedAt);
          if (answer instanceof Error) failures.push(answer.message);
          else if (answer.status !== 200) failures.push(String(answer.status));
        }
      };
      const clients = Array.from({ length: 16 }, client);
      for (const id of IDS) {
        const application = site.applications.get(id)!;
        expect(await site.balancer.drain('web', id, within(10_000))).toBe('drained');
        await site.balancer.disable('web', id);
        await application.stop();
        const servedBefore = application.served;
        await application.start();
        await site.balancer.enable('web', id, within(10_000));
        await until(() => application.served > servedBefore + 20);
      }
      stop = true;
      await Promise.all(clients);
      agent.destroy();
      timesMs.sort((a, b) => a - b);
      console.log(`${timesMs.length} requests, p99 ${timesMs[Math.floor(timesMs.length * 0.99)]?.toFixed(1)} ms`);
      expect(timesMs.length).toBeGreaterThan(300);
      expect(failures).toEqual([]);
    });

    it('the load test can fail: stopping a server without draining it loses requests', async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 16 });
      let stop = false;
      let failed = 0;
      const client = async (): Promise<void> => {
        while (!stop) {
          const answer = await ask(site.haproxy.port, '/', {}, agent).catch((error: Error) => error);
          if (answer instanceof Error || answer.status !== 200) failed += 1;
        }
      };
      const clients = Array.from({ length: 16 }, client);
      const application = site.applications.get('app1')!;
      const before = application.served;
      await until(() => application.served > before + 20);
      await application.stop();
      await until(() => failed > 0);
      await application.start();
      stop = true;
      await Promise.all(clients);
      agent.destroy();
      expect(failed).toBeGreaterThan(0);
    });

    it('a long request that is open when the drain begins ends well', async () => {
      const held = await hold(site, 'app1');
      const drained = site.balancer.drain('web', 'app1', within(20_000));
      await until(async () => (await site.balancer.members('web'))[0]?.admin === 'draining');
      held.release();
      expect(await held.answer).toEqual({ status: 200, body: 'app1' });
      expect(await drained).toBe('drained');
    });

    it('a WebSocket keeps a drain waiting, survives `disable`, and is cut by force', async () => {
      const socket = connect(site.haproxy.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('GET /ws HTTP/1.1\r\nHost: a\r\nx-member: app1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
      await once(socket, 'data');
      expect(await site.balancer.drain('web', 'app1', within(300))).toBe('deadline');
      await site.balancer.disable('web', 'app1');
      socket.write('still there');
      expect(String(await once(socket, 'data'))).toBe('still there');
      const closed = once(socket, 'close');
      await site.balancer.disable('web', 'app1', { force: true });
      await closed;
      expect(await site.balancer.drain('web', 'app1', within(5_000))).toBe('drained');
    });

    it('a client bound by cookie still gets a draining server, but not a disabled one', async () => {
      const bound = { cookie: 'srv=app1' };
      await site.balancer.drain('web', 'app1', within(5_000));
      expect((await ask(site.haproxy.port, '/', bound)).body).toBe('app1');
      const unbound = await Promise.all(Array.from({ length: 6 }, () => ask(site.haproxy.port, '/')));
      expect(unbound.map(({ body }) => body)).not.toContain('app1');
      await site.balancer.disable('web', 'app1');
      expect((await ask(site.haproxy.port, '/', bound)).body).not.toBe('app1');
    });

    it('a socket of `level user` is refused with what to change', async () => {
      const balancer = haproxyLoadBalancer({ processes: [haproxySocket({ path: site.haproxy.userSocketPath })] });
      expect(await balancer.members('web')).toHaveLength(3);
      await expect(balancer.disable('web', 'app1')).rejects.toMatchObject({
        code: 'EDGE_LB_REFUSED',
        hint: expect.stringContaining('level admin'),
      });
    });

    it('a socket nobody listens on is EDGE_LB_UNREACHABLE', async () => {
      const balancer = haproxyLoadBalancer({ processes: [haproxySocket({ path: `${site.haproxy.socketPath}.not` })] });
      await expect(balancer.members('web')).rejects.toMatchObject({ code: 'EDGE_LB_UNREACHABLE' });
    });
  });
});

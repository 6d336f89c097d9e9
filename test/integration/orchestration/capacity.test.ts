import { keepLease, openLeaseBuckets, Reservations, reservationTables } from '@edge-run/master/leases';
import { haproxyLoadBalancer, haproxySocket, type LoadBalancer } from '@edge-run/master/loadbalancer';
import { newId, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { haproxyVersion, type RunningHaproxy, startHaproxy } from '../../support/haproxy.ts';
import { LocalOrchestra } from '../../support/local-orchestra.ts';
import { startNats, type TestNats } from '../../support/nats.ts';
import { eventually } from '../../support/processes.ts';
import { Application } from '../loadbalancer/application.ts';

const IDS = ['app1', 'app2', 'app3', 'app4', 'app5', 'app6'];
const LEASE_MS = 10_000;
const version = haproxyVersion();

/** Each member of a half is drained side by side; at least three of the six have to stay. */
const DRAINS = `
{% for app in pillar.apps %}
{{ app }}:
  lb.drain: [{balancer: shop}, {min_in_service: 50%}, {parallel: True}]
{% endfor %}
`;

describe.skipIf(version === undefined)(`HAProxy ${version ?? '(not installed: apt-get install haproxy)'}`, () => {
  const applications = IDS.map((id) => new Application(id));
  const orchestras: LocalOrchestra[] = [];
  let haproxy: RunningHaproxy;
  let nats: TestNats;
  let balancer: LoadBalancer;

  beforeAll(async () => {
    for (const application of applications) await application.start();
    [haproxy, nats] = await Promise.all([startHaproxy(applications), startNats()]);
    balancer = haproxyLoadBalancer({ processes: [haproxySocket({ path: haproxy.socketPath })], pollMs: 20 });
    for (const master of ['m1', 'm2']) orchestras.push(await startMaster(master));
    await eventually(async () => (await inService()).length === IDS.length, 'every member is up', 10_000);
  });
  afterAll(async () => {
    await Promise.all(orchestras.map((orchestra) => orchestra.dispose()));
    await Promise.all([haproxy.stop(), nats.stop(), ...applications.map((application) => application.stop())]);
  });

  const inService = async (): Promise<string[]> =>
    (await balancer.members('web'))
      .filter(({ admin, health }) => admin === 'enabled' && health === 'up')
      .map(({ id }) => id);

  const leases: { end(): Promise<void> }[] = [];
  const allIn = async (): Promise<void> => {
    const within = { deadlineMs: 10_000, signal: new AbortController().signal };
    await Promise.all(IDS.map((id) => balancer.enable('web', id, within)));
  };

  async function startMaster(master: string, of = balancer): Promise<LocalOrchestra> {
    const { connection } = await nats.connect(master);
    const { masters, masterTokens, locks } = await openLeaseBuckets(connection, systemClock, LEASE_MS);
    const lease = await keepLease({
      ...{ id: master, signer: `key of ${master}`, leaseMs: LEASE_MS, bucket: masters, tokens: masterTokens },
      ...{ clock: systemClock, log: silentLogger },
    });
    leases.push(lease);
    return LocalOrchestra.start({
      ...{ files: { 'salt/orch/o.sls': DRAINS }, master, grains: {}, minions: {} },
      balancers: { shop: { balancer: of, pool: 'web' } },
      reservations: new Reservations({
        ...{ storeOf: reservationTables(locks), lease, clock: systemClock },
        ended: async () => new Set(),
      }),
    });
  }

  /** A run of one master that drains the members at once; answers those that it took out. */
  async function drain({ runs }: LocalOrchestra, apps: readonly string[]): Promise<string[]> {
    const pillar = fromPlain({ apps: [...apps] }) as PyMap;
    const run = await runs.start({
      id: newId(),
      name: 'o',
      by: 'ann',
      pillar,
      options: fromPlain({ lock: [] }) as PyMap,
    });
    await runs.wait(run, new AbortController().signal);
    return (await runs.events(run)).flatMap((event) =>
      event.type === 'step-ended' && event.outcome === 'succeeded' ? [event.step.split('_|-')[1]!] : [],
    );
  }

  test.each([
    ['two runs at once', 0, 0],
    ['two masters at once', 0, 1],
  ])('%s, each with steps side by side, keep the floor', async (_, first, second) => {
    const out = await Promise.all([
      drain(orchestras[first]!, ['app1', 'app3', 'app5']),
      drain(orchestras[second]!, ['app2', 'app4', 'app6']),
    ]);
    expect(out.flat()).toHaveLength(3);
    expect(await inService()).toEqual(IDS.filter((id) => !out.flat().includes(id)));
    await allIn();
  });

  test('a master that dies between its reservation and its call counts while it lives, and holds nobody up then', async () => {
    let isAsked = false;
    const drainNever: LoadBalancer['drain'] = () => {
      isAsked = true;
      return new Promise(() => {});
    };
    const third = await startMaster('m3', { ...balancer, drain: drainNever, members: balancer.members.bind(balancer) });
    orchestras.push(third);
    const run = await third.runs.start({
      ...{ id: newId(), name: 'o', by: 'ann', pillar: fromPlain({ apps: ['app1'] }) as PyMap },
      options: fromPlain({ lock: [] }) as PyMap,
    });
    await eventually(() => isAsked, 'it is about to take app1 out');
    // app1 takes connections still, and is counted as gone.
    const others = ['app2', 'app4', 'app6'];
    expect(await drain(orchestras[0]!, others)).toHaveLength(2);
    expect(await inService()).toHaveLength(4);
    await leases.at(-1)!.end();
    const out = await drain(orchestras[1]!, others);
    expect(out.sort()).toEqual(others);
    expect(await inService()).toEqual(['app1', 'app3', 'app5']);
    expect((await third.runs.find(run))?.end).toBeUndefined();
    await allIn();
  });
});

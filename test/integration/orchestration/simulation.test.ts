import { simulate } from '@edge-run/master/simulation';
import { silentLogger } from '@edge-run/shared/kernel';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import { afterEach, expect, test } from 'vitest';
import { LocalOrchestra } from '../../support/local-orchestra.ts';

let orchestra: LocalOrchestra;
afterEach(() => orchestra.dispose());

const ROLLING = `
{% for app in pillar.hosts %}
drain-{{ app }}:
  lb.drain: [{balancer: shop}, {member: {{ app }}}, {failhard: True}]
start-{{ app }}:
  salt.function:
    - name: cmd.run
    - tgt: {{ app }}
    - arg: ['rm -rf /']
    - undo:
      - salt.function: [{name: cmd.run}, {tgt: {{ app }}}, {arg: ['false']}]
    - failhard: True
enable-{{ app }}:
  lb.enable: [{balancer: shop}, {member: {{ app }}}]
{% endfor %}
touch:
  file.touch: [{name: /nonexistent/by/a/simulation}]
`;

async function start(files: Readonly<Record<string, string>>): Promise<void> {
  orchestra = await LocalOrchestra.start({ files, master: 'm', grains: {}, minions: {} });
}

const FILES = {
  'salt/orch/o.sls': ROLLING,
  'pillar/top.sls': 'base:\n  "*": [apps]\n',
  'pillar/apps.sls': 'hosts:\n  app1: {role: app}\n  app2: {role: app}\n',
};

test('a rolling deployment of 200 hosts takes one server out at a time, in simulated time', async () => {
  await start(FILES);
  const before = performance.now();
  const simulation = await simulate(
    { name: 'o', by: 'ann', hosts: 200, faults: { fail: [], unreachable: [], slowShare: 0.05 } },
    { runtime: orchestra.runtime, known: () => [], log: silentLogger },
  );
  expect(simulation).toMatchObject({ outcome: 'succeeded', exitCode: 0, hosts: 200, steps: 601 });
  expect(simulation.pools).toMatchObject({ shop: { members: 200, lowest: 199 } });
  expect(simulation.tookMs).toBeGreaterThan(200_000 + 9 * 5_000);
  expect(performance.now() - before).toBeLessThan(simulation.tookMs);
});

test('what fails where it was told to is undone by the true engine', async () => {
  await start(FILES);
  const options = fromPlain({ on_failure: 'rollback', approvals: 2 }) as PyMap;
  const simulation = await simulate(
    {
      name: 'o',
      by: 'ann',
      hosts: 20,
      options,
      faults: { fail: [{ host: 'app17', step: 'start' }], unreachable: [], slowShare: 0 },
    },
    { runtime: orchestra.runtime, known: () => [], log: silentLogger },
  );
  expect(simulation).toMatchObject({ outcome: 'rolled-back', exitCode: 5 });
  expect(simulation.timeline.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^rolling back 17 steps/));
});

const HOSTS = 'hosts: {app1: {}, app2: {}, app3: {}, app4: {}, db1: {}, db2: {}, db3: {}, db4: {}}\n';

const DRAINS = `
{% for app in ['app1', 'app2', 'app3'] %}
drain-{{ app }}:
  lb.drain: [{balancer: shop}, {member: {{ app }}}, {min_in_service: FLOOR}]
{% endfor %}
`;

test.each([
  ['50%', 2],
  ['3', 3],
])('a floor of %s is one of the members, not of all hosts', async (floor, lowest) => {
  await start({ ...FILES, 'salt/orch/o.sls': DRAINS.replaceAll('FLOOR', floor), 'pillar/apps.sls': HOSTS });
  const { pools } = await simulate(
    { name: 'o', by: 'ann', faults: { fail: [], unreachable: [], slowShare: 0 } },
    { runtime: orchestra.runtime, known: () => ['lb1'], log: silentLogger },
  );
  expect(pools).toMatchObject({ shop: { members: 4, lowest } });
});

const SIDE_BY_SIDE = `
{% for app in pillar.hosts if app.startswith('app') %}
drain-{{ app }}:
  lb.drain: [{balancer: shop}, {member: {{ app }}}, {min_in_service: FLOOR}, {parallel: True}]
enable-{{ app }}:
  lb.enable: [{balancer: shop}, {member: {{ app }}}, {require: [{lb: drain-{{ app }}}]}, {parallel: True}]
{% endfor %}
`;

test.each([
  ['50%', 2],
  ['3', 3],
])('steps side by side keep the floor of %s', async (floor, lowest) => {
  await start({ ...FILES, 'salt/orch/o.sls': SIDE_BY_SIDE.replaceAll('FLOOR', floor), 'pillar/apps.sls': HOSTS });
  const { pools } = await simulate(
    { name: 'o', by: 'ann', faults: { fail: [], unreachable: [], slowShare: 0 } },
    { runtime: orchestra.runtime, known: () => [], log: silentLogger },
  );
  expect(pools).toMatchObject({ shop: { members: 4, lowest } });
});

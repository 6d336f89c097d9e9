import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { MemoryLoadBalancer } from '@edge-run/master/loadbalancer';
import type { JsonObject } from '@edge-run/shared/kernel';
import { defineRead } from '@edge-run/shared/modules/contract';
import { STEP_DECLARATIONS } from '@edge-run/shared/protocol';
import { encodeValue } from '@edge-run/shared/values';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { repositoryRoot } from '../../conformance/runner.ts';
import { LocalOrchestra } from '../../support/local-orchestra.ts';

/** The examples of the guide: the blocks of YAML that hold steps. */
const guide = await readFile(join(repositoryRoot(), 'docs/guides/orchestrations.md'), 'utf8');
const examples = [...guide.matchAll(/```yaml\n(.*?)```/gs)]
  .map(([, text]) => text!)
  .filter((text) => /^ {2}\w+\.\w+:$/m.test(text));
const kindsOf = (text: string): string[] => [...text.matchAll(/^ {2}(\w+\.\w+):$/gm)].map(([, kind]) => kind!);

let server: Server;
let orchestra: LocalOrchestra | undefined;

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url === '/builds') return response.end('{"id": 17}');
    return response.end(request.url === '/builds/17' ? 'done' : 'ready');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
afterEach(async () => {
  await orchestra?.dispose();
  orchestra = undefined;
});

it('every kind of step that a machine ends by itself has an example', () => {
  const shown = new Set(examples.flatMap(kindsOf));
  const missing = STEP_DECLARATIONS.map(({ name }) => name).filter(
    (name) => !shown.has(name) && !name.startsWith('approve'),
  );
  expect(missing).toEqual([]);
});

it.each(examples.map((text) => [kindsOf(text).join(', '), text]))('the example of %s runs', async (_, text) => {
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const restarted: string[] = [];
  const restart = defineRead({
    name: 'service.restart',
    summary: 'Note that a service would be restarted.',
    args: z.object({ name: z.string().describe('The service.') }),
    returns: 'True.',
    examples: [],
    run: async ({ name }, { host }) => restarted.push(`${name} on ${host.id}`) > 0,
  });
  const minions = Object.fromEntries(
    ['web1', 'web2', 'web3', 'web4', 'db1'].map((id) => [id, { role: id.slice(0, -1) }]),
  );
  orchestra = await LocalOrchestra.start({
    files: {
      'salt/it.sls': text.replaceAll(/192\.0\.2\.\d+:\d+/g, address),
      'salt/backup.sls': 'b:\n  test.nop: []\n',
    },
    ...{ master: 'm', grains: {}, minions, functions: [restart] },
    balancers: {
      shop: { balancer: new MemoryLoadBalancer({ web: ['app1', 'app2', 'app3'] }, { pollMs: 1 }), pool: 'web' },
    },
  });
  const { clock, events } = orchestra;
  const told = (async () => {
    await clock.sleep(5_000);
    for (const id of ['web1', 'web2']) await events.send({ tag: `salt/minion/${id}/start`, data: { id } });
    await clock.sleep(5_000);
    await events.send({ tag: 'build/7/done', data: { branch: 'main' } });
  })();
  const answer = encodeValue(await orchestra.call('state.orchestrate', ['it'], new Map())) as JsonObject;
  const steps = Object.values((answer.data as JsonObject).m as JsonObject) as JsonObject[];
  expect(steps.map(({ __id__: id, result, comment }) => [id, result, comment])).toEqual(
    steps.map(({ __id__: id, comment }) => [id, true, comment]),
  );
  expect(steps).toHaveLength(kindsOf(text).length);
  if (text.includes('service.restart')) expect(restarted).toHaveLength(4);
  await told;
});

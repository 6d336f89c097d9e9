import { createCatalog } from '@edge-run/shared/execute';
import { toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { type SshMachine, startSshMachine } from '../../support/ssh-machine.ts';
import { hasSshd } from '../../support/sshd.ts';
import { WebServer } from '../../support/web-server.ts';

const catalog = createCatalog();
let web: WebServer;
let machine: SshMachine | undefined;

beforeAll(async () => {
  web = await WebServer.start((request, response, body) => {
    if (request.url !== '/never') response.setHeader('connection', 'close').end(`${request.method} ${body}`);
  });
});
afterAll(() => web.stop());
afterEach(async () => {
  await machine?.stop();
  machine = undefined;
});

it.skipIf(!hasSshd())('http.query on a host over SSH: the host opens the connection', async () => {
  machine = await startSshMachine();
  const ctx = moduleContext(await machine.hostOf('far'));
  const args = { name: web.url, method: 'POST', data: { a: 1 }, status: 200 };
  const { result, comment, data } = await runState(catalog.states.get('http.query')!, ctx, args);
  expect(result, comment).toBe(true);
  expect(toPlain(data as Value)).toMatchObject({ text: 'POST {"a":1}' });
  const { answer } = await callFunction(catalog.functions.get('http.query')!, ctx, [web.url]);
  expect(answer).toMatchObject({ status: 200, body: 'GET ' });
  const late = { name: `${web.url}/never`, status: 200, timeout: 0.2 };
  const slow = await runState(catalog.states.get('http.query')!, ctx, late);
  expect(slow.comment).toContain('/never did not answer within 200 ms');
});

it.skipIf(!hasSshd())(
  'http.query on a host whose sshd opens no connections: says so, and does not ask from here',
  async () => {
    machine = await startSshMachine({ config: ['AllowTcpForwarding no'] });
    const ctx = moduleContext(await machine.hostOf('far'));
    const before = web.asked.length;
    const { result, comment } = await runState(catalog.states.get('http.query')!, ctx, { name: web.url, status: 200 });
    expect(result).toBe(false);
    expect(comment).toContain('far does not open a connection to 127.0.0.1:');
    expect(comment).toContain('`AllowTcpForwarding yes`');
    expect(web.asked).toHaveLength(before);
  },
);

import type { JsonObject } from '@edge-run/shared/kernel';
import { encodeValue } from '@edge-run/shared/values';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { LocalOrchestra } from '../../support/local-orchestra.ts';
import { WebServer } from '../../support/web-server.ts';

let web: WebServer;
let orchestra: LocalOrchestra | undefined;

beforeAll(async () => {
  web = await WebServer.start((request, response, body) => {
    if (request.url !== '/builds') return void response.writeHead(500).end('no such hook');
    const { branch } = JSON.parse(body) as { branch: string };
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ id: 17, of: branch }));
  });
});
afterAll(() => web.stop());
afterEach(async () => {
  await orchestra?.dispose();
  orchestra = undefined;
});

/** Runs the steps and answers each under its id. */
async function run(sls: string, words: Record<string, boolean> = {}): Promise<Record<string, JsonObject>> {
  orchestra = await LocalOrchestra.start({
    files: { 'salt/it.sls': sls },
    ...{ master: 'm', grains: {}, minions: { web1: {} } },
  });
  const answer = encodeValue(
    await orchestra.call('state.orchestrate', ['it'], new Map(Object.entries(words))),
  ) as JsonObject;
  const steps = Object.values((answer.data as JsonObject).m as JsonObject) as JsonObject[];
  return Object.fromEntries(steps.map((step) => [String(step.__id__), step]));
}

const hook = (path: string): string => `
build:
  http.query:
    - name: ${web.url}${path}
    - method: POST
    - data: {branch: main}
    - status: 201
    - decode: True
    - register: build
start:
  salt.function:
    - name: test.kwarg
    - tgt: web1
    - kwarg:
        id: "{{ steps.build.result.dict.id }}"
        status: "{{ steps.build.result.status }}"
        text: "build of {{ steps.build.result.dict.of }}"
    - require:
        - http: build
`;

it('register: a later step uses the answer', async () => {
  const { build, start } = await run(hook('/builds'));
  expect(build).toMatchObject({
    result: true,
    comment: 'Status 201 was found.',
    changes: { status: 201 },
    data: { status: 201, text: '{"id":17,"of":"main"}', dict: { id: 17, of: 'main' } },
  });
  expect(JSON.stringify(start)).toContain('{"id":17,"status":201,"text":"build of main"}');
});

it('another status fails the step, with the answer, and what requires it is not run', async () => {
  const { build, start } = await run(hook('/nowhere'));
  expect(build).toMatchObject({
    result: false,
    comment: 'Status 201 was not found. Last answer: 500 no such hook',
    data: { status: 500, text: 'no such hook' },
  });
  expect(start).toMatchObject({
    result: false,
    comment: expect.stringContaining('requisite failed: it.build') as string,
  });
});

it('test=True sends nothing', async () => {
  const before = web.asked.length;
  const { build } = await run(hook('/builds'), { test: true });
  expect(build).toMatchObject({ result: null, comment: `would ask: POST ${web.url}/builds (TEST MODE)` });
  expect(web.asked).toHaveLength(before);
});

it('a question without an expectation is an error with its line, before anything runs', async () => {
  const before = web.asked.length;
  await expect(run(`${hook('/builds')}idle:\n  http.query:\n    - name: ${web.url}\n`)).rejects.toMatchObject({
    diagnostics: [{ code: 'EDGE_BAD_ARGUMENT', source: { line: 21 } }],
  });
  expect(web.asked).toHaveLength(before);
});

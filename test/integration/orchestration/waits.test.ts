import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MemoryLoadBalancer } from '@edge-run/master/loadbalancer';
import type { JsonObject, JsonValue } from '@edge-run/shared/kernel';
import { encodeValue } from '@edge-run/shared/values';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LocalOrchestra } from '../../support/local-orchestra.ts';

let orchestra: LocalOrchestra | undefined;
let server: Server;
let port: number;
let balancer: MemoryLoadBalancer;
/** What the server answers next, the last again and again. */
let answers: { status: number; body: string }[] = [];
let asked = 0;

beforeAll(async () => {
  server = createServer((_, response) => {
    const { status, body } = answers[Math.min(asked, answers.length - 1)]!;
    asked += 1;
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));
afterEach(async () => {
  await orchestra?.dispose();
  orchestra = undefined;
});

/** Runs one step `s` and answers it, with the seconds that went by on the clock of the test. */
async function run(
  step: string,
  meanwhile: (orchestra: LocalOrchestra) => void = () => {},
): Promise<JsonObject & { readonly seconds: number; readonly comment: string }> {
  asked = 0;
  orchestra = await LocalOrchestra.start({
    files: { 'salt/it.sls': `s:\n${step}` },
    ...{ master: 'm', grains: {}, minions: { o1: {}, o2: {} }, balancers: { shop: { balancer, pool: 'web' } } },
  });
  const from = orchestra.clock.now();
  meanwhile(orchestra);
  const answer = encodeValue(await orchestra.call('state.orchestrate', ['it'], new Map())) as JsonObject;
  const [state] = Object.values((answer.data as JsonObject).m as JsonObject) as [JsonObject & { comment: string }];
  return { ...state, seconds: (orchestra.clock.now() - from) / 1000 };
}

async function send({ clock, events }: LocalOrchestra, tag: string, data: JsonValue, seconds: number): Promise<void> {
  await clock.sleep(seconds * 1_000);
  await events.send({ tag, data });
}

const step = (kind: string, ...lines: readonly string[]): string =>
  [`  ${kind}:`, ...lines.map((line) => `    - ${line}`), ''].join('\n');
const bad = { status: 503, body: 'starting' };
const ok = { status: 200, body: 'ready to serve' };

describe('wait_until.http', () => {
  const http = (...lines: readonly string[]): string =>
    step('wait_until.http', `name: http://127.0.0.1:${port}/health`, ...lines);

  it('asks until the answer is as expected', async () => {
    answers = [bad, bad, ok];
    const { result, comment, seconds } = await run(http('status: 200', 'interval: 2'));
    expect(result).toBe(true);
    expect(comment).toMatch(/as expected after 4 s: 200 in \d+ ms: ready to serve$/);
    expect([asked, seconds]).toEqual([3, 4]);
  });
  it('wants the good answers in a row, and begins to count again', async () => {
    answers = [ok, ok, bad, ok, ok, ok];
    expect(await run(http('match: ready', 'passes: 3'))).toMatchObject({ result: true });
    expect(asked).toBe(6);
  });
  it('shows the last answer when the time is over', async () => {
    answers = [ok, bad];
    const { result, comment } = await run(
      http('status: 200', 'passes: 2', 'deadline: 10', 'interval: 1', 'backoff: 2'),
    );
    expect(result).toBe(false);
    expect(comment).toContain('not as expected within 10 s (4 looks, 0 of 2 good in a row)');
    expect(comment).toMatch(/Last answer: Status 503 was not 200; 503 in \d+ ms: starting$/);
  });
  it('takes nobody who answers for an answer that is not there yet', async () => {
    const closed = step('wait_until.http', 'name: http://127.0.0.1:1/', 'deadline: 3');
    expect((await run(closed)).comment).toContain('Last answer: GET http://127.0.0.1:1/: ');
  });
});

describe('certificates', () => {
  let secure: HttpsServer;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'edge-tls-'));
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')];
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      ...subject,
      ...files,
    ]);
    const [key, cert] = await Promise.all(['key.pem', 'cert.pem'].map((name) => readFile(join(directory, name))));
    secure = createHttps({ key: key!, cert: cert! }, (_, response) => response.end('ready'));
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
  });
  afterAll(async () => {
    await new Promise((resolve) => secure.close(resolve));
    await rm(directory, { recursive: true });
  });

  it.each([
    ['wait_until.http', 'deadline: 1'],
    ['http.query', 'match: ready'],
  ])('%s: one that nobody vouches for is good only where the step says so', async (kind, line) => {
    const url = `name: https://127.0.0.1:${(secure.address() as AddressInfo).port}/`;
    const results = [];
    for (const words of [[], ['verify_ssl: false'], [`ca_bundle: ${directory}/cert.pem`]]) {
      results.push((await run(step(kind, url, line, ...words))).result);
      await orchestra?.dispose();
    }
    expect(results).toEqual([false, true, true]);
  });
});

it('a file of certificates that is not there is told as such', async () => {
  const { comment } = await run(step('wait_until.http', 'name: https://127.0.0.1:1/', 'ca_bundle: /nowhere/ca.pem'));
  expect(comment).toContain('`ca_bundle` cannot be read: ');
});

describe('wait_until.tcp', () => {
  it('waits until somebody accepts', async () => {
    expect(await run(step('wait_until.tcp', `name: 127.0.0.1:${port}`))).toMatchObject({ result: true });
    const named = await run(step('wait_until.tcp', 'name: the web server', 'host: 127.0.0.1', `port: ${port}`));
    expect(named.comment).toContain(`127.0.0.1:${port}: as expected`);
  });
  it('says why nobody did', async () => {
    const { result, comment } = await run(step('wait_until.tcp', 'name: 127.0.0.1:1', 'deadline: 5'));
    expect(result).toBe(false);
    expect(comment).toContain('ECONNREFUSED');
  });
  it('refuses what is no address', async () => {
    expect((await run(step('wait_until.tcp', 'name: somewhere'))).comment).toContain('is no `host:port`');
  });
});

describe('wait_until.function', () => {
  const counting = (...lines: readonly string[]): string =>
    step(
      'wait_until.function',
      ...['name: cmd.run', 'tgt: o1', 'arg: ["echo x >> @TMP@/count; wc -l < @TMP@/count"]'],
      ...['kwarg: {python_shell: true}', ...lines],
    );

  it.each([
    ['matches: "^3$"', 4],
    ['equals: "3"', 4],
  ])('asks until the return is as %s says', async (expectation, seconds) => {
    const { result, comment, seconds: took } = await run(counting(expectation, 'interval: 2'));
    expect(result).toBe(true);
    expect(comment).toContain('after 4 s: o1: 3');
    expect(took).toBe(seconds);
  });
  it('waits for every host, and names those that are not there yet with what they say', async () => {
    const { result, comment } = await run(
      step(
        'wait_until.function',
        ...['name: cmd.run', "tgt: 'o*'", 'arg: ["{% raw %}echo {{ grains.id }}{% endraw %}"]'],
        ...['kwarg: {template: jinja}', 'equals: o1', 'deadline: 4', 'interval: 2'],
      ),
    );
    expect(result).toBe(false);
    expect(comment).toMatch(/not as expected within 4 s \(3 looks\)\. Last answer: o2: o2$/);
  });
  it.each([
    ['test.true', 'is: True', true],
    ['test.false', 'is: False', true],
    ['test.none', 'is: True', false],
    ['test.ping', 'deadline: 2', true],
    ['test.false', 'deadline: 2', false],
  ])('%s with `%s`: %s', async (fun, line, result) => {
    const sls = step(
      'wait_until.function',
      `name: ${fun}`,
      'tgt: o1',
      line,
      ...(line.startsWith('d') ? [] : ['deadline: 2']),
    );
    expect((await run(sls)).result).toBe(result);
  });
  it('a target that matches nobody is no success', async () => {
    const { comment } = await run(
      step('wait_until.function', 'name: test.ping', "tgt: 'x.+'", 'tgt_type: pcre', 'deadline: 1'),
    );
    expect(comment).toContain('Last answer: nothing matches x.+ (pcre)');
  });
});

describe('wait_until.event', () => {
  const event = step('wait_until.event', 'name: build/*/done', 'where: {"result:code": 0}', 'deadline: 60');

  it('waits for one with that tag and that data', async () => {
    const { result, changes, seconds } = await run(event, (it) => {
      void send(it, 'build/1/done', { result: { code: 1 } }, 1);
      void send(it, 'build/2/begun', { result: { code: 0 } }, 2);
      void send(it, 'build/3/done', { data: { result: { code: 0 } } }, 3);
    });
    expect([result, seconds]).toEqual([true, 3]);
    expect(changes).toMatchObject({ event: { tag: 'build/3/done' } });
  });
  it('says what came instead', async () => {
    const { result, comment } = await run(event, (it) => void send(it, 'build/1/done', {}, 1));
    expect(result).toBe(false);
    expect(comment).toBe('No event build/*/done as expected came within 60 s; 1 of that tag had other data.');
  });
});

describe('sleep.for', () => {
  it.each([
    ['name: "45"', 45],
    ['seconds: 2.5', 2.5],
  ])('%s: waits as long as told', async (line, wanted) => {
    const { result, seconds } = await run(step('sleep.for', line));
    expect([result, seconds]).toEqual([true, wanted]);
  });
  it('needs to know for how long', async () => {
    expect((await run(step('sleep.for', 'name: a while'))).comment).toContain('does not know for how long');
  });
});

describe('load balancers', () => {
  const drain = (floor: string): string => step('lb.drain', 'name: app1', 'balancer: shop', `min_in_service: ${floor}`);
  const three = (): void => {
    balancer = new MemoryLoadBalancer({ web: ['app1', 'app2', 'app3'] }, { pollMs: 1 });
  };

  it.each(['60%', '2'])('lb.drain: goes on while %s stay in service', async (floor) => {
    three();
    expect((await run(drain(floor))).result).toBe(true);
    expect(balancer.calls).toEqual(['drain web/app1', 'disable web/app1']);
  });
  it('lb.drain: refuses with the arithmetic when too few would, and changes nothing', async () => {
    three();
    const { result, comment } = await run(drain('70%'));
    expect(result).toBe(false);
    expect(comment).toBe(
      'app1 stays in shop: 3 of 3 members are in service, without app1 2 would be; 70% of 3 have to be, which is 2.1, so 3',
    );
    expect(balancer.calls).toEqual([]);
  });
  it('lb.drain: counts those that are out or down as out, and names them', async () => {
    three();
    balancer.member('web', 'app3').health = 'down';
    expect((await run(drain('2'))).comment).toContain('at least 2 of 3 have to be; out already: app3 (down)');
    await orchestra?.dispose();
    three();
    await balancer.disable('web', 'app1');
    expect((await run(drain('100%'))).result).toBe(true); // it is out already: nothing is taken away
  });
  it('lb.status: shows every member, and fails below the floor', async () => {
    three();
    balancer.member('web', 'app2').sessions = 1;
    await balancer.disable('web', 'app3');
    const { result, comment } = await run(step('lb.status', 'balancer: shop'));
    expect(result).toBe(true);
    expect(comment).toBe('2 of 3 in service: app1 up, 0 sessions; app2 up, 1 session; app3 disabled, 0 sessions');
    await orchestra?.dispose();
    const low = await run(step('lb.status', 'balancer: shop', 'min_in_service: 90%'));
    expect(low).toMatchObject({
      result: false,
      comment: expect.stringContaining('90% of 3 have to be, which is 2.7, so 3'),
    });
  });
  it('lb.wait: waits for one, or for enough', async () => {
    three();
    balancer.member('web', 'app2').health = 'down';
    const comesUp = async ({ clock }: LocalOrchestra): Promise<void> => {
      await clock.sleep(5_000);
      balancer.member('web', 'app2').health = 'up';
    };
    const one = await run(step('lb.wait', 'balancer: shop', 'member: app2'), (it) => void comesUp(it));
    expect([one.result, one.seconds]).toEqual([true, 5]);
    await orchestra?.dispose();
    balancer.member('web', 'app2').health = 'down';
    expect((await run(step('lb.wait', 'balancer: shop', 'in_service: 60%'))).result).toBe(true);
    await orchestra?.dispose();
    const all = await run(step('lb.wait', 'balancer: shop', 'deadline: 3'));
    expect(all).toMatchObject({ result: false, comment: expect.stringContaining('Last answer: 2 of 3 in service') });
  });
});

describe('salt.wait_for_event', () => {
  const told =
    'told:\n  salt.runner:\n    - name: event.send\n    - kwarg: {tag: build/1/done, data: {id: web1}}\n    - require: [{test: early}]\n';
  const wait = (id: string): string =>
    `${id}:\n  salt.wait_for_event: [{name: 'build/*/done'}, {id_list: [web1]}, {timeout: 30}]\n`;
  async function outcomes(text: string): Promise<readonly unknown[]> {
    orchestra = await LocalOrchestra.start({
      files: { 'salt/it.sls': text },
      ...{ master: 'm', grains: {}, minions: { web1: {} } },
    });
    await orchestra.events.send({ tag: 'build/0/done', data: { id: 'web1' } });
    await orchestra.clock.sleep(1);
    const answer = encodeValue(await orchestra.call('state.orchestrate', ['it'], new Map())) as JsonObject;
    const steps = Object.values((answer.data as JsonObject).m as JsonObject) as JsonObject[];
    return steps.map(({ __id__: id, result }) => [id, result]);
  }

  it('hears what the step before it set off, however quick that was', async () => {
    expect(await outcomes(`early: test.nop\n${told}${wait('heard')}`)).toEqual([
      ['early', true],
      ['told', true],
      ['heard', true],
    ]);
  });
  it('takes no event for another one that the step before it has waited for, nor one from before the run', async () => {
    expect(await outcomes(`early: test.nop\n${told}${wait('heard')}${wait('again')}`)).toEqual([
      ['early', true],
      ['told', true],
      ['heard', true],
      ['again', false],
    ]);
    await orchestra?.dispose();
    expect(await outcomes(wait('none'))).toEqual([['none', false]]);
  });
});

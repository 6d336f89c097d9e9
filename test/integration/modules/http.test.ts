import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCatalog } from '@edge-run/shared/execute';
import { LocalHost } from '@edge-run/shared/host';
import { parseArguments } from '@edge-run/shared/schema';
import { fromPlain, toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState, type StateEnd } from '../../support/module-context.ts';
import { WebServer } from '../../support/web-server.ts';

const catalog = createCatalog();
const ctx = moduleContext(new LocalHost({ id: 'here' }));
const query = catalog.states.get('http.query')!;
const waitFor = catalog.states.get('http.wait_for_successful_query')!;

/** What comes back under a path; `/echo` says what was asked. */
function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
  const { pathname } = new URL(request.url!, 'http://here');
  const [, status] = /^\/status\/(\d+)/.exec(pathname) ?? [];
  if (status !== undefined) return void response.writeHead(Number(status)).end(`it is ${status}`);
  switch (pathname) {
    case '/echo':
      response.setHeader('content-type', 'application/json');
      return void response.end(JSON.stringify({ method: request.method, headers: request.headers, body }));
    case '/yaml':
      return void response.setHeader('content-type', 'application/yaml').end('a: [1, two]\n');
    case '/redirect':
      return void response.writeHead(302, { location: '/status/200' }).end();
    case '/long':
      return void response.end('x'.repeat(17 * 1024 * 1024));
    case '/middling':
      return void response.end(`${'x'.repeat(300 * 1024)}end`);
    case '/wide':
      return void response.end(`"${'x'.repeat(1024 * 1024)}"`);
    case '/never':
      return;
    case '/cut':
      return void response.socket!.destroy();
    default:
      response.writeHead(404).end('nothing here');
  }
}

let web: WebServer;
let directory: string;
beforeAll(async () => {
  web = await WebServer.start(answer);
  directory = await mkdtemp(join(tmpdir(), 'edge-http-'));
});
afterAll(async () => {
  await web.stop();
  await rm(directory, { recursive: true });
});

const ask = (args: object, mode?: 'plan', context = ctx): Promise<StateEnd> =>
  runState(query, context, { name: `${web.url}/status/200`, ...args }, mode);
const dataOf = ({ data }: StateEnd): Record<string, unknown> => toPlain(data as Value) as Record<string, unknown>;
const echoed = async (args: object): Promise<{ method: string; headers: Record<string, string>; body: string }> => {
  const end = await ask({ name: `${web.url}/echo`, status: 200, decode: true, ...args });
  expect(end.result, end.comment).toBe(true);
  return dataOf(end).dict as never;
};

describe('http.query: comments and results as Salt gives them', () => {
  it.each([
    [{ status: 200 }, true, 'Status 200 was found.'],
    [{ status: '200' }, true, 'Status 200 was found.'],
    [{ status: 404 }, false, 'Status 404 was not found. Last answer: 200 it is 200'],
    [{ status: [201, 200], status_type: 'list' }, true, 'Status 200 was found.'],
    [
      { status: [201, '404'], status_type: 'list' },
      false,
      "Statuses [201, '404'] were not found. Last answer: 200 it is 200",
    ],
    [{ status: '2..', status_type: 'pcre' }, true, 'Status pattern "2.." was found.'],
    [{ status: '5..', status_type: 'pcre' }, false, 'Status pattern "5.." was not found. Last answer: 200 it is 200'],
    [{ match: 'it is' }, true, 'Match text "it is" was found.'],
    [{ match: 'i. i.', match_type: 'pcre' }, true, 'Match pattern "i. i." was found.'],
    [{ match: 'i. i.' }, false, 'Match text "i. i." was not found. Last answer: 200 it is 200'],
    [{ match: 'it', status: 200 }, true, 'Match text "it" was found. Status 200 was found.'],
    [
      { match: 'ill', status: 200 },
      false,
      'Match text "ill" was not found. Status 200 was found. Last answer: 200 it is 200',
    ],
  ])('%j', async (args, result, comment) => {
    const end = await ask(args);
    expect([end.result, end.comment, end.changes.size]).toEqual([result, comment, 0]);
    expect(dataOf(end)).toEqual({ body: 'it is 200', text: 'it is 200', status: 200 });
  });

  it('the text of an error counts only where that status is expected', async () => {
    const name = `${web.url}/status/503`;
    const { result, comment } = await ask({ name, match: 'it is' });
    expect(result).toBe(false);
    expect(comment).toContain('Match text "it is" was not found. The answer is an error: status 503.');
    expect(await ask({ name, match: 'it is', status: 503 })).toMatchObject({ result: true });
  });

  it('wants something to compare with, where the file is compiled', () => {
    const kwargs = new Map([['name', fromPlain(web.url)]]);
    const { value, diagnostics } = parseArguments(query, { args: [], kwargs });
    expect(value).toBeUndefined();
    expect(diagnostics).toMatchObject([
      {
        code: 'EDGE_BAD_ARGUMENT',
        summary: 'http.query: `status`: Either match text (match) or a status code (status) is required.',
      },
    ]);
  });

  it.each(['GET', 'POST', 'DELETE'])('a test run sends nothing: %s', async (method) => {
    const before = web.asked.length;
    const { result, comment } = await ask({ method, status: 200 }, 'plan');
    expect([result, comment]).toEqual([null, `would ask: ${method} ${web.url}/status/200 (TEST MODE)`]);
    expect(web.asked).toHaveLength(before);
  });

  it('refuses an expression that is none before anything is sent', async () => {
    const before = web.asked.length;
    expect(await ask({ match: '(', match_type: 'pcre' })).toMatchObject({ result: false });
    expect(web.asked).toHaveLength(before);
  });

  it('what is not a look counts as a change', async () => {
    const end = await ask({ method: 'post', status: 200 });
    expect(toPlain(end.changes)).toEqual({ status: 200 });
  });
});

describe('http.query: the question', () => {
  it('data is JSON, a form where the content type says so, or a text', async () => {
    const data = { a: 1, b: ['x y'] };
    const json = await echoed({ method: 'POST', data });
    expect([json.headers['content-type'], json.body]).toEqual(['application/json', '{"a":1,"b":["x y"]}']);
    const own = await echoed({ method: 'PUT', data, header_dict: { 'Content-Type': 'application/vnd.x+json' } });
    expect(own.headers['content-type']).toBe('application/vnd.x+json');
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const sent = await echoed({ method: 'POST', data: { a: 1, b: 'x y&' }, header_dict: form });
    expect(sent.body).toBe('a=1&b=x+y%26');
    expect((await echoed({ method: 'POST', data: 'plain' })).body).toBe('plain');
  });
  it('data_file, header_file and header_list are sent as they are', async () => {
    await writeFile(join(directory, 'body'), 'from a file');
    await writeFile(join(directory, 'headers'), 'X-Token: of a file\n\nX-Other: b: c\n');
    const { headers, body } = await echoed({
      ...{ method: 'POST', data_file: join(directory, 'body'), header_file: join(directory, 'headers') },
      ...{ header_list: ['X-Third: 3', 'x-other: listed'], agent: 'edge-test' },
    });
    expect(body).toBe('from a file');
    expect(headers).toMatchObject({ 'x-other': 'listed', 'x-third': '3', 'user-agent': 'edge-test' });
  });
  it.each([{ params: { a: '1', b: 'x y' } }, { params: 'a=1&b=x%20y' }])(
    'params %j are added to the address',
    async (args) => {
      await ask({ status: 200, ...args });
      expect(web.asked.at(-1)).toBe('GET /status/200?a=1&b=x+y');
    },
  );
  it('redirects are followed', async () => {
    expect(await ask({ name: `${web.url}/redirect`, status: 200 })).toMatchObject({ result: true });
  });
  it.each([
    [{ data: 'x' }, 'a GET carries no data'],
    [{ header_list: ['no colon'] }, 'a header has no colon'],
    [{ header_dict: { 'X-Token': 'hush\nhush' } }, 'the header X-Token cannot be sent'],
    [{ name: 'http://' }, 'not an address: http://'],
    [{ data_file: '/nowhere/at/all', method: 'POST' }, '/nowhere/at/all'],
  ])('%j cannot be asked', async (args, comment) => {
    const end = await ask({ status: 200, ...args });
    expect(end.result).toBe(false);
    expect(end.comment).toContain(comment);
    expect(end.comment).not.toContain('hush');
  });
});

describe('http.query: the answer', () => {
  it('is read as what it says it is', async () => {
    const { dict, headers } = dataOf(await ask({ name: `${web.url}/yaml`, status: 200, decode: true, headers: true }));
    expect(dict).toEqual({ a: [1, 'two'] });
    expect(headers).toMatchObject({ 'content-type': 'application/yaml' });
    const plain = dataOf(await ask({ status: 200, decode: true, decode_type: 'plain' }));
    expect(plain).toEqual({ body: 'it is 200', text: 'it is 200', status: 200 });
    const { result, comment } = await ask({ status: 200, decode: true, decode_type: 'json' });
    expect([result, comment]).toEqual([
      false,
      'Status 200 was found. the answer is not JSON\nLeave decode out, or say what it is with `decode_type`.',
    ]);
  });
  it('is bounded: a long one is kept in part, one beyond all measure is refused', async () => {
    const kept = await ask({ name: `${web.url}/middling`, match: 'end' });
    expect(kept.result).toBe(true);
    expect(dataOf(kept)).toMatchObject({ status: 200, truncated: true });
    expect(String(dataOf(kept).text)).toHaveLength(64 * 1024);
    const wide = await ask({ name: `${web.url}/wide`, status: 200, decode: true });
    expect([wide.result, wide.comment]).toEqual([false, expect.stringContaining('too many for `dict`') as string]);
    const { result, comment } = await ask({ name: `${web.url}/long`, status: 200 });
    expect(result).toBe(false);
    expect(comment).toContain('is longer than 16777216 bytes');
  });
  it('does not repeat passwords and keys that were sent', async () => {
    const login = { username: 'ana', password: 'correct horse' };
    const headers = { header_dict: { Authorization: 'Bearer tok-123456', 'X-Api-Key': 'key-987654' } };
    for (const [args, secrets] of [
      [login, [login.password, 'YW5hOmNvcnJlY3QgaG9yc2U']],
      [headers, ['tok-123456', 'key-987654']],
      [{ name: `${web.url.replace('//', '//ana:correct%20horse@')}/echo` }, ['correct', 'YW5hOmNvcnJlY3QgaG9yc2U']],
    ] as const) {
      for (const expected of [{ status: 200 }, { status: 201 }]) {
        const end = await ask({ name: `${web.url}/echo`, decode: true, ...expected, ...args });
        const shown = JSON.stringify([end.comment, dataOf(end)]);
        expect(shown).toContain('[secret]');
        for (const secret of secrets) expect(shown).not.toContain(secret);
      }
    }
  });
});

describe('where nobody answers', () => {
  const closedPort = async (): Promise<number> => {
    const server = createTcp().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((done) => server.close(done));
    return port;
  };
  const why = async (args: object): Promise<string> => {
    const end = await ask({ status: 200, ...args });
    expect(end.result).toBe(false);
    expect(dataOf(end)).toEqual({ status: 0, error: expect.any(String) as string });
    return end.comment;
  };

  it('the comment says that it was refused, and what to do; keys of the address are not shown', async () => {
    const port = await closedPort();
    const comment = await why({ name: `http://ana:hush@127.0.0.1:${port}/x?key=hush` });
    expect(comment).toContain(`Status 200 was not found. GET http://127.0.0.1:${port}/x?…: `);
    expect(comment).toMatch(/ECONNREFUSED.*\nCheck that the service runs/s);
    expect(comment).not.toContain('hush');
  });
  it.each([
    ['a name that is not there', () => 'http://edge-test.invalid/', /Check the name, and which names/],
    ['an answer that is cut off', () => `${web.url}/cut`, /closed before the answer was complete/],
    ['TLS asked of who speaks none', () => web.url.replace('http:', 'https:'), /does not speak TLS\nIs the address/],
  ])('%s', async (_, name, comment) => {
    expect(await why({ name: name() })).toMatch(comment);
  });
  it('a port where another protocol is spoken', async () => {
    const other = createTcp((socket) =>
      socket
        .resume()
        .on('error', () => {})
        .end('SSH-2.0-other\r\n'),
    ).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    expect(await why({ name: `http://127.0.0.1:${port}/` })).toContain('does not speak HTTP\nCheck the port.');
    await new Promise((done) => other.close(done));
  });
  it('a time that is over', async () => {
    expect(await why({ name: `${web.url}/never`, timeout: 0.1 })).toMatch(
      /did not answer within 100 ms\nLook at what keeps the service, or raise `timeout`/,
    );
  });
  it('the functions fail so too, and with raise_error=False answer the error', async () => {
    const module = catalog.functions.get('http.query')!;
    const port = await closedPort();
    const refused = callFunction(module, ctx, [`http://127.0.0.1:${port}/`]);
    await expect(refused).rejects.toMatchObject({ code: 'EDGE_HOST_UNREACHABLE' });
    const { answer: given, retcode } = await callFunction(module, ctx, [`http://127.0.0.1:${port}/`], {
      raise_error: false,
    });
    expect(retcode).toBe(1);
    expect(toPlain(fromPlain(given))).toMatchObject({ error: expect.stringContaining('ECONNREFUSED') as string });
  });
});

describe('http.wait_for_successful_query', () => {
  it('ends with the last answer when the time is over, whatever a single question may take', async () => {
    const args = { wait_for: 1.5, request_interval: 0.05, timeout: 60 };
    const late = await runState(waitFor, ctx, { name: `${web.url}/status/503`, status: 200, ...args });
    expect(late.result).toBe(false);
    expect(late.comment).toBe(
      `Status 200 was not found. ${web.url}/status/503 was not as expected within 1.5 s. Last answer: 503 it is 503`,
    );
    expect(dataOf(late)).toMatchObject({ status: 503, text: 'it is 503' });
    const never = await runState(waitFor, ctx, { name: `${web.url}/never`, status: 200, ...args });
    expect(never.comment).toMatch(/did not answer within \d+ ms/);
  });
  it('is ended by who cancels it, in the middle of a question too', async () => {
    const cancel = new AbortController();
    const waiting = moduleContext(new LocalHost({ id: 'here' }), { signal: cancel.signal });
    const before = web.asked.length;
    const args = { url: `${web.url}/never`, status: 200 };
    const end = callFunction(catalog.functions.get('http.wait_for_successful_query')!, waiting, [], args);
    const ended = expect(end).rejects.toThrow('enough');
    await expect.poll(() => web.asked.length).toBe(before + 1);
    cancel.abort(new Error('enough'));
    await ended;
  });
});

it('http.query with wait_for: asks until somebody answers, then compares once', async () => {
  let asked = 0;
  const starting = await WebServer.start((_, response) => {
    asked += 1;
    response.writeHead(asked < 3 ? 503 : 200).end('up');
  });
  const args = { name: starting.url, match: 'ready', wait_for: 10, request_interval: 0.05 };
  expect(await runState(query, ctx, args)).toMatchObject({ result: false, comment: /not found/ });
  expect(asked).toBe(3);
  await starting.stop();
});

describe('http.query over TLS', () => {
  let secure: HttpsServer;
  beforeAll(async () => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'],
      ...[...subject, ...files],
    ]);
    const [key, cert] = await Promise.all(['key.pem', 'cert.pem'].map((name) => readFile(join(directory, name))));
    secure = createHttps(
      { key: key!, cert: cert!, ca: cert!, requestCert: true, rejectUnauthorized: false },
      (request, response) => {
        response.end((request.socket as { authorized?: boolean }).authorized === true ? 'known' : 'unknown');
      },
    );
    secure.listen(0, '127.0.0.1');
    await once(secure, 'listening');
  });
  afterAll(() => new Promise((resolve) => secure.close(resolve)));
  const secured = (args: object): Promise<StateEnd> =>
    ask({ name: `https://127.0.0.1:${(secure.address() as AddressInfo).port}/`, ...args });

  it('says what is wrong with a certificate, and how to trust it', async () => {
    const { result, comment } = await secured({ status: 200 });
    expect(result).toBe(false);
    expect(comment).toMatch(/the certificate is not good: .*\nName the certificates to trust with `ca_bundle`/s);
    expect(await secured({ status: 200, ca_bundle: join(directory, 'cert.pem') })).toMatchObject({ result: true });
  });
  it('shows the certificate of who asks', async () => {
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    expect(await secured({ match: 'unknown', ca_bundle: cert })).toMatchObject({ result: true });
    expect(
      await secured({ match: /^known/.source, match_type: 'pcre', ca_bundle: cert, cert: [cert, key] }),
    ).toMatchObject({ result: true });
  });
});

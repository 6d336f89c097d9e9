import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ONE_HOST } from '../support/one-host.ts';
import { eventually } from '../support/processes.ts';
import { type Ended, describe as said, startStack, type TestStack } from '../support/stack.ts';

const program = (path: string): string => fileURLToPath(new URL(`../../packages/${path}`, import.meta.url));
const FILES = {
  ...ONE_HOST,
  'states/marker.sls': '/marker/of/box1:\n  file.managed:\n    - contents: here\n    - makedirs: True\n',
};

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ files: FILES });
  await stack.mustRun('orch', 'one-host', 'pillarenv=prod');
});
afterAll(() => stack?.stop());

describe.sequential('-o json prints one JSON value and nothing else', () => {
  const shapes: readonly { readonly words: readonly string[]; readonly is: unknown; readonly exitCode?: number }[] = [
    { words: ['orch', 'ls'], is: [{ name: 'orch.one-host', state: 'succeeded', exitCode: 0 }] },
    { words: ['orch', 'show', '@last'], is: { name: 'orch.one-host', status: 'succeeded', steps: [{ id: 'box1' }] } },
    { words: ['box1', 'test.ping'], is: { targets: { box1: { outcome: 'succeeded', ret: true } } } },
    { words: ['jobs', 'show', '@last'], is: { fun: 'test.ping', targets: { box1: { outcome: 'succeeded' } } } },
    { words: ['keys', 'ls'], is: [{ id: 'box1', state: 'accepted' }] },
    { words: ['keys', 'finger'], is: { keys: [{ id: 'box1' }] } },
    { words: ['nodes', 'ls'], is: [{ id: 'box1', state: 'connected', kind: 'minion' }] },
    { words: ['match', 'box*'], is: { ids: ['box1'] } },
    { words: ['match', 'fox*'], is: { ids: [] }, exitCode: 1 },
    { words: ['pillar', 'show', 'box1'], is: { box1: { environment: 'prod', shop: { port: 8080 } } } },
    { words: ['grains', 'get', 'box1', 'role'], is: { box1: 'box' } },
    { words: ['status'], is: { minions: { accepted: 1, connected: 1, pending: 0 } } },
    {
      words: ['orch', 'no-such'],
      is: { error: { diagnostics: [{ code: 'EDGE_UNKNOWN_ORCHESTRATION' }] } },
      exitCode: 2,
    },
    { words: ['jobs', 'show', 'ZZZZ'], is: { error: { code: 'EDGE_JOB_UNKNOWN' } }, exitCode: 2 },
  ];
  test.for(shapes)('edge-run $words', async ({ words, is, exitCode = 0 }) => {
    const ended = await stack.json(...words);
    expect(ended.exitCode, said(ended)).toBe(exitCode);
    expect(ended.value).toMatchObject(is as object);
  });

  test('state apply with test=True says what would change, and changes nothing', async () => {
    const { exitCode, value } = await stack.json<{ targets: { box1: { ret: object } } }>(
      ...['state', 'apply', 'box1', 'marker', 'test=True'],
    );
    expect(exitCode).toBe(0);
    const [state] = Object.values(value.targets.box1.ret) as { result: unknown; changes: object }[];
    expect(state!.result).toBeNull();
    const looked = await stack.json<{ targets: { box1: { ret: boolean } } }>(
      'box1',
      'file.file_exists',
      '/marker/of/box1',
    );
    expect(looked.value.targets.box1.ret).toBe(false);
  });

  test('events watch prints an event that is sent meanwhile', async () => {
    const watching = stack.start(['events', 'watch', 'shop/*', '--count', '1', '--timeout', '20s', '-o', 'json']);
    // The watcher does not say when it listens: send until it has seen one.
    const seen = eventually(async () => {
      await stack.mustRun('events', 'send', 'shop/closed', 'reason=holiday');
      return watching.child.exitCode !== null;
    }, 'the watcher has seen the event');
    const ended = await watching.ended;
    await seen;
    expect(JSON.parse(ended.stdout)).toMatchObject({ tag: 'shop/closed', data: { reason: 'holiday' } });
  });
});

describe('help and exit codes', () => {
  const COMMANDS = ['up', 'exec', 'state', 'orch', 'jobs', 'events', 'schedule', 'reactor', 'nodes', 'match', 'keys'];
  test.for(COMMANDS)('%s --help', async (command) => {
    const ended = await stack.run(command, '--help');
    expect(ended).toMatchObject({ exitCode: 0, stderr: '' });
    expect(ended.stdout).toContain(`edge-run ${command}`);
  });

  test.for([
    { words: ['box1', 'cmd.run', 'exit 3'], exitCode: 1 },
    { words: ['box1', 'test.sleep', '30', '--timeout', '1s'], exitCode: 124, says: 'timed-out' },
    { words: ['jobs', 'ls', '--no-such-flag'], exitCode: 2 },
    { words: ['-L', 'box1,gone1', 'test.ping'], exitCode: 6 },
  ])('edge-run $words exits $exitCode', async ({ words, exitCode, says = '' }) => {
    const ended = await stack.run(...words);
    expect(ended.exitCode, said(ended)).toBe(exitCode);
    expect(ended.stdout).toContain(says);
  });
});

const MINION = program('minion/bin/edge-minion.js');

describe('a master and a minion started by hand', () => {
  test.for([
    { how: 'on one machine', nats: {}, scheme: 'nats' },
    { how: 'encrypted', nats: { tls: 'generated', host: '0.0.0.0', names: ['localhost'] }, scheme: 'tls' },
    { how: 'over WebSocket', nats: { tls: 'generated', names: ['127.0.0.1'] }, scheme: 'wss' },
  ])('$how a minion knocks, waits, is let in, and answers', async ({ how, nats, scheme }) => {
    const port = await freePort();
    const name = how.replaceAll(' ', '-');
    const data = join(stack.home, name);
    const websocket = scheme === 'wss' ? { websocket: { port: await freePort() } } : {};
    await stack.write(`${name}/master.yaml`, JSON.stringify({ data_dir: data, nats: { port, ...nats, ...websocket } }));
    const config = join(stack.project, `${name}/master.yaml`);
    const master = stack.start(['run', '--config', config], { program: program('master/bin/edge-master.js') });
    const credentials = join(data, 'operator.creds');
    await eventually(
      () =>
        readFile(credentials).then(
          () => true,
          () => undefined,
        ),
      'the master is ready',
    );
    const isPlain = scheme === 'nats';
    const env = {
      EDGE_NATS_URL: `${isPlain ? 'nats' : 'tls'}://127.0.0.1:${port}`,
      EDGE_CREDENTIALS: credentials,
      ...(isPlain ? {} : { EDGE_CA_FILE: join(data, 'tls/ca.crt') }),
    };
    const ask = async (...words: readonly string[]): Promise<Ended> => {
      const ended = await stack.start(words, { env }).ended;
      expect(ended.exitCode, said(ended)).toBe(0);
      return ended;
    };

    const { stdout } = await ask('keys', 'join');
    const wanted = new RegExp(`^servers:\\n(?:  - .*\\n)*  - (${scheme}://\\S+)\\n`).exec(stdout)?.[1];
    expect(wanted, stdout).toBeDefined();
    // A firewall that lets only web traffic through.
    const servers = scheme === 'wss' ? ['tls://127.0.0.1:1', wanted] : [wanted];
    const joined = stdout.replace(/^servers:\n(?: {2}- .*\n)+/, `servers: ${JSON.stringify(servers)}\n`);
    await stack.write(`${name}/minion.yaml`, `id: own1\ndata_dir: ${join(data, 'own1')}\n${joined}`);
    const minionConfig = join(stack.project, `${name}/minion.yaml`);
    const minion = stack.start(['run', '--config', minionConfig], { program: MINION });
    await eventually(async () => (await ask('keys', 'ls', '--pending', '-o', 'name')).stdout === 'own1\n', 'it waits');
    const status = await stack.start(['status', '--config', minionConfig], { program: MINION }).ended;
    const print = /fingerprint: +(SHA256:\S+)/.exec(status.stdout)?.[1];
    expect((await ask('keys', 'ls', '--pending')).stdout).toContain(print);
    await ask('keys', 'accept', 'own1', '--yes');
    await eventually(async () => /own1 +connected/.test((await ask('nodes', 'ls')).stdout), 'it is connected');
    expect((await ask('own1', 'test.ping', '-o', 'json')).stdout).toContain('"succeeded"');
    expect((await ask('keys', 'rotate', 'own1')).stdout).toContain('accepted');
    expect((await ask('keys', 'ls')).stdout).not.toContain(print);
    expect((await ask('own1', 'test.ping', '-o', 'json')).stdout).toContain('"succeeded"');

    minion.child.kill('SIGTERM');
    master.child.kill('SIGTERM');
    expect((await minion.ended).exitCode).toBe(0);
    expect((await master.ended).exitCode).toBe(0);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as { port: number };
  await new Promise((closed) => server.close(closed));
  return port;
}

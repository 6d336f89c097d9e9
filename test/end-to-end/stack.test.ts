import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { revisionsNow } from '../support/constant-load.ts';
import { eventually, killHard, processWith } from '../support/processes.ts';
import { describe as said, startStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ isDown: true });
});
afterAll(() => stack?.stop());

describe.sequential('edge-run up and down', () => {
  test('without a stack there is nothing to stop and nobody to ask', async () => {
    expect(await stack.run('down')).toMatchObject({ exitCode: 0, stdout: 'nothing ran here\n' });
    const asked = await stack.run('status');
    expect(asked.exitCode, said(asked)).toBe(2);
    expect(asked.stderr).toContain('edge-run up');
  });

  test('up with a port that is taken is one clear error, and leaves nothing running', async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as { port: number };
    try {
      await stack.configure(`nats:\n  port: ${port}\n`);
      const ended = await stack.run('up');
      expect(ended.exitCode, said(ended)).toBe(2);
      expect(ended.stdout).toBe('');
      expect(ended.stderr.match(/error/g)).toHaveLength(1);
      expect(ended.stderr).toContain(`127.0.0.1:${port}`);
      expect(ended.stderr).toContain('in use');
      await eventually(() => stack.processes().length === 0, 'nothing runs');
    } finally {
      server.close();
      await stack.configure('');
    }
  });

  test('up starts it, a second one says that it runs already', async () => {
    const first = await stack.run('up');
    expect(first.exitCode, said(first)).toBe(0);
    expect(first.stdout).toContain('ready in');
    const pid = await stack.masterPid();
    const second = await stack.run('up');
    expect(second.exitCode, said(second)).toBe(0);
    expect(second.stdout).toContain('runs already');
    expect(await stack.masterPid()).toBe(pid);
    const { exitCode, value } = await stack.json<{ master: { id: string }; runs: object }>('status');
    expect(exitCode).toBe(0);
    expect(value).toMatchObject({ master: { id: 'master' }, runs: { running: 0, orphaned: 0 } });
  });

  test('up after a killed master takes up where it was: same address, same journal, same hosts', async () => {
    await stack.mustRun('orch', 'deploy-environment', 'pillarenv=prod');
    const before = await stack.json<{ url: string }>('status');
    const runs = await stack.json('orch', 'ls');
    const pid = await stack.masterPid();
    await killHard(pid);
    const unanswered = await stack.run('status', '--timeout', '2s');
    expect(unanswered.exitCode, said(unanswered)).toBe(2);
    await stack.mustRun('up');
    expect(await stack.masterPid()).not.toBe(pid);
    const after = await stack.json<{ url: string }>('status');
    expect(after.value.url).toBe(before.value.url);
    expect((await stack.json('orch', 'ls')).value).toEqual(runs.value);
    const pinged = await stack.run('*', 'test.ping');
    expect(pinged.exitCode, said(pinged)).toBe(0);
  });

  test('a killed minion is unreachable, and a deployment brings it back', async () => {
    await killHard(processWith(stack.home, 'edge-minion.js', '/prod/app2/'));
    const { exitCode, value } = await stack.json<{ targets: Record<string, { outcome: string }> }>(
      'prod-app*',
      'test.ping',
    );
    expect(exitCode).toBe(6);
    expect(Object.fromEntries(Object.entries(value.targets).map(([id, { outcome }]) => [id, outcome]))).toEqual({
      'prod-app1': 'succeeded',
      'prod-app2': 'unreachable',
      'prod-app3': 'succeeded',
      'prod-app4': 'succeeded',
    });
    const nodes = await stack.json<{ id: string; state: string }[]>('nodes', 'ls', 'prod-app2');
    expect(nodes.value).toMatchObject([{ id: 'prod-app2', state: 'disconnected' }]);
    // Its shop goes on without it.
    expect(Object.values(await revisionsNow(stack.servers))).toEqual(['v1', 'v1', 'v1', 'v1']);

    const deployed = await stack.deploy('v1');
    expect(deployed.exitCode, said(deployed)).toBe(0);
    const pinged = await stack.run('prod-app2', 'test.ping');
    expect(pinged.exitCode, said(pinged)).toBe(0);
  });

  test('down ends everything, and may be repeated', async () => {
    expect(await stack.run('down')).toMatchObject({ exitCode: 0, stdout: 'stopped\n' });
    expect(stack.processes()).toEqual([]);
    expect(await stack.run('down')).toMatchObject({ exitCode: 0, stdout: 'nothing ran here\n' });
  });

  test('up brings the hosts back that were there', async () => {
    const { value } = await stack.json<{ minions: { id: string; detail: string }[] }>('up');
    expect(value.minions).toHaveLength(7);
    expect(value.minions).toContainEqual({ id: 'prod-app1', detail: 'started again' });
    const pinged = await stack.run('*', 'test.ping');
    expect(pinged.exitCode, said(pinged)).toBe(0);
  });
});

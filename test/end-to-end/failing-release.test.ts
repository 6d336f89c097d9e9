import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { constantLoad, revisionsNow, revisionsSeen } from '../support/constant-load.ts';
import { describe as said, startStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack();
  await stack.mustRun('orch', 'deploy-environment', 'pillarenv=prod');
});
afterAll(() => stack?.stop());

describe.sequential('a release whose health check fails', () => {
  test('ends at its first server: exit code 1, and no request fails', async () => {
    const load = constantLoad(stack.front);
    await sleep(300);
    const ended = await stack.deploy('v4-broken');
    await sleep(300);
    const { answers, failures } = await load.stop();

    expect(ended.exitCode, said(ended)).toBe(1);
    expect(failures).toEqual([]);
    expect(answers.length).toBeGreaterThan(1_000);
    expect(new Set(Object.values(revisionsSeen(answers)).flat())).toEqual(new Set(['v1']));
    // Host, step and what the server said last.
    expect(ended.stdout).toContain('health-prod-app1');
    expect(ended.stdout).toContain('SHOP_CURRENCY is not set');
    expect(ended.stdout).toContain('503');
  });

  test('leaves the other servers in service with what they ran', async () => {
    expect(await revisionsNow(stack.servers)).toEqual({
      'prod-app1': undefined,
      'prod-app2': 'v1',
      'prod-app3': 'v1',
      'prod-app4': 'v1',
    });
    expect(await haproxyStates(stack)).toEqual({
      'prod-app1': 'MAINT',
      'prod-app2': 'UP',
      'prod-app3': 'UP',
      'prod-app4': 'UP',
    });
  });

  test('is told by its run: where it stopped, and that nothing later was begun', async () => {
    const run = await stack.lastRun();
    const journal = await stack.journal(run);
    const failed = journal.filter(({ type, outcome }) => type === 'step-ended' && outcome === 'failed');
    expect(failed.map(({ step }) => step?.split('_|-')[1])).toEqual(['health-prod-app1']);
    const begun = journal.filter(({ type }) => type === 'step-started').map(({ step }) => step?.split('_|-')[1]);
    expect(begun.at(-1)).toBe('health-prod-app1');
  });

  test('is repaired by deploying a good one', async () => {
    const load = constantLoad(stack.front);
    const ended = await stack.deploy('v3');
    const { failures } = await load.stop();
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(failures).toEqual([]);
    expect(Object.values(await revisionsNow(stack.servers))).toEqual(['v3', 'v3', 'v3', 'v3']);
    expect(Object.values(await haproxyStates(stack))).toEqual(['UP', 'UP', 'UP', 'UP']);
  });
});

/** server → what HAProxy says of it. */
async function haproxyStates({ dir }: TestStack): Promise<Readonly<Record<string, string>>> {
  const text = await askSocket(join(dir, 'fleet/prod/lb1/haproxy/admin.sock'), 'show stat');
  const rows = text.split('\n').map((line) => line.split(','));
  const column = rows[0]!.indexOf('status');
  const servers = rows.filter(([pool, name]) => pool === 'shop' && name?.startsWith('prod-'));
  return Object.fromEntries(servers.map((row) => [row[1]!, row[column]!]));
}

function askSocket(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path, () => socket.end(`${command}\n`));
    socket.setEncoding('utf8').setTimeout(5_000, () => socket.destroy(new Error(`${path} does not answer`)));
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.once('end', () => resolve(answer));
    socket.once('error', reject);
  });
}

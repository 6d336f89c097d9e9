import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { revisionsNow } from '../support/constant-load.ts';
import { eventually } from '../support/processes.ts';
import { describe as said, startStack, type TestStack } from '../support/stack.ts';

const EDGE_RUN = fileURLToPath(new URL('../../packages/cli/bin/edge-run.js', import.meta.url));
const AUTOMATION = `
reactor:
  - "release/requested":
      - salt://orch/reactor/release-requested.sls
schedule:
  backup-prod-database:
    function: state.orchestrate
    args: [orch.backup-database]
    kwargs: {pillarenv: prod}
    cron: "30 2 * * *"
    timezone: Europe/Berlin
    misfire: once
    overlap: skip
`;

interface Run {
  readonly run: string;
  readonly name: string;
  readonly by: string;
  readonly state: string;
}

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack({ config: AUTOMATION });
  await stack.mustRun('orch', 'deploy-environment', 'pillarenv=prod');
});
afterAll(() => stack?.stop());

const runs = async (): Promise<readonly Run[]> => (await stack.json<Run[]>('orch', 'ls')).value;

/** The one run more than there were, once it has ended. */
async function nextRun(before: readonly Run[]): Promise<Run> {
  const ended = await eventually(
    async () => (await runs()).find(({ run, state }) => state !== 'running' && !before.some((old) => old.run === run)),
    'a further run has ended',
    60_000,
  );
  expect(await runs()).toHaveLength(before.length + 1);
  return ended;
}

describe.sequential('what starts by itself', () => {
  test('an event rolls a release out', async () => {
    const before = await runs();
    await stack.mustRun('events', 'send', 'release/requested', '{"revision": "v2"}');
    const run = await nextRun(before);
    expect(run).toMatchObject({ name: 'orch.deploy-environment', state: 'succeeded' });
    expect(run.by).toContain('reactor');
    expect(Object.values(await revisionsNow(stack.servers))).toEqual(['v2', 'v2', 'v2', 'v2']);
  });

  test('a pushed tag rolls itself out', async () => {
    const bare = join(stack.home, 'repositories/shop.git');
    const work = join(stack.home, 'work');
    git(bare, 'config', 'edge.run', `${process.execPath} ${EDGE_RUN}`);
    git(bare, 'config', 'edge.home', stack.home);
    git(stack.home, 'clone', '--quiet', bare, work);
    git(work, 'tag', 'v5', 'v3');
    const before = await runs();
    git(work, 'push', '--quiet', 'origin', 'v5');
    expect(await nextRun(before)).toMatchObject({ name: 'orch.deploy-environment', state: 'succeeded' });
    expect(Object.values(await revisionsNow(stack.servers))).toEqual(['v5', 'v5', 'v5', 'v5']);
  });

  test('the schedule says when the backup comes, and makes one now', async () => {
    const { value } = await stack.json<{ name: string; enabled: boolean; nextAt: string | number }[]>('schedule', 'ls');
    expect(value).toMatchObject([{ name: 'backup-prod-database', enabled: true }]);
    const next = new Date(value[0]!.nextAt);
    expect(next.getTime()).toBeGreaterThan(Date.now());
    expect(next.toLocaleTimeString('de-DE', { timeZone: 'Europe/Berlin' })).toBe('02:30:00');
    const before = await runs();
    const ended = await stack.run('schedule', 'run', 'backup-prod-database');
    expect(ended.exitCode, said(ended)).toBe(0);
    expect(await nextRun(before)).toMatchObject({ name: 'orch.backup-database', state: 'succeeded' });
  });
});

function git(cwd: string, ...args: readonly string[]): void {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  const { status, stderr } = spawnSync('git', args, { cwd, env, encoding: 'utf8', timeout: 20_000 });
  if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
}

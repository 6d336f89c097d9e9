import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { OrchPlan } from '@edge-run/shared/view';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  constantLoad,
  revisionsNow,
  revisionsSeen,
  type ServerRevisions,
  watchServers,
} from '../support/constant-load.ts';
import { planOf, untold } from '../support/foretold.ts';
import { deployWords, type Ended, describe as said, startStack, type TestStack } from '../support/stack.ts';

const run = promisify(execFile);
const SERVERS = ['prod-app1', 'prod-app2', 'prod-app3', 'prod-app4'] as const;
const everywhere = (revision: string): ServerRevisions =>
  Object.fromEntries(SERVERS.map((server) => [server, revision]));

let stack: TestStack;
beforeAll(async () => {
  stack = await startStack();
});
afterAll(() => stack?.stop());

describe.sequential('deploy-environment', () => {
  test('brings prod up from nothing', async () => {
    const plan = await planOf(stack, 'deploy-environment', 'pillarenv=prod');
    expect(plan.counts).toMatchObject({ coming: 7, hosts: 7 });
    // The plan has brought nobody up.
    expect((await stack.json<{ minions: { connected: number } }>('status')).value.minions.connected).toBe(0);
    done(await stack.run('orch', 'deploy-environment', 'pillarenv=prod'));
    expect(await untold(stack, plan)).toEqual([]);
    expect(await revisionsNow(stack.servers)).toEqual(everywhere('v1'));
    const { value } = await stack.json<{ minions: { connected: number } }>('status');
    expect(value.minions.connected).toBe(7);
  });

  test.for([
    { revision: 'v2', before: 'v1', keepAlive: false },
    { revision: 'v3', before: 'v2', keepAlive: true },
  ])('rolls $revision out one server at a time, and no request fails (keep-alive: $keepAlive)', async (release) => {
    const { revision, before, keepAlive } = release;
    const plan = await planOf(stack, ...deployWords(revision).slice(1));
    expect(await revisionsNow(stack.servers)).toEqual(everywhere(before));
    const load = constantLoad(stack.front, { keepAlive });
    const servers = watchServers(stack.servers);
    await sleep(300);
    const ended = await stack.deploy(revision);
    await sleep(300);
    const { answers, failures } = await load.stop();
    const samples = await servers.stop();
    done(ended);
    const [, reached, targets] = /(\d+)\/(\d+) targets/.exec(ended.stdout)!;
    expect(reached).toBe(targets);

    expect(await untold(stack, plan)).toEqual([]);
    expect(await heads(stack)).toEqual(headsIn(plan));
    expect(failures).toEqual([]);
    expect(answers.length).toBeGreaterThan(500);
    expect(revisionsSeen(answers)).toEqual(Object.fromEntries(SERVERS.map((server) => [server, [before, revision]])));
    // In the order of the list: the last old answer of a server comes before the first new one of the next.
    const firstNew = SERVERS.map((server) =>
      answers.findIndex((one) => one.server === server && one.revision === revision),
    );
    expect(firstNew).toEqual(firstNew.toSorted((a, b) => a - b));
    // Asked directly, the servers go old → away → new one by one; never are two of them away.
    expect(samples).toEqual(oneAtATime(before, revision));
  });

  test('repeated with the same revision restarts nothing', async () => {
    const before = await shopPids(stack);
    expect(before.every((pid) => pid > 0)).toBe(true);
    const plan = await planOf(stack, ...deployWords('v3').slice(1), '--detailed-exitcode', '--strict');
    expect(plan.counts.steps).toMatchObject({ changes: 0, unknown: 0 });
    const ended = await stack.deploy('v3');
    done(ended);
    expect(await untold(stack, plan)).toEqual([]);
    expect(await shopPids(stack)).toEqual(before);
    expect(ended.stdout).not.toContain('drain-');
  });

  test('a saved plan is run as it is, or refused by the name of what moved', async () => {
    const file = 'states/haproxy/files/haproxy.cfg.jinja';
    const template = await readFile(join(import.meta.dirname, '../..', file), 'utf8');
    const words = deployWords('v3').slice(1);
    const pillar = words.at(-1)!;
    await stack.write(file, `${template}\n# one\n`);
    done(await stack.run('orch', 'plan', ...words, '--save', 'deploy.plan'));
    await stack.write(file, `${template}\n# two\n`);
    const refused = await stack.run('apply', 'deploy.plan', pillar);
    expect(refused.exitCode, said(refused)).toBe(8);
    expect(refused.stderr).toContain('files of the states have changed');
    expect(refused.stderr).toContain('step load-balancer: would change something else on prod-lb1');

    const plan = await planOf(stack, ...words, '--save', 'deploy.plan');
    expect(JSON.stringify(plan.steps)).toContain('+# two');
    // What was overridden may be anywhere in it.
    expect(await readFile(join(stack.project, 'deploy.plan'), 'utf8')).not.toContain('haproxy');
    done(await stack.run('apply', 'deploy.plan', pillar));
    expect(await untold(stack, plan)).toEqual([]);
    expect((await stack.json<{ type: string; digest: string }[]>('orch', 'logs', '@last')).value[0]).toMatchObject({
      digest: plan.digest,
    });
  });

  test('brings the test environment up beside prod', async () => {
    const plan = await planOf(stack, 'deploy-environment', 'pillarenv=test');
    done(await stack.run('orch', 'deploy-environment', 'pillarenv=test'));
    expect(await untold(stack, plan)).toEqual([]);
    const servers = {
      'test-app1': `http://${stack.network}.111:8080/health`,
      'test-app2': `http://${stack.network}.112:8080/health`,
    };
    expect(await revisionsNow(servers)).toEqual({ 'test-app1': 'v1', 'test-app2': 'v1' });
    expect(await revisionsNow(stack.servers)).toEqual(everywhere('v3'));
  });
});

describe.sequential('backup-database', () => {
  test('leaves a dump that was compared with the original', async () => {
    const plan = await planOf(stack, 'backup-database', 'pillarenv=prod');
    await expect(stat(dumpFile(stack))).rejects.toThrow('ENOENT');
    done(await stack.run('orch', 'backup-database', 'pillarenv=prod'));
    expect(await untold(stack, plan)).toEqual([]);
    expect((await stat(dumpFile(stack))).size).toBeGreaterThan(1_000);
    expect((await readFile(dumpFile(stack))).subarray(0, 5).toString()).toBe('PGDMP');
  });

  test('a restored dump holds what the original holds, and a changed one does not', async () => {
    const sql = "SELECT count(*), md5(string_agg(o::text, '|' ORDER BY o.id)) FROM orders AS o";
    await keeper('createdb @ again', `pg_restore @ --exit-on-error --dbname=again ${dumpFile(stack)}`);
    const original = await keeper(`psql @ -Atc "${sql}" shop`);
    expect(original).toMatch(/^500\|[0-9a-f]{32}$/);
    expect(await keeper(`psql @ -Atc "${sql}" again`)).toBe(original);
    await keeper(`psql @ -qc 'DELETE FROM orders WHERE id = 250' again`);
    expect(await keeper(`psql @ -Atc "${sql}" again`)).not.toBe(original);
    await keeper('dropdb @ again');
  });
});

/** Server → the commit that is checked out there, as plans write it. */
async function heads({ dir }: TestStack): Promise<Readonly<Record<string, string>>> {
  const found = SERVERS.map(async (server): Promise<[string, string]> => {
    const cwd = join(dir, 'fleet/prod', server.slice('prod-'.length), 'shop');
    return [server, (await run('git', ['-C', cwd, 'rev-parse', '--short=12', 'HEAD'])).stdout.trim()];
  });
  return Object.fromEntries(await Promise.all(found));
}

/** The same as a plan foretells it. */
function headsIn({ steps }: OrchPlan): Readonly<Record<string, string>> {
  const checkouts = steps.filter(({ name }) => name === 'git.checkout');
  const changes = checkouts.flatMap((step) =>
    Object.entries(step.changes as Record<string, Record<string, { new: string }>>),
  );
  return Object.fromEntries(changes.map(([server, repositories]) => [server, Object.values(repositories)[0]!.new]));
}

/** Runs commands of PostgreSQL on the master database host, `@` being how to connect. */
async function keeper(...commands: readonly string[]): Promise<string> {
  const connection = `--host=${stack.network}.21 --port=5432 --username=keeper --no-password`;
  const home = join(stack.dir, 'fleet/prod/db1');
  const { value, ...ended } = await stack.json<{ targets: Record<string, { ret: string }> }>(
    ...['prod-db1', 'cmd.run', commands.join(' && ').replaceAll('@', connection)],
    ...[
      `runas=${process.getuid?.() === 0 ? 'postgres' : userInfo().username}`,
      `env=${JSON.stringify({ PGPASSFILE: `${home}/pgpass` })}`,
    ],
  );
  done(ended);
  return value.targets['prod-db1']!.ret;
}

function dumpFile({ dir }: TestStack): string {
  return join(dir, 'fleet/prod/db1/backups/shop.dump');
}

/** The numbers of the shop's processes, one for each server. */
async function shopPids({ dir }: TestStack): Promise<readonly number[]> {
  const asked = SERVERS.map(async (server) => {
    const configuration = `${dir}/fleet/prod/${server.slice('prod-'.length)}/supervisor/supervisord.conf`;
    const { stdout } = await stack.run(server, 'supervisord.status', 'shop', `conf_file=${configuration}`);
    return Number(/pid (\d+)/.exec(stdout)?.[1] ?? 0);
  });
  return Promise.all(asked);
}

/** What asking the servers directly shows of a rolling release. */
function oneAtATime(before: string, after: string): readonly ServerRevisions[] {
  const states = [everywhere(before)];
  for (const server of SERVERS) {
    states.push({ ...states.at(-1), [server]: undefined });
    states.push({ ...states.at(-1), [server]: after });
  }
  return states;
}

function done(ended: Ended): void {
  expect(ended.exitCode, said(ended)).toBe(0);
}

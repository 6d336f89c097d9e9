import { readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  constantLoad,
  revisionsNow,
  revisionsSeen,
  type ServerRevisions,
  watchServers,
} from '../support/constant-load.ts';
import { type Ended, describe as said, startStack, type TestStack } from '../support/stack.ts';

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
    done(await stack.run('orch', 'deploy-environment', 'pillarenv=prod'));
    expect(await revisionsNow(stack.servers)).toEqual(everywhere('v1'));
    const { value } = await stack.json<{ minions: { connected: number } }>('status');
    expect(value.minions.connected).toBe(7);
  });

  test.for([
    { revision: 'v2', before: 'v1', keepAlive: false },
    { revision: 'v3', before: 'v2', keepAlive: true },
  ])('rolls $revision out one server at a time, and no request fails (keep-alive: $keepAlive)', async (release) => {
    const { revision, before, keepAlive } = release;
    const load = constantLoad(stack.front, { keepAlive });
    const servers = watchServers(stack.servers);
    await sleep(300);
    const ended = await stack.deploy(revision);
    await sleep(300);
    const { answers, failures } = await load.stop();
    const samples = await servers.stop();
    done(ended);

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
    const ended = await stack.deploy('v3');
    done(ended);
    expect(await shopPids(stack)).toEqual(before);
    expect(ended.stdout).not.toContain('drain-');
  });

  test('brings the test environment up beside prod', async () => {
    done(await stack.run('orch', 'deploy-environment', 'pillarenv=test'));
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
    done(await stack.run('orch', 'backup-database', 'pillarenv=prod'));
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

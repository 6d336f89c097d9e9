import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { constantLoad, revisionsNow, revisionsSeen } from '../support/constant-load.ts';
import { type RunningSshd, startSshd } from '../support/sshd.ts';
import { type Ended, describe as said, startStack, type TestStack } from '../support/stack.ts';

const SERVERS = ['prod-app1', 'prod-app2', 'prod-app3', 'prod-app4'] as const;
/** Host → its role and the last part of its address, as pillars/prod/environment.sls has them. */
const HOSTS = {
  'prod-lb1': ['lb', 10],
  'prod-app1': ['app', 11],
  'prod-app2': ['app', 12],
  'prod-app3': ['app', 13],
  'prod-app4': ['app', 14],
  'prod-db1': ['db', 21],
  'prod-db2': ['db', 22],
} as const;

const reason = process.getuid?.() === 0 ? (existsSync('/usr/sbin/sshd') ? undefined : 'needs sshd') : 'needs root';

describe
  .skipIf(reason !== undefined)
  .sequential(`deploy-environment on hosts that have only sshd${reason ? `: ${reason}` : ''}`, () => {
    let stack: TestStack;
    let sshd: RunningSshd;

    beforeAll(async () => {
      stack = await startStack({ isDown: true });
      const addresses = Object.values(HOSTS).map(([, number]) => `${stack.network}.${number}`);
      // The listener's own address stays: it is how the start of sshd is noticed.
      sshd = await startSshd({ match: [], config: addresses.map((address) => `ListenAddress ${address}`) });
      await stack.write('roster.yaml', roster(stack, sshd));
      await stack.configure(`  driver: roster
  home: ${join(stack.home, 'hosts')}
roster: roster.yaml
ssh:
  host_keys: accept-new
  known_hosts: ${join(stack.home, 'known_hosts')}
`);
      await stack.mustRun('up');
    });
    afterAll(async () => {
      // The services of these hosts outlive the master, as on any machine of their own.
      await stack?.run('orch', 'stop-environment', 'pillarenv=prod');
      await stack?.stop();
      await sshd?.stop();
    });

    test('brings prod up without a single minion', async () => {
      done(await stack.run('orch', 'deploy-environment', 'pillarenv=prod'));
      expect(await revisionsNow(stack.servers)).toEqual(everywhere('v1'));
      const { value } = await stack.json<{ id: string; kind: string }[]>('nodes', 'ls');
      expect(value.map(({ kind }) => kind)).toEqual(Object.keys(HOSTS).map(() => 'ssh'));
    });

    test('rolls a release out under load, and no request fails', async () => {
      const load = constantLoad(stack.front, { keepAlive: false });
      await sleep(300);
      const ended = await stack.deploy('v3');
      await sleep(300);
      const { answers, failures } = await load.stop();
      done(ended);
      expect(failures).toEqual([]);
      expect(answers.length).toBeGreaterThan(500);
      expect(revisionsSeen(answers)).toEqual(Object.fromEntries(SERVERS.map((server) => [server, ['v1', 'v3']])));
    });

    test('asks hosts while the orchestration renders, and backs the master database up', async () => {
      done(await stack.run('orch', 'backup-database', 'pillarenv=prod'));
    });
  });

function roster(stack: TestStack, { port, user, keyFile }: RunningSshd): string {
  const entries = Object.entries(HOSTS).map(([id, [role, number]]) => [
    id,
    {
      host: `${stack.network}.${number}`,
      port,
      user,
      priv: keyFile,
      grains: {
        role,
        environment: 'prod',
        pillarenv: 'prod',
        home: join(stack.home, 'hosts', 'prod', id.replace('prod-', '')),
      },
    },
  ]);
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}

function everywhere(revision: string): Readonly<Record<string, string>> {
  return Object.fromEntries(SERVERS.map((server) => [server, revision]));
}

function done(ended: Ended): void {
  expect(ended.exitCode, said(ended)).toBe(0);
}

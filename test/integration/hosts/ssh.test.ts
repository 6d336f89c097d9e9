import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason, startHosts, type TestHosts } from '../../support/hosts.ts';

const reason = noHostsReason();
const PROGRAM = fileURLToPath(new URL('../../../.build/test/test/support/ssh-states.js', import.meta.url));

describe.skipIf(reason !== undefined)(
  reason === undefined ? 'states over SSH' : `states over SSH (skipped: ${reason})`,
  () => {
    let hosts: TestHosts;
    beforeAll(async () => {
      hosts = await startHosts(['db1']);
    }, 540_000);
    afterAll(async () => {
      await hosts?.stop();
    });

    const out = async (...command: string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await hosts.host('db1').exec(command);
      if (exitCode !== 0) throw new Error(`${command.join(' ')} exited ${exitCode}: ${stderr}`);
      return stdout.trim();
    };
    const states = async (
      list: readonly (readonly [string, object])[],
    ): Promise<{ result: boolean; changes: object }[]> => {
      const { address } = hosts.host('db1');
      const known = join(hosts.directory, 'known_hosts');
      await writeFile(known, `${address} ${await out('cat', '/etc/ssh/ssh_host_ed25519_key.pub')}\n`);
      const line = hosts.within([process.execPath, PROGRAM, address, hosts.keyFile, known, JSON.stringify(list)]);
      const { stdout } = await promisify(execFile)(line[0]!, line.slice(1), { timeout: 50_000 });
      return JSON.parse(stdout) as { result: boolean; changes: object }[];
    };

    it('cron and mount: the same as on a minion, with nothing but a shell on the host', async () => {
      const wanted = [
        ['cron.present', { name: '/bin/backup', identifier: 'backup', minute: 5 }],
        ['cron.env_present', { name: 'MAILTO', value: 'ops' }],
        [
          'mount.mounted',
          { name: '/mnt/t', device: 'tmpfs', fstype: 'tmpfs', opts: 'size=64k', mkmnt: true, config: '/root/fstab' },
        ],
        ['service.running', { name: 'cron' }],
      ] as const;
      await out('touch', '/root/fstab');
      const ends = await states(wanted);
      expect(ends.map(({ result, changes }) => ({ result, changes }))).toEqual([
        { result: true, changes: { root: '/bin/backup' } },
        { result: true, changes: { root: 'MAILTO' } },
        { result: true, changes: { mount: true, persist: 'new' } },
        { result: true, changes: {} },
      ]);
      expect(await out('crontab', '-l')).toBe(
        '# Lines below here are managed by Salt, do not edit\nMAILTO=ops\n# SALT_CRON_IDENTIFIER:backup\n5 * * * * /bin/backup',
      );
      expect(await out('findmnt', '-no', 'FSTYPE', '/mnt/t')).toBe('tmpfs');
      for (const { result, changes } of await states(wanted))
        expect({ result, changes }).toEqual({ result: true, changes: {} });
      const gone = await states([
        ['cron.absent', { name: '/bin/backup', identifier: 'backup' }],
        ['mount.unmounted', { name: '/mnt/t', config: '/root/fstab', persist: true }],
      ]);
      expect(gone.map(({ result }) => result)).toEqual([true, true]);
      expect(await out('sh', '-c', 'crontab -l | grep -c backup; cat /root/fstab; findmnt /mnt/t || echo gone')).toBe(
        '0\ngone',
      );
    });

    it('keys, known hosts, the hosts file, the zone, alternatives: the same, and what a user links leads nowhere', async () => {
      await out(
        'sh',
        '-c',
        `useradd -m edge-app; echo 'secret of root' >/root/secret; chmod 600 /root/secret
su edge-app -c 'ln -s /root/secret ~/secret'`,
      );
      const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
      const wanted = [
        ['ssh_auth.present', { name: `ssh-ed25519 ${key} jane`, user: 'edge-app' }],
        ['ssh_known_hosts.present', { name: 'git.example.com', user: 'edge-app', key }],
        ['host.present', { name: 'git.example.com', ip: '192.0.2.7' }],
        ['timezone.system', { name: 'Europe/Berlin' }],
        ['alternatives.install', { name: 'edge-ed', link: '/usr/bin/edge-ed', path: '/bin/cat', priority: 5 }],
        ['alternatives.set', { name: 'edge-ed', path: '/bin/cat' }],
      ] as const;
      const ends = await states(wanted);
      expect(ends.map(({ result, changes }) => [result, Object.keys(changes)])).toEqual([
        [true, [key]],
        [true, ['old', 'new']],
        [true, ['added']],
        [true, ['timezone']],
        [true, ['name', 'link', 'path', 'priority']],
        [true, []],
      ]);
      const seen = `cd /home/edge-app; stat -c '%n %a %U' .ssh .ssh/*; cat .ssh/authorized_keys; tail -1 /etc/hosts; readlink /etc/localtime /usr/bin/edge-ed`;
      expect(await out('sh', '-c', seen)).toBe(`.ssh 700 edge-app
.ssh/authorized_keys 600 edge-app
.ssh/known_hosts 600 edge-app
ssh-ed25519 ${key} jane
192.0.2.7\t\tgit.example.com
/usr/share/zoneinfo/Europe/Berlin
/etc/alternatives/edge-ed`);
      for (const { result, changes } of await states(wanted))
        expect({ result, changes }).toEqual({ result: true, changes: {} });
      const [led] = await states([['ssh_auth.present', { name: key, user: 'edge-app', config: 'secret' }]]);
      expect(led).toMatchObject({ result: false, comment: expect.stringContaining('not edge-app') });
      expect(await out('cat', '/root/secret')).toBe('secret of root');
    });
  },
);

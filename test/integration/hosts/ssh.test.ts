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
  },
);

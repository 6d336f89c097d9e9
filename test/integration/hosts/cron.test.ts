import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason } from '../../support/hosts.ts';
import { type HostFleet, startHostFleet } from '../../support/hosts-fleet.ts';
import { eventually } from '../../support/processes.ts';

const reason = noHostsReason();

describe.skipIf(reason !== undefined)(
  reason === undefined ? 'cron on a host of its own' : `cron on a host of its own (skipped: ${reason})`,
  () => {
    let lab: HostFleet;
    beforeAll(async () => {
      lab = await startHostFleet(['web1']);
    }, 540_000);
    afterAll(async () => {
      await lab?.stop();
    });
    const crontab = (): Promise<string> => lab.shell('web1', 'crontab -l');
    it('present: written for cron, which runs the job within the minute, while the rest is tried', {
      timeout: 120_000,
    }, async () => {
      await lab.shell('web1', "printf '# my own\\n0 5 * * * /bin/own\\n' | crontab -");
      await lab.converge('web1', 'cron.present', { name: 'date >/root/cron-ran', identifier: 'tick' });
      const ran = eventually(
        async () => (await lab.hosts.host('web1').exec(['test', '-s', '/root/cron-ran'])).exitCode === 0,
        'cron runs the job',
        75_000,
      );
      await lab.converge('web1', 'cron.env_present', { name: 'MAILTO', value: '' });
      await lab.converge('web1', 'cron.present', {
        name: '/bin/report',
        special: '@weekly',
        comment: 'weekly\nreport',
      });
      expect(await crontab()).toBe(`# my own
0 5 * * * /bin/own
# Lines below here are managed by Salt, do not edit
MAILTO=""
# SALT_CRON_IDENTIFIER:tick
* * * * * date >/root/cron-ran
# weekly
# report SALT_CRON_IDENTIFIER:/bin/report
@weekly /bin/report`);
      await ran;
    });
    it('present: known by its identifier when the command changes, switched off, moved to a word of cron', async () => {
      await lab.converge('web1', 'cron.present', {
        name: '/bin/tick --new',
        identifier: 'tick',
        minute: '*/5',
        hour: 3,
        commented: true,
      });
      expect(await crontab()).toContain('# SALT_CRON_IDENTIFIER:tick\n#DISABLED#*/5 3 * * * /bin/tick --new\n');
      await lab.converge('web1', 'cron.present', { name: '/bin/tick --new', identifier: 'tick', special: '@daily' });
      expect(await crontab()).not.toContain('*/5');
      expect(await lab.call('web1', 'cron.get_entry', ['root'], { identifier: 'tick' })).toMatchObject({
        spec: '@daily',
        commented: false,
      });
    });
    it('absent, env_absent: nothing but the own lines is left', async () => {
      expect(await lab.state('web1', 'cron.absent', { name: '/bin/tick --new', identifier: 'tick' })).toMatchObject({
        changes: {},
      });
      await lab.converge('web1', 'cron.absent', { name: 'any', identifier: 'tick', special: '@daily' });
      await lab.converge('web1', 'cron.absent', { name: '/bin/report', special: '@weekly' });
      await lab.converge('web1', 'cron.env_absent', { name: 'MAILTO' });
      expect(await crontab()).toBe('# my own\n0 5 * * * /bin/own\n# Lines below here are managed by Salt, do not edit');
    });
    it('a crontab that Salt wrote is understood, and what it holds is in sync', async () => {
      await lab.shell(
        'web1',
        `useradd -m edge-cron; printf '%s\\n' '# Lines below here are managed by Salt, do not edit' 'PATH=/bin' \
        '# nightly SALT_CRON_IDENTIFIER:backup' '5 2 * * 1 /bin/backup' | crontab -u edge-cron -`,
      );
      const backup = { name: '/bin/backup', user: 'edge-cron', identifier: 'backup', minute: 5, hour: 2, dayweek: 1 };
      expect(await lab.state('web1', 'cron.present', { ...backup, comment: 'nightly' })).toMatchObject({
        result: true,
        changes: {},
      });
      expect(
        await lab.state('web1', 'cron.env_present', { name: 'PATH', value: '/bin', user: 'edge-cron' }),
      ).toMatchObject({
        changes: {},
      });
      expect(await lab.converge('web1', 'cron.present', { ...backup, minute: 6 })).toMatchObject({
        changes: { 'edge-cron': '/bin/backup' },
      });
      expect(await lab.call('web1', 'cron.ls', ['edge-cron'])).toMatchObject({
        env: [{ name: 'PATH', value: '/bin' }],
        crons: [{ minute: '6', hour: '2', dayweek: '1', comment: 'nightly', identifier: 'backup' }],
      });
    });
    it('file: the whole crontab; what cron does not take is a failure, and the old one stays', async () => {
      await lab.shell('web1', "printf '1 2 3 4 5 /bin/whole\\n' >/root/whole; printf 'nonsense\\n' >/root/bad");
      const { changes } = await lab.converge('web1', 'cron.file', { name: '/root/whole', user: 'edge-cron' });
      expect(changes.diff).toContain('+1 2 3 4 5 /bin/whole\n');
      expect(await lab.state('web1', 'cron.file', { name: '/root/bad', user: 'edge-cron' })).toMatchObject({
        result: false,
      });
      expect(await lab.shell('web1', 'crontab -u edge-cron -l')).toBe('1 2 3 4 5 /bin/whole');
      expect(await lab.state('web1', 'cron.present', { name: 'x', user: 'edge-nobody' })).toMatchObject({
        result: false,
        comment: expect.stringContaining('edge-nobody'),
      });
    });
    it('functions: set, find and remove', async () => {
      const set = ['root', 1, 2, '*', '*', 'mon', '/bin/fun'];
      expect(await lab.call('web1', 'cron.set_job', set)).toBe('new');
      expect(await lab.call('web1', 'cron.set_job', set)).toBe('present');
      expect(await lab.call('web1', 'cron.set_special', ['root', '@hourly', '/bin/sp'])).toBe('new');
      expect(await lab.call('web1', 'cron.rm_job', ['root', '/bin/fun'], { minute: 9 })).toBe('absent');
      expect(await lab.call('web1', 'cron.rm', ['root', '/bin/fun'], { minute: 1 })).toBe('removed');
      expect(await lab.call('web1', 'cron.rm_special', ['root', '/bin/sp'])).toBe('removed');
      expect(await lab.call('web1', 'cron.raw_cron', ['root'])).not.toMatch(/fun|sp\b/);
      expect((await lab.job('web1', 'cron.write_cron_file', ['root', '/root/bad'])).outcome).toBe('failed');
      expect(await lab.call('web1', 'cron.write_cron_file', ['root', '/root/whole'])).toBe(true);
    });
  },
);

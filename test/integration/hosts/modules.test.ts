import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason } from '../../support/hosts.ts';
import { type HostFleet, startHostFleet } from '../../support/hosts-fleet.ts';
import { eventually } from '../../support/processes.ts';

const reason = noHostsReason();

describe.skipIf(reason !== undefined)(
  reason === undefined
    ? 'packages, users and services of hosts of their own'
    : `packages, users and services of hosts of their own (skipped: ${reason})`,
  () => {
    let lab: HostFleet;
    beforeAll(async () => {
      lab = await startHostFleet(['web1', 'web2', 'db1']);
    }, 540_000);
    afterAll(async () => {
      await lab?.stop();
    });

    describe('pkg', () => {
      beforeAll(async () => {
        await lab.shell(
          'web1',
          `
mkdir -p /srv/repo && cd /srv/repo
for version in 1.0 2.0; do
  root=$(mktemp -d); mkdir -p $root/DEBIAN $root/usr/bin $root/etc
  printf 'Package: edge-hello\\nVersion: %s\\nArchitecture: all\\nMaintainer: t <t@example.com>\\nDescription: t\\n' $version >$root/DEBIAN/control
  echo /etc/edge-hello.conf >$root/DEBIAN/conffiles; echo kept >$root/etc/edge-hello.conf
  printf '#!/bin/sh\\necho hello %s\\n' $version >$root/usr/bin/edge-hello; chmod 755 $root $root/usr/bin/edge-hello
  dpkg-deb --build --root-owner-group $root edge-hello_$version.deb >/dev/null
done
for version in 1.0 2.0; do
  dpkg-deb -f edge-hello_$version.deb
  printf 'Filename: ./edge-hello_%s.deb\\nSize: %s\\nSHA256: %s\\n\\n' $version $(stat -c %s edge-hello_$version.deb) $(sha256sum <edge-hello_$version.deb | cut -d' ' -f1)
done >Packages
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list.d/local.list`,
        );
      });

      it('installed: the version that is asked for, then another', async () => {
        await lab.call('web1', 'pkg.refresh_db');
        const first = await lab.converge('web1', 'pkg.installed', { name: 'edge-hello', version: '1.0' });
        expect(first.changes).toEqual({ 'edge-hello': { old: '', new: '1.0' } });
        expect(await lab.shell('web1', 'edge-hello')).toBe('hello 1.0');
      });
      it('latest: what the repository has', async () => {
        const { changes } = await lab.converge('web1', 'pkg.latest', { name: 'edge-hello' });
        expect(changes).toEqual({ 'edge-hello': { old: '1.0', new: '2.0' } });
        expect(await lab.shell('web1', 'edge-hello')).toBe('hello 2.0');
      });
      it('installed: an older version again', async () => {
        await lab.converge('web1', 'pkg.installed', { pkgs: [{ 'edge-hello': '1.0' }], name: 'older' });
        expect(await lab.shell('web1', 'edge-hello')).toBe('hello 1.0');
      });
      it('removed leaves the configuration, purged does not', async () => {
        await lab.converge('web1', 'pkg.removed', { name: 'edge-hello' });
        expect(await lab.shell('web1', 'cat /etc/edge-hello.conf; command -v edge-hello || echo gone')).toBe(
          'kept\ngone',
        );
        await lab.state('web1', 'pkg.installed', { name: 'edge-hello' });
        await lab.converge('web1', 'pkg.purged', { name: 'edge-hello' });
        expect(await lab.shell('web1', 'ls /etc/edge-hello.conf 2>&1 || true')).toContain('No such file');
      });
      it('an unknown package is a failure that says what apt said', async () => {
        expect(await lab.state('web1', 'pkg.installed', { name: 'edge-nothing' })).toMatchObject({
          result: false,
          changes: {},
          comment: expect.stringContaining('Unable to locate package edge-nothing'),
        });
      });
    });

    describe('user and group', () => {
      it('present: made as described, changed, and removed with the home directory', async () => {
        await lab.converge('web2', 'group.present', { name: 'edge-team', gid: 4242 });
        await lab.converge('web2', 'group.present', { name: 'edge-more' });
        const person = {
          name: 'edge-ann',
          uid: 4321,
          gid: 'edge-team',
          home: '/srv/ann',
          shell: '/bin/sh',
          fullname: 'Ann A',
        };
        await lab.converge('web2', 'user.present', person);
        expect(await lab.shell('web2', 'getent passwd edge-ann; id -gn edge-ann; stat -c %U /srv/ann')).toBe(
          'edge-ann:x:4321:4242:Ann A:/srv/ann:/bin/sh\nedge-team\nedge-ann',
        );
        await lab.converge('web2', 'user.present', { ...person, shell: '/bin/bash', groups: ['edge-more', 'cdrom'] });
        expect(await lab.shell('web2', 'id -Gn edge-ann; getent passwd edge-ann | cut -d: -f7')).toBe(
          'edge-team cdrom edge-more\n/bin/bash',
        );
        await lab.converge('web2', 'user.present', { ...person, groups: ['edge-more'] });
        expect(await lab.shell('web2', 'id -Gn edge-ann')).toBe('edge-team edge-more');
        await lab.converge('web2', 'group.present', { name: 'edge-more', members: [] });
        await lab.converge('web2', 'user.absent', { name: 'edge-ann', purge: true });
        expect(await lab.shell('web2', 'id edge-ann 2>&1 || true; ls -d /srv/ann 2>&1 || true')).toMatch(
          /no such user(.|\n)*No such file/,
        );
        for (const name of ['edge-team', 'edge-more']) await lab.converge('web2', 'group.absent', { name });
        expect((await lab.hosts.host('web2').exec(['getent', 'group', 'edge-team'])).exitCode).toBe(2);
      });
      it('present: a group that is not there is a failure, and nothing is made', async () => {
        expect(await lab.state('web2', 'user.present', { name: 'edge-bob', groups: ['edge-none'] })).toMatchObject({
          result: false,
          changes: {},
        });
        expect((await lab.hosts.host('web2').exec(['id', 'edge-bob'])).exitCode).not.toBe(0);
      });
    });

    describe('service', () => {
      const pid = async (): Promise<string> => lab.shell('db1', 'cat /run/edge-tick.pid');
      beforeAll(async () => {
        await lab.shell(
          'db1',
          `mkdir -p /etc/sv/edge-tick && cd /etc/sv/edge-tick
printf '#!/bin/sh\\ntrap "echo reloaded >>/run/edge-tick.log" HUP\\necho $$ >/run/edge-tick.pid\\nwhile :; do sleep 0.2; done\\n' >run
chmod 755 run`,
        );
      });

      it('running: a service nobody supervises is linked and started, and stays started at boot when enabled', async () => {
        await lab.converge('db1', 'service.running', { name: 'edge-tick', enable: true });
        expect(await lab.shell('db1', 'sv status edge-tick')).toMatch(/^run: edge-tick: \(pid \d+\)/);
        expect(await lab.shell('db1', `readlink /proc/$(cat /run/edge-tick.pid)/exe`)).toContain('sh');
        expect(await lab.call('db1', 'service.get_enabled')).toEqual(
          expect.arrayContaining(['cron', 'edge-tick', 'sshd']),
        );
      });
      it('restart and reload: another process, and the same', async () => {
        const first = await pid();
        await lab.call('db1', 'service.reload', ['edge-tick']);
        await eventually(
          async () => (await lab.shell('db1', 'cat /run/edge-tick.log || true')) === 'reloaded',
          'the service reloads',
        );
        expect(await pid()).toBe(first);
        await lab.call('db1', 'service.restart', ['edge-tick']);
        await eventually(async () => (await pid()) !== first, 'another process');
      });
      it('dead: it ends and is down after a reboot too; running without enable is not', async () => {
        await lab.converge('db1', 'service.dead', { name: 'edge-tick', enable: false });
        expect(await lab.shell('db1', 'sv status edge-tick')).toMatch(/^down: edge-tick/);
        await lab.converge('db1', 'service.running', { name: 'edge-tick' });
        await lab.hosts.host('db1').reboot();
        await eventually(
          async () => (await lab.shell('db1', 'sv status edge-tick || true')).startsWith('down:'),
          'it is down',
        );
        await lab.answers('db1');
        expect(await lab.call('db1', 'service.status', ['edge-tick'])).toBe(false);
        await lab.converge('db1', 'service.enabled', { name: 'edge-tick' });
        expect(await lab.call('db1', 'service.status', ['edge-tick'])).toBe(false);
        await lab.hosts.host('db1').reboot();
        await eventually(
          async () => (await lab.shell('db1', 'sv status edge-tick || true')).startsWith('run:'),
          'it runs',
        );
      });
      it('a service that does not exist is a failure that names it', async () => {
        await lab.answers('db1');
        expect(await lab.state('db1', 'service.running', { name: 'edge-none' })).toMatchObject({
          result: false,
          comment: expect.stringContaining('edge-none is not available'),
        });
      });
    });
  },
);

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason } from '../../support/hosts.ts';
import { type HostFleet, startHostFleet } from '../../support/hosts-fleet.ts';

const reason = noHostsReason();
const KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';

describe.skipIf(reason !== undefined)(
  reason === undefined
    ? 'who gets in, names, zone and alternatives of a host of its own'
    : `who gets in, names, zone and alternatives of a host of its own (skipped: ${reason})`,
  () => {
    let lab: HostFleet;
    beforeAll(async () => {
      lab = await startHostFleet(['web1']);
    }, 540_000);
    afterAll(async () => {
      await lab?.stop();
    });
    const on = (script: string): Promise<string> => lab.shell('web1', script);
    const converge = (name: string, args: object) => lab.converge('web1', name, args);

    it('ssh_auth: the key of a new user lets in, and without it nobody gets in', async () => {
      await converge('user.present', { name: 'edge-app', createhome: true });
      await on('ssh-keygen -q -t ed25519 -N "" -f /root/id; usermod -p "*" edge-app');
      const login =
        'ssh -n -i /root/id -o BatchMode=yes -o UserKnownHostsFile=/root/known edge-app@web1 id -un 2>&1 || :';
      const args = { name: await on('cat /root/id.pub'), user: 'edge-app' };
      await converge('ssh_known_hosts.present', { name: 'web1', user: 'root', config: '/root/known' });
      expect(await on(login)).toContain('Permission denied');
      await converge('ssh_auth.present', args);
      expect(await on(login)).toBe('edge-app');
      await converge('ssh_auth.manage', { name: 'keys', user: 'edge-app', ssh_keys: [`ssh-ed25519 ${KEY}`] });
      expect(await on(login)).toContain('Permission denied');
      expect(await lab.call('web1', 'ssh.auth_keys', ['edge-app'])).toHaveProperty([KEY]);
    });
    it('host: names resolve, and the other lines stay', async () => {
      const before = await on('cat /etc/hosts');
      await converge('host.present', {
        name: 'db1.example.com',
        ip: ['192.0.2.7', '2001:db8::7'],
        comment: 'the database',
      });
      expect(await on('getent ahostsv4 db1.example.com | head -1')).toContain('192.0.2.7');
      await converge('host.only', { name: '192.0.2.7', hostnames: ['db1', 'db1.example.com'] });
      expect(await lab.call('web1', 'hosts.get_alias', ['192.0.2.7'])).toEqual(['db1', 'db1.example.com']);
      await converge('host.absent', { name: 'db1.example.com', ip: ['192.0.2.7', '2001:db8::7'] });
      await converge('host.only', { name: '192.0.2.7', hostnames: [] });
      expect(await on('cat /etc/hosts')).toBe(before);
    });
    it('timezone: the time of commands is that of the zone', async () => {
      await converge('timezone.system', { name: 'Asia/Tokyo' });
      expect(await on('date +%Z; cat /etc/timezone')).toBe('JST\nAsia/Tokyo');
      await on('cp --remove-destination /usr/share/zoneinfo/Asia/Kathmandu /etc/localtime; rm /etc/timezone');
      expect(await lab.call('web1', 'timezone.get_zone')).toBe('Asia/Kathmandu');
      await converge('timezone.system', { name: 'Asia/Tokyo' });
      expect(await lab.call('web1', 'timezone.get_offset')).toBe('+0900');
      await on('printf "0.0 0 0.0\\n0\\nLOCAL\\n" >/etc/adjtime');
      expect((await converge('timezone.system', { name: 'Asia/Tokyo' })).changes).toEqual({ utc: true });
      expect(await lab.call('web1', 'timezone.get_hwclock')).toBe('UTC');
    });
    it('alternatives: what the link leads to follows priority, choice and removal', async () => {
      const choice = (path: string, priority: number) =>
        converge('alternatives.install', { name: 'edge-ed', link: '/usr/bin/edge-ed', path, priority });
      const end = (): Promise<string> => on('readlink /etc/alternatives/edge-ed || echo none');
      await choice('/bin/cat', 5);
      await choice('/bin/ls', 10);
      expect(await end()).toBe('/bin/ls');
      expect((await choice('/bin/cat', 20)).changes).toMatchObject({ priority: 20 });
      expect(await end()).toBe('/bin/cat');
      await converge('alternatives.set', { name: 'edge-ed', path: '/bin/ls' });
      expect(await end()).toBe('/bin/ls');
      await converge('alternatives.auto', { name: 'edge-ed' });
      expect(await end()).toBe('/bin/cat');
      const removed = await converge('alternatives.remove', { name: 'edge-ed', path: '/bin/cat' });
      expect(removed.changes).toEqual({ path: '/bin/ls' });
      expect(await lab.call('web1', 'alternatives.show_link', ['edge-ed'])).toBe('/usr/bin/edge-ed');
      await converge('alternatives.remove', { name: 'edge-ed', path: '/bin/ls' });
      expect(await end()).toBe('none');
    });
  },
);

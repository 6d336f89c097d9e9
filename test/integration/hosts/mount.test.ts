import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noHostsReason, noLoopReason } from '../../support/hosts.ts';
import { type HostFleet, startHostFleet } from '../../support/hosts-fleet.ts';

const reason = noHostsReason();
const noLoop = noLoopReason();
const IN_A_FILE = 'mounted: a file system in a file';

describe.skipIf(reason !== undefined)(
  reason === undefined ? 'mounts of a host of its own' : `mounts of a host of its own (skipped: ${reason})`,
  () => {
    let lab: HostFleet;
    beforeAll(async () => {
      lab = await startHostFleet(['lb1'], { hosts: { loop: noLoop === undefined } });
    }, 540_000);
    afterAll(async () => {
      await lab?.stop();
    });
    const on = (script: string): Promise<string> => lab.shell('lb1', script);
    const options = (path: string): Promise<string> => on(`findmnt -no FS-OPTIONS,VFS-OPTIONS ${path} | tail -1`);
    const mounted = (args: object) => lab.converge('lb1', 'mount.mounted', args);
    const unmounted = (args: object) => lab.converge('lb1', 'mount.unmounted', args);
    beforeAll(async () => {
      await on("printf '# kept\\n/dev/none /none ext4 noauto 0 0\\n' >/etc/fstab");
    });

    it('mounted: a tmpfs with its directory and an entry of fstab', async () => {
      const tmpfs = {
        name: '/mnt/fast',
        device: 'tmpfs',
        fstype: 'tmpfs',
        opts: 'size=1m,mode=0755,noexec',
        mkmnt: true,
      };
      expect((await mounted(tmpfs)).changes).toEqual({ mount: true, persist: 'new' });
      expect(await options('/mnt/fast')).toMatch(/size=1024k.*mode=755.*noexec/);
      expect(await on('cat /etc/fstab')).toBe(
        '# kept\n/dev/none /none ext4 noauto 0 0\ntmpfs\t\t/mnt/fast\ttmpfs\tsize=1m,mode=0755,noexec\t0 0',
      );
    });
    it('mounted: other options remount it in place, and those that nobody wants any more are gone', async () => {
      await on('echo kept >/mnt/fast/file');
      const wanted = { name: '/mnt/fast', device: 'tmpfs', fstype: 'tmpfs', opts: ['size=2m', 'mode=0755', 'nosuid'] };
      expect((await mounted(wanted)).changes).toEqual({
        umount: 'Forced remount because options (noexec,nosuid,size=2m) changed',
        persist: 'update',
      });
      expect(await options('/mnt/fast')).toMatch(/size=2048k.*nosuid/);
      expect(await options('/mnt/fast')).not.toContain('noexec');
      expect(await on('cat /mnt/fast/file')).toBe('kept');
      await on('mount -o remount,ro /mnt/fast');
      await mounted({ ...wanted, opts: [...wanted.opts, 'rw'] });
      expect(await options('/mnt/fast')).toMatch(/rw,nosuid/);
    });
    it('mounted: after a reboot again', async () => {
      await lab.hosts.host('lb1').reboot();
      await lab.answers('lb1');
      const wanted = { name: '/mnt/fast', device: 'tmpfs', fstype: 'tmpfs', opts: 'size=2m,mode=0755,nosuid,rw' };
      expect((await mounted(wanted)).changes).toEqual({ mount: true });
    });
    it('mounted: another device is mounted instead, unless its name is as good', async () => {
      const other = { name: '/mnt/fast', device: 'other', fstype: 'tmpfs', opts: 'size=2m,mode=0755', persist: false };
      expect(await lab.state('lb1', 'mount.mounted', { ...other, device_name_regex: ['tmp.*'] })).toMatchObject({
        result: true,
        changes: {},
      });
      await mounted(other);
      expect(await on('findmnt -no SOURCE /mnt/fast')).toBe('other');
    });
    it('unmounted: every layer, and the entry with persist', async () => {
      await on('mount -t tmpfs upper /mnt/fast');
      expect((await unmounted({ name: '/mnt/fast' })).changes).toEqual({ umount: true });
      expect((await unmounted({ name: '/mnt/fast', persist: true })).changes).toEqual({ persist: 'purged' });
      expect(await on('cat /etc/fstab; findmnt /mnt/fast || echo nothing')).toBe(
        '# kept\n/dev/none /none ext4 noauto 0 0\nnothing',
      );
    });
    it('mounted: a directory bound to another, also read-only and with spaces, and to the right one', async () => {
      await on('mkdir -p "/srv/a b" /srv/c; echo ab >"/srv/a b/file"; echo c >/srv/c/file');
      const bind = { name: '/mnt/bound here', device: '/srv/a b', fstype: 'none', opts: 'bind', mkmnt: true };
      await mounted(bind);
      expect(await on('cat "/mnt/bound here/file"; tail -1 /etc/fstab')).toBe(
        'ab\n/srv/a\\040b\t\t/mnt/bound\\040here\tnone\tbind\t0 0',
      );
      await mounted({ ...bind, opts: ['bind', 'ro'] });
      expect((await lab.hosts.host('lb1').exec(['touch', '/mnt/bound here/x'])).exitCode).not.toBe(0);
      await mounted({ ...bind, device: '/srv/c' });
      expect(await on('cat "/mnt/bound here/file"; grep -c bound /etc/fstab')).toBe('c\n1');
      await unmounted({ name: '/mnt/bound here', device: '/srv/c', persist: true });
    });
    it.skipIf(noLoop !== undefined)(
      noLoop === undefined ? IN_A_FILE : `${IN_A_FILE} (skipped: ${noLoop})`,
      async () => {
        await on('truncate -s 4M /srv/image && mkfs.ext4 -q -F -L edgeloop /srv/image');
        const image = {
          name: '/mnt/image',
          device: '/srv/image',
          fstype: 'ext4',
          opts: ['loop', 'noatime'],
          mkmnt: true,
        };
        await mounted(image);
        await on('echo in >/mnt/image/file; losetup -j /srv/image | grep -q loop');
        await mounted({ ...image, opts: ['loop', 'ro'] });
        expect(await options('/mnt/image')).toMatch(/\bro\b/);
        expect(await on('losetup -j /srv/image | wc -l')).toBe('1');
        await unmounted({ name: '/mnt/image', persist: true });
        expect(await on('losetup -j /srv/image | wc -l')).toBe('0');
      },
    );
    it('mounted: failures say why, and fstab stays as it was', async () => {
      const before = await on('cat /etc/fstab');
      const nowhere = { name: '/mnt/nowhere', device: 'tmpfs', fstype: 'tmpfs' };
      for (const [wrong, says] of [
        [nowhere, 'Mount directory /mnt/nowhere is not present'],
        [{ ...nowhere, mkmnt: true, fstype: 'nofs' }, 'nofs'],
        [{ ...nowhere, device: 'LABEL=edge-none', fstype: 'ext4' }, 'Unable to find device with LABEL=edge-none'],
      ] as const)
        expect(await lab.state('lb1', 'mount.mounted', wrong)).toMatchObject({
          result: false,
          comment: expect.stringContaining(says),
        });
      expect(await on('cat /etc/fstab')).toBe(before);
    });
    it('fstab_present, fstab_absent: the entry alone, mounted when it is new', async () => {
      const entry = { name: 'tmpfs', fs_file: '/mnt/table', fs_vfstype: 'tmpfs', fs_mntops: ['size=1m'], fs_passno: 2 };
      await on('mkdir -p /mnt/table');
      await lab.converge('lb1', 'mount.fstab_present', entry);
      expect(await on('findmnt -no FSTYPE /mnt/table; tail -1 /etc/fstab')).toBe(
        'tmpfs\ntmpfs\t\t/mnt/table\ttmpfs\tsize=1m\t0 2',
      );
      const other = { ...entry, fs_mntops: 'size=9m' };
      expect(await lab.state('lb1', 'mount.fstab_present', { ...other, not_change: true })).toMatchObject({
        result: true,
        changes: {},
      });
      await lab.converge('lb1', 'mount.fstab_present', other);
      expect(await lab.call('lb1', 'mount.fstab')).toMatchObject({ '/mnt/table': { opts: ['size=9m'], pass: '2' } });
      await lab.converge('lb1', 'mount.fstab_absent', { name: 'tmpfs', fs_file: '/mnt/table' });
      expect(await lab.call('lb1', 'mount.is_mounted', ['/mnt/table'])).toBe(true);
    });
    it('functions: mount, remount, look and unmount', async () => {
      await lab.call('lb1', 'mount.mount', ['/mnt/fun', 'fun'], { mkmnt: true, fstype: 'tmpfs', opts: 'size=64k' });
      await lab.call('lb1', 'mount.remount', ['/mnt/fun', 'fun'], { fstype: 'tmpfs', opts: ['size=128k', 'noexec'] });
      const active = (await lab.call('lb1', 'mount.active')) as Record<string, { opts: string[] }>;
      expect(active['/mnt/fun']).toMatchObject({ device: 'fun', fstype: 'tmpfs' });
      expect(active['/mnt/fun']!.opts).toEqual(expect.arrayContaining(['noexec', 'size=128k']));
      expect(await lab.call('lb1', 'mount.get_mount_from_path', ['/mnt/fun/below/it'])).toBe('/mnt/fun');
      expect(await lab.call('lb1', 'mount.umount', ['/mnt/fun'])).toBe(true);
      expect(await lab.job('lb1', 'mount.umount', ['/mnt/fun'])).toMatchObject({ outcome: 'failed' });
    });
    // Swap belongs to the kernel, not to a namespace: a host that got some would give it to this machine.
    it('swap: what the kernel refuses is a failure, and fstab stays as it was', async () => {
      await on('truncate -s 1M /srv/swap && mkswap /srv/swap >/dev/null 2>&1');
      expect(await lab.state('lb1', 'mount.swap', { name: '/srv/swap' })).toMatchObject({
        result: false,
        comment: expect.stringContaining('swapon /srv/swap exited'),
      });
      expect(await on('grep -c swap /etc/fstab || true')).toBe('0');
    });
  },
);

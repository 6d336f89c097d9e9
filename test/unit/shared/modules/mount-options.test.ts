import { type OptionRules, optionDrift } from '@edge-run/shared/modules/providers/mount';
import { mountStates } from '@edge-run/shared/modules/states';
import { toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { moduleContext, runState } from '../../../support/module-context.ts';

const NO_RULES: OptionRules = {
  invisibleOptions: [],
  invisibleKeys: [],
  ignoredKeys: new Map(),
  translations: new Map(),
};
const words = (text: string): string[] => (text === '' ? [] : text.split(','));

describe('options for which a mount is made anew', () => {
  it.each<
    [string, { wanted: string; active: string; fstype?: string; former?: string; rules?: Partial<OptionRules> }, string]
  >([
    ['what the kernel shows is in force', { wanted: 'ro,noexec', active: 'ro,noexec,relatime' }, ''],
    ['a flag that is off', { wanted: 'noatime,nodev', active: 'rw,relatime,nodev' }, 'noatime'],
    ['rw over ro', { wanted: 'rw', active: 'ro' }, 'rw'],
    ['the opposite of a flag that is on', { wanted: 'exec,suid,dev,async', active: 'rw,noexec,sync' }, 'async,exec'],
    [
      'options of boot and of mount itself',
      { wanted: 'defaults,noauto,nofail,_netdev,x-systemd.automount,user', active: 'rw' },
      '',
    ],
    ['sizes in other units', { wanted: 'size=1m', active: 'rw,size=1024k' }, ''],
    ['sizes in bytes and gibibytes', { wanted: 'size=2g', active: 'rw,size=2097152k' }, ''],
    ['another size', { wanted: 'size=2m', active: 'rw,size=1024k' }, 'size=2m'],
    [
      'a share of the memory cannot be compared',
      { wanted: 'size=50%', active: 'rw,size=1024k', former: 'size=50%' },
      '',
    ],
    ['modes with and without leading zeros', { wanted: 'mode=0755', active: 'rw,mode=755' }, ''],
    ['a default that is not shown', { wanted: 'mode=1777,uid=0', active: 'rw', fstype: 'tmpfs' }, ''],
    ['a default that is not in force', { wanted: 'uid=0', active: 'rw,uid=33', fstype: 'tmpfs' }, 'uid=0'],
    ['what is not shown and was in fstab', { wanted: 'acl,discard', active: 'rw', former: 'acl,discard' }, ''],
    ['what is not shown and is new in fstab', { wanted: 'acl,discard', active: 'rw', former: 'acl' }, 'discard'],
    ['what is not shown and nobody can tell', { wanted: 'acl', active: 'rw' }, ''],
    [
      'what nobody wants any more',
      { wanted: 'defaults', active: 'ro,noexec', former: 'ro,noexec,nofail' },
      'noexec,ro',
    ],
    ['what is off already', { wanted: 'defaults', active: 'rw', former: 'ro' }, ''],
    ['names of tcp and udp', { wanted: 'tcp', active: 'rw,proto=tcp', former: '' }, ''],
    [
      'what a tree says is not shown',
      { wanted: 'a,b=1', active: 'rw,b=2', former: '', rules: { invisibleOptions: ['a'], invisibleKeys: ['b'] } },
      '',
    ],
    ['what a file system does not show', { wanted: 'size=1m', active: 'rw', fstype: 'ramfs', former: '' }, ''],
    [
      'what a tree says a file system does not show',
      { wanted: 'k=1', active: 'rw,k=2', fstype: 'odd', rules: { ignoredKeys: new Map([['odd', ['k']]]) } },
      '',
    ],
    [
      'how a tree says it is shown',
      { wanted: 'x', active: 'rw,y=1', former: '', rules: { translations: new Map([['x', 'y=1']]) } },
      '',
    ],
  ])('%s', (_, { wanted, active, fstype = 'ext4', former, rules }, drift) => {
    const shown = { opts: words(active), superopts: ['rw'].filter((option) => words(active).includes(option)), fstype };
    const before = former === undefined ? undefined : words(former);
    expect(optionDrift(words(wanted), shown, before, { ...NO_RULES, ...rules })).toEqual(words(drift));
  });
});

const ROOT_LINE = '1 0 8:1 / / rw - ext4 /dev/sda1 rw\n';
const SWAPS = 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n';
const state = (name: string) => mountStates.find((module) => module.name === `mount.${name}`)!;
const fakeHost = (mountinfo: string): FakeHost =>
  new FakeHost()
    .on([/edge_link_end/, ({ 4: path }) => ({ stdout: `${path}\n` })], [/^test -[ef] /, {}])
    .file('/proc/self/mountinfo', ROOT_LINE + mountinfo)
    .file('/etc/fstab', '');

describe('mount states on a host from memory', () => {
  it('swap: turned on, and written to fstab', async () => {
    const host = fakeHost('').file('/proc/swaps', SWAPS);
    host.on([
      'swapon /dev/sdb2',
      () => {
        host.file('/proc/swaps', `${SWAPS}/dev/sdb2                               partition\t1023996\t\t0\t\t-2\n`);
        return {};
      },
    ]);
    const { result, changes } = await runState(state('swap'), moduleContext(host), { name: '/dev/sdb2' });
    expect({ result, changes: toPlain(changes) }).toEqual({
      result: true,
      changes: { type: 'partition', size: '1023996', used: '0', priority: '-2', persist: 'new' },
    });
    expect(host.text('/etc/fstab')).toBe('/dev/sdb2\t\tnone\tswap\tdefaults\t0 0\n');
    const again = await runState(state('swap'), moduleContext(host), { name: '/dev/sdb2' });
    expect(again).toMatchObject({ result: true, comment: 'Swap /dev/sdb2 already active' });
  });
  it('mounted: users and groups by name are compared with the numbers the kernel shows', async () => {
    const host = fakeHost('30 1 0:40 / /mnt/s rw - cifs //srv/s rw,uid=33,gid=7,username=me\n');
    const passwd = { stdout: 'www-data:x:33:33::/var/www:/bin/sh\n' };
    host.on([/getent.* passwd$/, passwd], [/getent.* group$/, { stdout: 'staff:x:7:\n' }]);
    const share = { name: '/mnt/s', device: '//srv/s', fstype: 'cifs', persist: false };
    const opts = ['uid=www-data', 'gid=staff', 'user=me'];
    expect(await runState(state('mounted'), moduleContext(host), { ...share, opts })).toMatchObject({ result: true });
    const { comment } = await runState(state('mounted'), moduleContext(host), { ...share, opts: ['uid=0'] }, 'plan');
    expect(comment).toBe('/mnt/s: remounted because options (uid=0) changed');
    expect(host.changes).toEqual([]);
  });
  it('mounted: a device by its tag, a loop device by its file, and FUSE by what follows its name', async () => {
    const host = fakeHost(
      '30 1 8:17 / /mnt/a rw - ext4 /dev/sdb1 rw\n31 1 7:3 / /mnt/l rw - ext4 /dev/loop3 rw\n32 1 0:50 / /mnt/f rw - fuse.sshfs me@srv:/x rw\n',
    );
    host.on(['findfs UUID=1-2', { stdout: '/dev/sdb1\n' }], [/^findfs LABEL/, { exitCode: 1 }]);
    host.on(['cat /sys/block/loop3/loop/backing_file', { stdout: '/srv/image\n' }]);
    const look = (name: string, device: string, fstype = 'ext4') =>
      runState(state('mounted'), moduleContext(host), { name, device, fstype, persist: false }, 'plan');
    expect(await look('/mnt/a', 'UUID="1-2"')).toMatchObject({ result: true, comment: 'Target was already mounted' });
    expect(await look('/mnt/l', '/srv/image')).toMatchObject({ result: true });
    expect(await look('/mnt/f', 'sshfs#me@srv:/x', 'fuse')).toMatchObject({ result: true });
    expect(await look('/mnt/a', 'LABEL=x')).toMatchObject({ result: false });
    expect(await look('/mnt/a', '/dev/sdc1')).toMatchObject({
      result: null,
      comment: '/mnt/a: /dev/sdc1 mounted instead of /dev/sdb1',
    });
  });
  it('mounted: a network file system with other options is unmounted and mounted, lazily when it is in use', async () => {
    const line = (opts: string): string => `30 1 0:41 / /mnt/n ${opts} - nfs4 srv:/n rw\n`;
    const host = fakeHost(line('rw'));
    host.on(
      ['umount /mnt/n', { exitCode: 32, stderr: 'target is busy' }],
      ['umount -l /mnt/n', {}],
      [
        'mount -o ro -t nfs srv:/n /mnt/n',
        () => {
          host.file('/proc/self/mountinfo', ROOT_LINE + line('ro'));
          return {};
        },
      ],
    );
    const share = { name: '/mnt/n', device: 'srv:/n', fstype: 'nfs', opts: 'ro', persist: false };
    expect(await runState(state('mounted'), moduleContext(host), share)).toMatchObject({ result: true });
    expect(host.changes).toEqual(['umount /mnt/n', 'umount -l /mnt/n', 'mount -o ro -t nfs srv:/n /mnt/n']);
  });
});

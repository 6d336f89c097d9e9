import { createCatalog } from '@edge-run/shared/execute';
import {
  dropModule,
  keepModule,
  parseKept,
  parseLoaded,
  parseModuleFiles,
} from '@edge-run/shared/modules/providers/kmod';
import { toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const run = async (name: string, args: object, host: FakeHost, mode?: 'plan') => {
  const end = await runState(catalog.states.get(`kmod.${name}`)!, moduleContext(host), { ...args }, mode);
  return { ...end, changes: toPlain(end.changes) };
};
const call = async (name: string, host: FakeHost, kwargs: object = {}) =>
  (await callFunction(catalog.functions.get(`kmod.${name}`)!, moduleContext(host), [], { ...kwargs })).answer;

const KEPT = '/etc/modules';
const PROC =
  'nf_nat 49152 2 nft_nat,nft_chain_nat, Live 0x0000000000000000\npcspkr 16384 0 - Live 0x0000000000000000\n';

/** A host whose kernel has a few modules, `br_netfilter` needs `bridge`. */
function kernel(loaded = PROC): FakeHost {
  const folder = '/lib/modules/6.1.0-18-amd64';
  const host = new FakeHost('web1')
    .file('/proc/modules', loaded)
    .file(
      `${folder}/modules.dep`,
      [
        'kernel/net/bridge/bridge.ko: kernel/net/802/stp.ko',
        'kernel/net/bridge/br_netfilter.ko.xz: kernel/net/bridge/bridge.ko',
        'kernel/sound/core/snd-pcm.ko.zst:',
        'kernel/drivers/input/misc/pcspkr.ko:\n',
      ].join('\n'),
    );
  host.file(`${folder}/modules.builtin`, 'kernel/fs/ext4/ext4.ko\nkernel/crypto/sha256-generic.ko\n').directory('/etc');
  const text = (): string => host.text('/proc/modules')!;
  return host.on(
    ['uname -r', { stdout: '6.1.0-18-amd64\n' }],
    [
      /^modprobe -- /,
      ({ 2: name }) => {
        const came = name === 'br_netfilter' ? ['bridge', 'br_netfilter'] : [name!.replaceAll('-', '_')];
        host.file('/proc/modules', text() + came.map((one) => `${one} 1 0 - Live 0x0\n`).join(''));
        return {};
      },
    ],
    [
      /^modprobe -r -- /,
      ({ 3: name }) => {
        if (name === 'nf_nat') return { exitCode: 1, stderr: 'modprobe: FATAL: Module nf_nat is in use.' };
        host.file('/proc/modules', text().replace(new RegExp(`^${name!.replaceAll('-', '_')} .*\n`, 'm'), ''));
        return {};
      },
    ],
  );
}

describe('what the kernel says', () => {
  it('loaded modules', () => {
    expect(parseLoaded(PROC)).toEqual([
      { module: 'nf_nat', sizeBytes: 49_152, uses: 2, users: ['nft_nat', 'nft_chain_nat'] },
      { module: 'pcspkr', sizeBytes: 16_384, uses: 0, users: [] },
    ]);
  });
  it('files of modules, compressed or not', () => {
    expect(parseModuleFiles('a/b/snd-pcm.ko.zst: a/x.ko a/y.ko\nz.ko:\nkernel/fs/ext4.ko\n')).toEqual([
      'snd_pcm',
      'z',
      'ext4',
    ]);
  });
  it.each([
    ['a new one', '# x\nloop', 'dummy', '# x\nloop\ndummy\n'],
    ['one that is there, with arguments', 'dummy numdummies=2\n', 'dummy', 'dummy numdummies=2\n'],
    ['another way of writing', 'snd_pcm\n', 'snd-pcm', 'snd_pcm\n'],
    ['one that was commented out', '#loop\n# dummy\n', 'dummy', '#loop\ndummy\n'],
    ['a sentence is none', '# dummy is for tests\n', 'dummy', '# dummy is for tests\ndummy\n'],
  ])('kept: %s', (_, text, module, after) => {
    expect(keepModule(text, module)).toBe(after);
    expect(parseKept(after)).toContain(module.replaceAll('-', '_'));
  });
  it('dropped: as a comment or altogether', () => {
    expect(dropModule('a\ndummy x=1\n', 'dummy', { comment: true })).toBe('a\n#dummy x=1\n');
    expect(dropModule('a\ndummy x=1\n', 'dummy', { comment: false })).toBe('a\n');
  });
});

describe('kmod.present', () => {
  it('loaded and kept, once', async () => {
    const host = kernel();
    const args = { name: 'br_netfilter', persist: true };
    const planned = { result: null, changes: { br_netfilter: 'loaded' } };
    expect(await run('present', args, host, 'plan')).toMatchObject(planned);
    expect([host.changes, host.text(KEPT)]).toEqual([[], undefined]);
    expect(await run('present', args, host)).toMatchObject({ ...planned, result: true });
    expect(host.text(KEPT)).toBe('br_netfilter\n');
    expect(await run('present', args, host)).toMatchObject({
      result: true,
      changes: {},
      comment: 'Kernel module br_netfilter is already present',
    });
  });
  it('several: what is there stays, what is part of the kernel is there', async () => {
    const host = kernel();
    const args = { name: 'some', mods: ['pcspkr', 'snd-pcm', 'ext4'] };
    expect(await run('present', args, host)).toMatchObject({ result: true, changes: { 'snd-pcm': 'loaded' } });
    expect(host.changes).toEqual(['modprobe -- snd-pcm']);
    expect(await run('present', args, host)).toMatchObject({ result: true, changes: {} });
  });
  it('one that is loaded is only kept, with systemd in its folder', async () => {
    const host = kernel().directory('/run/systemd/system').directory('/etc/modules-load.d');
    expect(await run('present', { name: 'pcspkr', persist: true }, host)).toMatchObject({ result: true });
    expect(host.changes).toEqual([]);
    expect(host.text('/etc/modules-load.d/salt_managed.conf')).toBe('pcspkr\n');
  });
  it('one that is not there is refused, in a plan too; so is what is no name', async () => {
    expect(await run('present', { name: 'nothing' }, kernel(), 'plan')).toMatchObject({
      result: false,
      comment: 'Kernel module nothing is unavailable: the kernel of web1 has no such module to load',
    });
    expect(await run('present', { name: 'two words' }, kernel())).toMatchObject({
      result: false,
      comment: 'two words is not the name of a module of the kernel',
    });
    await expect(run('present', { name: 'x', mods: ['-r'] }, kernel())).rejects.toThrow('not the name of a module');
  });
  it('a kernel that cannot load modules has none', async () => {
    const host = new FakeHost('ct1').on(['uname -r', { stdout: '6.1\n' }]);
    expect(await run('present', { name: 'dummy' }, host)).toMatchObject({ result: false });
    expect(await run('absent', { name: 'dummy' }, host)).toMatchObject({ result: true, changes: {} });
  });
});

describe('kmod.absent', () => {
  it('unloaded, and its line commented out', async () => {
    const host = kernel().file(KEPT, 'loop\npcspkr\n');
    const args = { name: 'pcspkr', persist: true };
    expect(await run('absent', args, host, 'plan')).toMatchObject({ result: null, changes: { pcspkr: 'removed' } });
    expect(await run('absent', args, host)).toMatchObject({ result: true, changes: { pcspkr: 'removed' } });
    expect(host.text(KEPT)).toBe('loop\n#pcspkr\n');
    expect(await run('absent', args, host)).toMatchObject({
      result: true,
      changes: {},
      comment: 'Kernel module pcspkr is already removed',
    });
  });
  it('one in use says so; one that is part of the kernel is refused', async () => {
    expect(await run('absent', { name: 'nf_nat' }, kernel())).toMatchObject({
      result: false,
      comment: expect.stringContaining('is in use'),
    });
    expect(await run('absent', { name: 'ext4' }, kernel(), 'plan')).toMatchObject({ result: false });
  });
});

it('functions', async () => {
  const host = kernel();
  expect(await call('available', host)).toEqual([
    ...['br_netfilter', 'bridge', 'ext4', 'pcspkr', 'sha256_generic', 'snd_pcm'],
  ]);
  expect(await call('check_available', host, { mod: 'snd-pcm' })).toBe(true);
  expect(await call('lsmod', host)).toContainEqual({ module: 'pcspkr', size: '16384', depcount: '0', deps: [] });
  expect(await call('load', host, { mod: 'br_netfilter', persist: true })).toEqual(['br_netfilter', 'bridge']);
  expect(await call('is_loaded', host, { mod: 'br-netfilter' })).toBe(true);
  expect(await call('mod_list', host)).toEqual(['br_netfilter', 'bridge', 'nf_nat', 'pcspkr']);
  expect(await call('mod_list', host, { only_persist: true })).toEqual(['br_netfilter']);
  expect(await call('remove', host, { mod: 'br_netfilter', persist: true, comment: false })).toEqual(['br_netfilter']);
  expect(host.text(KEPT)).toBe('');
});

import { createHash } from 'node:crypto';
import { createCatalog } from '@edge-run/shared/execute';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { type ContextOptions, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const run = (
  name: string,
  args: Record<string, unknown>,
  host: FakeHost,
  options: ContextOptions & { mode?: 'apply' | 'plan' | 'watch' } = {},
) => runState(catalog.states.get(name)!, moduleContext(host, options), args, options.mode);

describe('file.managed', () => {
  const render = (_: string, variables: ReadonlyMap<string, unknown>): string =>
    JSON.stringify(Object.fromEntries(variables));

  it('with a template, arguments of other names are names for it, below defaults and context', async () => {
    const host = new FakeHost().directory('/etc');
    const args = { name: '/etc/a', contents: 't', template: 'jinja', worker: 'w1', port: 1, list: 2 };
    await run('file.managed', { ...args, defaults: { port: 2 }, context: { list: 3 } }, host, { render });
    expect(JSON.parse(host.text('/etc/a')!)).toEqual({ worker: 'w1', port: 2, list: 3 });
  });
  it.each([
    ['without a template', { contents: 't', worker: 'w1' }, 'unknown argument `worker`'],
    ['nearly an argument', { contents: 't', template: 'jinja', mod: '0644' }, 'unknown argument `mod`'],
  ])('an argument of another name is an error: %s', async (_, args, message) => {
    await expect(run('file.managed', { name: '/etc/a', ...args }, new FakeHost())).rejects.toThrow(message);
  });
  it('show_diff is an older name of show_changes', async () => {
    const host = new FakeHost().file('/etc/a', 'old\n');
    const end = await run('file.managed', { name: '/etc/a', contents: 'new', show_diff: false }, host, {
      mode: 'plan',
    });
    expect(end.changes.get('diff')).toBe('<show_changes=False>');
  });
  it('source_hash may be a file of digests, with the name of the source, of the file, or source_hash_name', async () => {
    const digest = createHash('sha256').update('hello').digest('hex');
    const files = {
      'a.bin': 'hello',
      SUMS: `${'0'.repeat(64)}  other.bin\n${digest} *./dist/a.bin\n`,
      OTHER: `SHA256 (b) = ${'1'.repeat(64)}\nSHA256 (c) = ${digest}\n`,
      ONE: `${digest}\n`,
    };
    const args = { name: '/opt/x', source: 'salt://a.bin' };
    for (const sums of [
      { source_hash: 'salt://SUMS' },
      { source_hash: 'salt://ONE' },
      { source_hash: 'salt://OTHER', source_hash_name: 'c' },
    ]) {
      const host = new FakeHost().directory('/opt');
      await run('file.managed', { ...args, ...sums }, host, { files });
      expect(host.text('/opt/x')).toBe('hello');
    }
    const missing = run('file.managed', { ...args, source_hash: 'salt://OTHER' }, new FakeHost().directory('/opt'), {
      files,
    });
    expect(await missing).toMatchObject({ result: false, comment: 'no digest of salt://a.bin in salt://OTHER' });
  });
  it('check_cmd gets a file of the directory and ending asked for', async () => {
    const host = new FakeHost('web1', [[/^sh -c visudo/, {}]]).directory('/etc').directory('/run/check');
    await run(
      'file.managed',
      { name: '/etc/sudoers', contents: 'x', check_cmd: 'visudo -cf', tmp_dir: '/run/check', tmp_ext: '.new' },
      host,
    );
    const checked = host.commands.map(({ command }) => [...command].at(-1)).find((word) => word?.includes('sudoers'));
    expect(checked).toMatch(/^\/run\/check\/sudoers\..*\.new$/);
  });
});

describe('pkg.installed', () => {
  const apt = (...rules: ConstructorParameters<typeof FakeHost>[1] & object): FakeHost =>
    new FakeHost('web1', [
      [/command -v/, {}],
      [/^dpkg-query/, { stdout: 'ii \tcurl\t7.88\n' }],
      [/^dpkg --compare-versions/, ({ 3: relation }) => ({ exitCode: relation?.startsWith('g') ? 0 : 1 })],
      [/^apt-get/, {}],
    ]).on(...rules);
  it.each([
    ['>=7.0', true],
    ['<7.0', false],
    ['>7,>=7.1', true],
    ['7.*', true],
    ['8.*', false],
    ['!=7.88', false],
  ])('version %s of 7.88: fits %s', async (version, fits) => {
    const end = await run('pkg.installed', { name: 'curl', version }, apt(), { mode: 'plan' });
    expect(end.result).toBe(fits ? true : null);
  });
  it('allow_updates: a newer version is fine', async () => {
    const args = { name: 'curl', version: '7.0' };
    expect((await run('pkg.installed', { ...args, allow_updates: true }, apt(), { mode: 'plan' })).result).toBe(true);
    expect((await run('pkg.installed', args, apt(), { mode: 'plan' })).result).toBeNull();
  });
  it('asks for a release, and refreshes lists that do not have what is wanted', async () => {
    let failures = 1;
    const host = apt([/^apt-get.* install /, () => ({ exitCode: failures-- > 0 ? 100 : 0, stderr: 'not found' })]);
    await run(
      'pkg.installed',
      { name: 'x', pkgs: ['vim', { jq: '>=1.5' }], fromrepo: 'stable', install_recommends: false },
      host,
    );
    const calls = host.changes.filter((line) => line.startsWith('apt-get'));
    expect(calls.map((line) => (line.includes(' update') ? 'update' : 'install'))).toEqual([
      'install',
      'update',
      'install',
    ]);
    expect(calls[2]).toMatch(/-t stable --no-install-recommends --allow-downgrades install -- vim jq$/);
  });
  it('hold keeps what is there or was installed, and lets it go again', async () => {
    const held = apt(['apt-mark showhold', { stdout: 'curl\n' }], [/^apt-mark/, {}]);
    expect((await run('pkg.installed', { name: 'curl', hold: true }, held)).result).toBe(true);
    await run('pkg.installed', { name: 'curl', hold: false }, held);
    expect(held.changes).toEqual(['apt-mark unhold -- curl']);
    const free = apt([/^apt-mark/, {}]);
    await run('pkg.installed', { name: 'jq', hold: true }, free);
    expect(free.changes.at(-1)).toBe('apt-mark hold -- jq');
    expect((await run('pkg.unheld', { name: 'curl' }, free)).result).toBe(true);
    expect((await run('pkg.held', { name: 'curl' }, free, { mode: 'plan' })).result).toBeNull();
  });
  it('refresh: False leaves the lists alone', async () => {
    const host = apt([/^apt-get.* install /, { exitCode: 100 }]);
    expect((await run('pkg.installed', { name: 'vim', refresh: 0 }, host)).result).toBe(false);
    expect(host.changes.some((line) => line.includes(' update'))).toBe(false);
  });
});

describe('service', () => {
  const systemd = (state: string): FakeHost =>
    new FakeHost('web1', [
      [/^systemctl show/, { stdout: state }],
      [/^systemctl/, {}],
    ]).directory('/run/systemd/system');
  const masked = 'LoadState=masked\nActiveState=inactive\nUnitFileState=masked\n';
  it('running: a masked service is refused, or unmasked where asked', async () => {
    expect((await run('service.running', { name: 'ntp' }, systemd(masked))).comment).toMatch('unmask: True');
    const host = systemd(masked);
    await run('service.running', { name: 'ntp', unmask: true, enable: true }, host);
    expect(host.changes).toEqual([
      'systemctl unmask -- ntp.service',
      'systemctl start -- ntp.service',
      'systemctl enable -- ntp.service',
    ]);
  });
  it('masked and unmasked', async () => {
    const host = systemd(masked);
    expect((await run('service.masked', { name: 'ntp' }, host)).result).toBe(true);
    await run('service.unmasked', { name: 'ntp', runtime: true }, host);
    expect(host.changes).toEqual(['systemctl unmask --runtime -- ntp.service']);
  });
});

describe('user.present', () => {
  const host = (): FakeHost =>
    new FakeHost('web1', [
      [/getent shadow/, { stdout: 'ann:$6$old:19000:0:99999:7:::\n' }],
      [/getent.* passwd$/, { stdout: 'ann:x:1000:1000:Ann:/home/ann:/bin/sh\n' }],
      [/getent.* group$/, { stdout: 'ann:x:1000:\nops:x:2000:\n' }],
      [/^(usermod|useradd|chage|chpasswd|passwd|sh -c command)/, {}],
    ]);
  it('leaves numbers that files belong to alone, unless it may change them', async () => {
    const end = await run('user.present', { name: 'ann', uid: 1001 }, host());
    expect(end).toMatchObject({ result: false, comment: expect.stringContaining('allow_uid_change: True') });
    expect((await run('user.present', { name: 'ann', gid: 'ops' }, host())).comment).toContain(
      'allow_gid_change: True',
    );
    const allowed = host();
    await run('user.present', { name: 'ann', gid: 'ops', allow_gid_change: true }, allowed);
    expect(allowed.changes).toEqual(['usermod -g 2000 -- ann']);
  });
  it('sets the password and its age, and shows no hash', async () => {
    const writer = host();
    const end = await run(
      'user.present',
      { name: 'ann', password: '$6$new', expire: '2030-01-01', maxdays: 99999 },
      writer,
    );
    expect(writer.changes).toEqual(['chpasswd -e', 'chage -E 21915 ann']);
    expect(writer.commands.find(({ command }) => command[0] === 'chpasswd')?.options.stdin).toBe('ann:$6$new\n');
    expect(JSON.stringify([...end.changes])).not.toContain('$6$');
    const kept = host();
    await run('user.present', { name: 'ann', password: '$6$new', enforce_password: false }, kept);
    expect(kept.changes).toEqual([]);
  });
});

it('cmd.run: without a shell, in an empty environment', async () => {
  const host = new FakeHost('web1', [[/./, {}]]);
  await run('cmd.run', { name: 'tool "a b"', python_shell: false, clean_env: true, env: [{ A: '1' }] }, host);
  expect(host.commands.at(-1)?.command).toEqual(['env', '-i', 'A=1', 'tool', 'a b']);
});

it.each(['module.watch', 'cmd.watch'])('%s is what module.wait and cmd.wait are', async (name) => {
  const host = new FakeHost('web1', [[/./, {}]]);
  expect(await run(name, { name: 'test.ping' }, host)).toMatchObject({ result: true });
  expect(catalog.states.get(name)!.onWatch).toBeDefined();
});

import { createCatalog } from '@edge-run/shared/execute';
import { toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const run = async (name: string, args: object, host: FakeHost, mode?: 'plan') => {
  const end = await runState(catalog.states.get(name)!, moduleContext(host), { ...args }, mode);
  return { ...end, changes: toPlain(end.changes as Value) };
};
const call = async (name: string, args: readonly unknown[], host: FakeHost, kwargs = {}) =>
  (await callFunction(catalog.functions.get(name)!, moduleContext(host), args, kwargs)).answer;

/** The answer of a command that did something to a host of the test. */
const done = (_: FakeHost): object => ({});

const HOSTS = '127.0.0.1\tlocalhost\n# kept\n192.0.2.7  db1.example.com db1\t# primary\n192.0.2.8 old\n';

describe('the hosts file', () => {
  const etc = (text = HOSTS): FakeHost => new FakeHost().file('/etc/hosts', text);
  const cases: [string, string, object, object, string][] = [
    [
      'a new address',
      'host.present',
      { name: 'web1', ip: '192.0.2.9' },
      { added: { '192.0.2.9': ['web1'] } },
      `${HOSTS}192.0.2.9\t\tweb1\n`,
    ],
    [
      'a name more, before the comment of its line',
      'host.present',
      { name: 'data', ip: ['192.0.2.7'] },
      { added: { '192.0.2.7': ['data'] } },
      HOSTS.replace('db1\t#', 'db1 data\t#'),
    ],
    [
      'clean: at no other address',
      'host.present',
      { name: 'old', ip: '192.0.2.7', clean: true },
      { added: { '192.0.2.7': ['old'] }, removed: { '192.0.2.8': ['old'] } },
      HOSTS.replace('db1\t#', 'db1 old\t#').replace('192.0.2.8 old\n', ''),
    ],
    [
      'a comment',
      'host.present',
      { name: 'db1', ip: '192.0.2.7', comment: 'was replica' },
      { comment_added: { '192.0.2.7': ['was replica'] } },
      HOSTS.replace('\t# primary', '\t\t# was replica'),
    ],
    [
      'a line that had no other name',
      'host.absent',
      { name: 'old', ip: '192.0.2.8' },
      { host: 'old' },
      HOSTS.replace('192.0.2.8 old\n', ''),
    ],
    [
      'one name of several',
      'host.absent',
      { name: 'db1.example.com', ip: ['192.0.2.7', '192.0.2.8'] },
      { host: 'db1.example.com' },
      HOSTS.replace(' db1.example.com', ''),
    ],
    [
      'only these, in this order',
      'host.only',
      { name: '192.0.2.7', hostnames: ['db1', 'db1.example.com'] },
      { '192.0.2.7': { old: 'db1.example.com db1', new: 'db1 db1.example.com' } },
      HOSTS.replace(/192.0.2.7.*/, '192.0.2.7\t\tdb1 db1.example.com\t\t# primary'),
    ],
    [
      'none',
      'host.only',
      { name: '192.0.2.8', hostnames: [] },
      { '192.0.2.8': { old: 'old', new: '' } },
      HOSTS.replace('192.0.2.8 old\n', ''),
    ],
  ];
  it.each(cases)('%s', async (_, name, args, changes, after) => {
    const host = etc();
    expect(await run(name, args, host, 'plan')).toMatchObject({ result: null, changes });
    expect(host.text('/etc/hosts')).toBe(HOSTS);
    expect(await run(name, args, host)).toMatchObject({ result: true, changes });
    expect(host.text('/etc/hosts')).toBe(after);
    expect(await run(name, args, host)).toMatchObject({ result: true, changes: {} });
  });
  it('a name with another address besides is in sync, and said', async () => {
    expect(await run('host.present', { name: 'old', ip: '192.0.2.8' }, etc(`${HOSTS}192.0.2.9 old\n`))).toMatchObject({
      result: true,
      comment: 'Host old (192.0.2.8) already present\nHost old also has 192.0.2.9; clean: True removes it',
    });
  });
  it.each([
    { name: 'a b', ip: '192.0.2.1' },
    { name: 'a', ip: '192.0.2' },
    { name: 'a', ip: '192.0.2.1', comment: 'a\nb' },
  ])('refused before anything runs: %j', async (args) => {
    await expect(run('host.present', args, etc())).rejects.toThrow();
  });
  it('a file that something is mounted on is written in place', async () => {
    const host = etc().file('/proc/self/mountinfo', '36 35 98:0 /h /etc/hosts rw - ext4 /dev/sda1 rw\n');
    host.on([/^sh -c cat/, (_, { stdin }) => done(host.file('/etc/hosts', String(stdin)))]);
    expect(await run('host.present', { name: 'web1', ip: '192.0.2.9' }, host)).toMatchObject({ result: true });
    expect(host.changes).toEqual(['sh -c cat >"$1" sh /etc/hosts']);
  });
  it('functions', async () => {
    const host = etc();
    expect(await call('hosts.list_hosts', [], host)).toEqual({
      '127.0.0.1': { aliases: ['localhost'] },
      'comment-0': ['# kept'],
      '192.0.2.7': { aliases: ['db1.example.com', 'db1'], comment: 'primary' },
      '192.0.2.8': { aliases: ['old'] },
    });
    expect(await call('hosts.get_ip', ['db1'], host)).toBe('192.0.2.7');
    expect(await call('hosts.get_ip', ['nobody'], host)).toBe('');
    expect(await call('hosts.get_alias', ['192.0.2.7'], host)).toEqual(['db1.example.com', 'db1']);
    expect(await call('hosts.has_pair', ['192.0.2.7', ['db1', 'old']], host)).toBe(false);
    await call('hosts.add_host', ['192.0.2.7', 'x'], host);
    await call('hosts.rm_host', ['192.0.2.7', 'db1'], host);
    await call('hosts.set_host', ['192.0.2.8', 'new newer'], host, { comment: 'c' });
    expect(await call('hosts.set_comment', ['192.0.2.99', 'c'], host)).toBe(false);
    expect(host.text('/etc/hosts')).toBe(
      '127.0.0.1\tlocalhost\n# kept\n192.0.2.7  db1.example.com x\t# primary\n192.0.2.8\t\tnew newer\t\t# c\n',
    );
  });
});

describe('the time zone', () => {
  const ZONES = '/usr/share/zoneinfo';
  /** A host whose `ln` and `mv` do to its files what they say. */
  const machine = (): FakeHost => {
    const host = new FakeHost().file(`${ZONES}/Europe/Berlin`, 'berlin').file(`${ZONES}/Etc/UTC`, 'utc');
    return host.on(
      [/^test -f/, ([, , path]) => ({ exitCode: host.text(path!) === undefined ? 1 : 0 })],
      [/^ln -s --/, ([, , , target, path]) => done(host.link(path!, target!))],
      [/^mv -f --/, () => done(host.link('/etc/localtime', `${ZONES}/Europe/Berlin`))],
      [/^sh -c find/, () => ({ stdout: `${ZONES}/Etc/UTC\n${ZONES}/posix/Etc/UTC\n` })],
    );
  };
  const berlin = { name: 'Europe/Berlin' };
  it('set without systemd: the link, and the name that Debian keeps', async () => {
    const host = machine().link('/etc/localtime', `${ZONES}/Etc/UTC`).file('/etc/timezone', 'Etc/UTC\n');
    expect(await call('timezone.get_zone', [], host)).toBe('Etc/UTC');
    expect(await run('timezone.system', berlin, host, 'plan')).toMatchObject({ result: null });
    expect(await run('timezone.system', berlin, host)).toMatchObject({
      result: true,
      changes: { timezone: 'Europe/Berlin' },
    });
    expect(host.text('/etc/timezone')).toBe('Europe/Berlin\n');
    expect(await run('timezone.system', berlin, host)).toMatchObject({
      result: true,
      changes: {},
      comment: 'Timezone Europe/Berlin already set, UTC already set to Europe/Berlin',
    });
  });
  it('a name that does not go with the link is put right; where there is none, none is made', async () => {
    const host = machine()
      .link('/etc/localtime', '../usr/share/zoneinfo/Europe/Berlin')
      .file('/etc/timezone', 'Etc/UTC\n');
    expect(await run('timezone.system', berlin, host)).toMatchObject({ changes: { timezone: 'Europe/Berlin' } });
    expect(host.text('/etc/timezone')).toBe('Europe/Berlin\n');
    const bare = machine().link('/etc/localtime', `${ZONES}/Etc/UTC`);
    await run('timezone.system', berlin, bare);
    expect(bare.text('/etc/timezone')).toBeUndefined();
  });
  it('a copy counts by its content', async () => {
    const host = machine().file('/etc/localtime', 'berlin');
    expect(await run('timezone.system', berlin, host)).toMatchObject({ result: true, changes: {} });
    expect(await call('timezone.get_zone', [], machine().file('/etc/localtime', 'utc'))).toBe('Etc/UTC');
    expect(await call('timezone.get_zone', [], machine())).toBe('UTC');
  });
  it('systemd is told, where it runs', async () => {
    const host = machine().link('/etc/localtime', `${ZONES}/Etc/UTC`).directory('/run/systemd/system');
    host.on(
      [/command -v/, {}],
      [
        'timedatectl set-timezone Europe/Berlin',
        () => done(host.link('/etc/localtime', '../usr/share/zoneinfo/Europe/Berlin')),
      ],
    );
    expect(await call('timezone.set_zone', ['Europe/Berlin'], host)).toBe(true);
    expect(host.changes).toEqual(['timedatectl set-timezone Europe/Berlin']);
  });
  it('a zone that is not there is refused, and one that is no name before anything runs', async () => {
    const host = machine().link('/etc/localtime', `${ZONES}/Etc/UTC`);
    expect(await run('timezone.system', { name: 'Mars/Base' }, host)).toMatchObject({ result: false });
    await expect(run('timezone.system', { name: '../../etc/passwd' }, host)).rejects.toThrow('not the name of a zone');
  });
  it('the hardware clock: UTC, unless told to leave it', async () => {
    const host = machine()
      .link('/etc/localtime', `${ZONES}/Europe/Berlin`)
      .file('/etc/adjtime', '1.5 0 0.0\n7\nLOCAL\n');
    expect(await call('timezone.get_hwclock', [], host)).toBe('localtime');
    expect(await run('timezone.system', { ...berlin, utc: false }, host)).toMatchObject({ changes: {} });
    expect(await run('timezone.system', berlin, host)).toMatchObject({ result: true, changes: { utc: true } });
    expect(host.text('/etc/adjtime')).toBe('1.5 0 0.0\n7\nUTC\n');
  });
});

describe('alternatives', () => {
  /** A host with one group of alternatives, as `update-alternatives` would treat it. */
  const machine = (choices: Record<string, number>, current?: string): FakeHost => {
    const state = { choices: new Map(Object.entries(choices)), chosen: current };
    const best = (): string | undefined => [...state.choices].sort(([, a], [, b]) => b - a)[0]?.[0];
    const host = new FakeHost();
    return host.on(
      [
        'update-alternatives --display editor',
        () =>
          state.choices.size === 0
            ? { exitCode: 2, stderr: 'update-alternatives: error: no alternatives for editor\n' }
            : {
                stdout: [
                  `editor - ${state.chosen === undefined ? 'auto' : 'manual'} mode`,
                  `  link currently points to ${state.chosen ?? best()}`,
                  '  link editor is /usr/bin/editor',
                  ...[...state.choices].map(([path, priority]) => `${path} - priority ${priority}`),
                  '',
                ].join('\n'),
              },
      ],
      [
        /--(install|remove|set|auto)/,
        ([, verb, ...words]) => {
          if (verb === '--install') state.choices.set(words[2]!, Number(words[3]));
          if (verb === '--remove') state.choices.delete(words[1]!);
          if (verb === '--set') state.chosen = words[1];
          if (verb === '--auto' || !state.choices.has(state.chosen ?? '')) state.chosen = undefined;
          return {};
        },
      ],
    );
  };
  const install = { name: 'editor', link: '/usr/bin/editor', path: '/bin/b', priority: 20 };
  const cases: [string, FakeHost, string, object, object, string][] = [
    ['a new one', machine({}), 'install', install, { ...install }, '--install /usr/bin/editor editor /bin/b 20'],
    [
      'another priority',
      machine({ '/bin/b': 5 }),
      'install',
      install,
      { ...install },
      '--install /usr/bin/editor editor /bin/b 20',
    ],
    [
      'the one in use',
      machine({ '/bin/a': 1, '/bin/b': 2, '/bin/c': 0 }),
      'remove',
      { name: 'editor', path: '/bin/b' },
      { path: '/bin/a' },
      '--remove editor /bin/b',
    ],
    [
      'the last one',
      machine({ '/bin/b': 2 }),
      'remove',
      { name: 'editor', path: '/bin/b' },
      { path: null },
      '--remove editor /bin/b',
    ],
    [
      'one that is not in use',
      machine({ '/bin/a': 1, '/bin/b': 2 }, '/bin/a'),
      'remove',
      { name: 'editor', path: '/bin/b' },
      { path: '/bin/a' },
      '--remove editor /bin/b',
    ],
    [
      'auto',
      machine({ '/bin/a': 1 }, '/bin/a'),
      'auto',
      { name: 'editor' },
      { result: 'editor put in auto mode' },
      '--auto editor',
    ],
    [
      'set',
      machine({ '/bin/a': 1, '/bin/b': 2 }),
      'set',
      { name: 'editor', path: '/bin/a' },
      { path: '/bin/a' },
      '--set editor /bin/a',
    ],
  ];
  it.each(cases)('%s', async (_, host, verb, args, changes, command) => {
    const name = `alternatives.${verb}`;
    expect(await run(name, args, host, 'plan')).toMatchObject({ result: null, changes });
    expect(await run(name, args, host)).toMatchObject({ result: true, changes });
    expect(host.changes).toEqual([`update-alternatives ${command}`]);
    expect(await run(name, args, host)).toMatchObject({ result: true, changes: {} });
  });
  it('what is no alternative cannot be set, and is removed already', async () => {
    const args = { name: 'editor', path: '/bin/x' };
    expect(await run('alternatives.set', args, machine({ '/bin/a': 1 }))).toMatchObject({ result: false });
    expect(await run('alternatives.remove', args, machine({ '/bin/a': 1 }))).toMatchObject({
      result: true,
      changes: {},
    });
    expect(await run('alternatives.remove', args, machine({}))).toMatchObject({ result: true, changes: {} });
    expect(await run('alternatives.auto', { name: 'editor' }, machine({}))).toMatchObject({ result: false });
  });
  it('functions that look', async () => {
    const host = machine({ '/bin/a': 1 }).link('/etc/alternatives/editor', '/bin/a');
    host.file('/var/lib/dpkg/alternatives/editor', 'auto\n/usr/bin/editor\n\n/bin/a\n1\n');
    expect(await call('alternatives.show_current', ['editor'], host)).toBe('/bin/a');
    expect(await call('alternatives.show_link', ['editor'], host)).toBe('/usr/bin/editor');
    expect(await call('alternatives.show_link', ['pager'], host)).toBe(false);
    expect(await call('alternatives.check_exists', ['editor', '/bin/a'], host)).toBe(true);
    expect(await call('alternatives.check_installed', ['editor', '/bin/b'], host)).toBe(false);
    expect(await call('alternatives.display', ['editor'], machine({}))).toContain('no alternatives for editor');
  });
});

import { createCatalog } from '@edge-run/shared/execute';
import {
  configureMode,
  parseBooleans,
  parseFileContexts,
  parseModules,
  parsePorts,
  parseRelabels,
} from '@edge-run/shared/modules/providers/selinux';
import { toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const run = async (name: string, args: object, host: FakeHost, mode?: 'plan') => {
  const end = await runState(catalog.states.get(`selinux.${name}`)!, moduleContext(host), { ...args }, mode);
  return { ...end, changes: toPlain(end.changes) };
};
const call = async (name: string, host: FakeHost, args: readonly unknown[] = []) =>
  (await callFunction(catalog.functions.get(`selinux.${name}`)!, moduleContext(host), args)).answer;

// In the words of semanage(8), semodule(8) and restorecon(8).
const BOOLEANS = `SELinux boolean                State  Default Description

abrt_anon_write                (off  ,  off)  Allow ABRT to modify public files used for public file transfer services.
httpd_can_network_connect      (off  ,   on)  Allow httpd to can network connect
`;
const CONTEXTS = `SELinux fcontext                                   type               Context

/                                                  directory          system_u:object_r:root_t:s0
/srv/.*                                            all files          system_u:object_r:var_t:s0
/var/run/docker\\.sock                              socket             system_u:object_r:container_var_run_t:s0
/dev/.*                                            all files          <<None>>

SELinux Distribution fcontext Equivalence

/run = /var/run
`;
const PORTS = `SELinux Port Type              Proto    Port Number

http_cache_port_t              tcp      8080, 8118, 8123, 10001-10010
http_port_t                    tcp      80, 81, 443
`;
const CONFIG = '# SELINUX= can take one of these\nSELINUX=enforcing\nSELINUXTYPE=targeted\n';

/** A host with SELinux whose programs answer from, and change, what they keep. */
function selinux({ enforce = '1' } = {}): FakeHost {
  const local: string[] = [];
  const ports: string[] = [];
  let booleans = BOOLEANS;
  let modules = '100 zabbix            pp\n400 extra             pp disabled\n';
  let isLabelled = false;
  const host = new FakeHost('web1').file('/sys/fs/selinux/enforce', enforce).file('/etc/selinux/config', CONFIG);
  return host.on(
    [/command -v/, {}],
    ['semanage boolean -l', () => ({ stdout: booleans })],
    ['semanage fcontext -l', () => ({ stdout: `${CONTEXTS}${local.join('')}` })],
    ['semanage fcontext -l -C', () => ({ stdout: local.join('') })],
    ['semanage port -l', () => ({ stdout: `${ports.join('')}${PORTS}` })],
    ['semanage port -l -C', () => ({ stdout: ports.join('') })],
    [
      /^semanage fcontext -[am]/,
      ([, , , , , , type, ...rest]) => {
        local.push(`${rest.at(-1)}     all files     system_u:object_r:${type}:s0\n`);
        return {};
      },
    ],
    [/^semanage fcontext -d/, () => ({ stdout: local.splice(0).join('') })],
    [
      /^semanage port -[am]/,
      (words) => {
        ports.push(`${words[4]}     ${words[6]}      ${words.at(-1)}\n`);
        return {};
      },
    ],
    [
      /^setsebool/,
      (words) => {
        const [name, value] = words.slice(-2);
        booleans = booleans.replace(
          new RegExp(`^(${name}\\s+\\()\\S+(\\s*,\\s*)(\\w+)`, 'm'),
          (_, start, sign, kept) => `${start}${value}${sign}${words.includes('-P') ? value : kept}`,
        );
        return {};
      },
    ],
    [
      /^setenforce/,
      ([, value]) => {
        host.file('/sys/fs/selinux/enforce', value!);
        return {};
      },
    ],
    ['semodule --list=full', () => ({ stdout: modules })],
    [
      /^semodule -/,
      ([, verb, name]) => {
        if (verb === '-e') modules = modules.replace(`${name}             pp disabled`, `${name}             pp`);
        if (verb === '-d') modules = modules.replace(/(zabbix .*pp)/, '$1 disabled');
        if (verb === '-r') modules = modules.replace(/.*extra.*\n/, '');
        if (verb === '-i') modules += '400 mine pp\n';
        return {};
      },
    ],
    [
      /^restorecon -n/,
      () => ({
        stdout: isLabelled
          ? ''
          : 'Would relabel /srv/a b from system_u:object_r:var_t:s0 to system_u:object_r:httpd_sys_content_t:s0\n',
      }),
    ],
    [
      'restorecon -R -- /srv',
      () => {
        isLabelled = true;
        return {};
      },
    ],
  );
}

describe('what the programs print', () => {
  it('switches', () => {
    expect(parseBooleans(BOOLEANS).get('httpd_can_network_connect')).toEqual({
      ...{ state: 'off', default: 'on', description: 'Allow httpd to can network connect' },
    });
    expect(parseBooleans(BOOLEANS).size).toBe(2);
  });
  it('contexts of files', () => {
    expect(parseFileContexts(CONTEXTS).map(({ spec, filetype, type }) => [spec, filetype, type])).toEqual([
      ['/', 'directory', 'root_t'],
      ['/srv/.*', 'all files', 'var_t'],
      ['/var/run/docker\\.sock', 'socket', 'container_var_run_t'],
    ]);
  });
  it('ports and modules', () => {
    expect(parsePorts(PORTS)[0]).toEqual({
      ...{ type: 'http_cache_port_t', protocol: 'tcp', ports: ['8080', '8118', '8123', '10001-10010'] },
    });
    expect([...parseModules('100 a pp\n400 a pp disabled\n100 b cil\n')]).toEqual([
      ['a', false],
      ['b', true],
    ]);
  });
  it('paths to be relabelled, in both ways of saying it', () => {
    const [now, before] = parseRelabels(
      'Would relabel /a b from u:r:x:s0 to u:r:y:s0\nrestorecon reset /c context x->y\n',
    );
    expect(now).toEqual({ path: '/a b', from: 'u:r:x:s0', to: 'u:r:y:s0' });
    expect(before).toEqual({ path: '/c', from: 'x', to: 'y' });
  });
  it('the configuration: one line, the others stay', () => {
    expect(configureMode(CONFIG, 'Permissive')).toBe(CONFIG.replace('SELINUX=enforcing', 'SELINUX=permissive'));
    expect(configureMode('', 'Disabled')).toBe('SELINUX=disabled\n');
  });
});

describe('states', () => {
  const cases: [string, string, object, object, readonly string[]][] = [
    ['mode', 'mode', { name: 'permissive' }, { old: 'Enforcing', new: 'Permissive' }, ['setenforce 0']],
    ['mode: disabled only after a start', 'mode', { name: 'disabled' }, { old: 'Enforcing', new: 'Disabled' }, []],
    [
      'boolean',
      'boolean',
      { name: 'httpd_can_network_connect', value: true },
      { State: { old: 'off', new: 'on' } },
      ['setsebool httpd_can_network_connect on'],
    ],
    [
      'boolean: after each start too',
      'boolean',
      { name: 'abrt_anon_write', value: 'yes', persist: true },
      { State: { old: 'off', new: 'on' }, Default: { old: 'off', new: 'on' } },
      ['setsebool -P abrt_anon_write on'],
    ],
    [
      'a new context',
      'fcontext_policy_present',
      { name: '/data(/.*)?', sel_type: 'httpd_sys_content_t' },
      { old: {}, new: { '/data(/.*)?': { filetype: 'all files', sel_type: 'httpd_sys_content_t' } } },
      ['semanage fcontext -a -f a -t httpd_sys_content_t /data(/.*)?'],
    ],
    [
      'another context',
      'fcontext_policy_present',
      { name: '/srv/.*', sel_type: 'httpd_sys_content_t' },
      { old: { '/srv/.*': { sel_type: 'var_t' } }, new: { '/srv/.*': { sel_type: 'httpd_sys_content_t' } } },
      ['semanage fcontext -m -f a -t httpd_sys_content_t /srv/.*'],
    ],
    [
      'contexts given to files',
      'fcontext_policy_applied',
      { name: '/srv', recursive: true },
      { '/srv/a b': { old: 'system_u:object_r:var_t:s0', new: 'system_u:object_r:httpd_sys_content_t:s0' } },
      ['restorecon -R -- /srv'],
    ],
    [
      'a new port',
      'port_policy_present',
      { name: 'tcp/9000', sel_type: 'http_port_t' },
      { old: null, new: { sel_type: 'http_port_t', protocol: 'tcp', port: '9000' } },
      ['semanage port -a -t http_port_t -p tcp 9000'],
    ],
    [
      'a port of another type',
      'port_policy_present',
      { name: 'app', protocol: 'tcp', port: 8080, sel_type: 'http_port_t' },
      { old: { sel_type: 'http_cache_port_t' }, new: { sel_type: 'http_port_t', protocol: 'tcp', port: '8080' } },
      ['semanage port -m -t http_port_t -p tcp 8080'],
    ],
    [
      'a module off',
      'module',
      { name: 'zabbix', module_state: 'Disabled' },
      { 'Module zabbix disabled': { old: 'enabled', new: 'disabled' } },
      ['semodule -d zabbix'],
    ],
    [
      'a module gone',
      'module',
      { name: 'extra', remove: true },
      { 'Module extra removed': { old: 'extra', new: null } },
      ['semodule -r extra'],
    ],
    [
      'a module installed',
      'module',
      { name: 'mine', install: true, source: '/root/mine.pp' },
      { 'Module mine installed from /root/mine.pp': { old: null, new: '/root/mine.pp' } },
      ['semodule -i /root/mine.pp'],
    ],
  ];
  it.each(cases)('%s', async (_, name, args, changes, commands) => {
    const host = selinux();
    expect(await run(name, args, host, 'plan')).toMatchObject({ result: null, changes });
    expect(host.changes).toEqual([]);
    expect(await run(name, args, host)).toMatchObject({ result: true, changes });
    expect(host.changes).toEqual(commands);
    expect(await run(name, args, host)).toMatchObject({ result: true, changes: {} });
  });
  it('a context that was added goes; one of the policy itself stays', async () => {
    const host = selinux();
    await run('fcontext_policy_present', { name: '/data', sel_type: 'etc_t' }, host);
    expect(await run('fcontext_policy_absent', { name: '/data', sel_type: 'var_t' }, host)).toMatchObject({
      changes: {},
    });
    expect(await run('fcontext_policy_absent', { name: '/data' }, host)).toMatchObject({
      result: true,
      changes: { old: { '/data': { filetype: 'all files', sel_type: 'etc_t' } }, new: {} },
    });
    expect(await run('fcontext_policy_absent', { name: '/srv/.*' }, host)).toMatchObject({ result: true, changes: {} });
  });
  it.each([
    ['boolean', { name: 'none', value: true }, 'Boolean none is not available'],
    ['module', { name: 'none' }, 'Module none is not available'],
    ['module', { name: 'x', install: true, remove: true }, 'Cannot install and remove at the same time'],
    ['port_policy_present', { name: 'web', sel_type: 'x_t' }, 'web is no port such as tcp/8080'],
  ])('%s %j is refused', async (name, args, comment) => {
    expect(await run(name, args, selinux(), 'plan')).toMatchObject({ result: false, comment });
  });
  it('a host without SELinux, and one that started without it, say so', async () => {
    const none = new FakeHost('alpine1');
    for (const [name, args] of [
      ['mode', { name: 'enforcing' }],
      ['boolean', { name: 'x', value: true }],
      ['module', { name: 'x' }],
      ['fcontext_policy_present', { name: '/x', sel_type: 'x_t' }],
      ['fcontext_policy_absent', { name: '/x' }],
      ['fcontext_policy_applied', { name: '/x' }],
      ['port_policy_present', { name: 'tcp/1', sel_type: 'x_t' }],
    ] as const)
      expect(await run(name, args, none, 'plan')).toMatchObject({
        result: false,
        comment: 'there is no SELinux on alpine1',
      });
    await expect(call('list_sebool', none)).rejects.toThrow('there is no SELinux on alpine1');
    const disabled = new FakeHost('web2').file('/etc/selinux/config', 'SELINUX=disabled\n');
    expect(await run('boolean', { name: 'x', value: true }, disabled)).toMatchObject({
      result: false,
      comment: expect.stringContaining('SELinux is disabled on web2'),
    });
    expect(await run('mode', { name: 'enforcing' }, disabled)).toMatchObject({ result: true });
    expect(disabled.text('/etc/selinux/config')).toBe('SELINUX=enforcing\n');
  });
  it('without semanage it is said which package brings it', async () => {
    const host = selinux().on([/command -v/, { exitCode: 1 }]);
    expect(await run('boolean', { name: 'x', value: true }, host)).toMatchObject({
      result: false,
      comment: 'there is no semanage on web1',
    });
  });
});

it('functions', async () => {
  const host = selinux();
  expect(await call('getenforce', host)).toBe('Enforcing');
  expect(await call('setenforce', host, ['permissive'])).toBe('Permissive');
  expect(await call('getconfig', host)).toBe('Permissive');
  expect(await call('getsebool', host, ['abrt_anon_write'])).toMatchObject({ State: 'off', Default: 'off' });
  expect(await call('setsebool', host, ['abrt_anon_write', true, true])).toBe(true);
  expect(await call('list_sebool', host)).toMatchObject({ abrt_anon_write: { State: 'on', Default: 'on' } });
  expect(await call('list_semod', host)).toEqual({ zabbix: { Enabled: true }, extra: { Enabled: false } });
  await expect(call('setenforce', host, ['sometimes'])).rejects.toThrow('not an accepted mode');
});

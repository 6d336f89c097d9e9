import { createCatalog } from '@edge-run/shared/execute';
import { findSetting, settingName, settingValue, writeSetting } from '@edge-run/shared/modules/providers/sysctl';
import { toPlain } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const FILE = '/etc/sysctl.d/99-salt.conf';

/** A host whose kernel has two settings. */
function kernel(): FakeHost {
  const settings = new Map([
    ['net.ipv4.ip_forward', '0'],
    ['net.ipv4.tcp_rmem', '4096\t131072\t6291456'],
  ]);
  return new FakeHost('web1', [
    [/^sysctl -n/, ({ 2: name }) => (settings.has(name!) ? { stdout: `${settings.get(name!)}\n` } : { exitCode: 255 })],
    [
      /^sysctl -a/,
      () => ({ exitCode: 255, stdout: [...settings].map(([name, value]) => `${name} = ${value}\n`).join('') }),
    ],
    [
      /^sysctl -w/,
      ({ 2: word }) => {
        const [name = '', value = ''] = word!.split('=');
        if (!settings.has(name)) return { exitCode: 255, stderr: `cannot stat ${name}` };
        settings.set(name, value);
        return {};
      },
    ],
  ]).directory('/etc/sysctl.d');
}
const run = (args: object, host: FakeHost, mode?: 'plan') =>
  runState(catalog.states.get('sysctl.present')!, moduleContext(host), { ...args }, mode);
const call = async (name: string, host: FakeHost, kwargs: object = {}) =>
  (await callFunction(catalog.functions.get(`sysctl.${name}`)!, moduleContext(host), [], { ...kwargs })).answer;

describe('a file of settings', () => {
  it.each([
    ['a line in its place', '# x\na.b=1\nc.d = 2\n', '# x\na.b = 3\nc.d = 2\n'],
    ['the last line counts', 'a.b = 1\na.b = 2\n', 'a.b = 1\na.b = 3\n'],
    ['slashes for dots, and a kernel without it is fine', '  -a/b =1', '-a.b = 3\n'],
    ['the same value keeps its letters', 'a.b   =  3', 'a.b   =  3'],
    ['what is switched off is none', '#a.b = 3\n; a.b = 3', '#a.b = 3\n; a.b = 3\na.b = 3\n'],
  ])('%s', (_, text, after) => {
    expect(writeSetting(text, 'a.b', '3')).toBe(after);
  });
  it('names and values have one way of writing', () => {
    expect(settingName('net/ipv4/conf/eth0.1/forwarding')).toBe('net.ipv4.conf.eth0/1.forwarding');
    expect(settingValue(' 4096\t 131072 ')).toBe('4096 131072');
  });
  it('is written once, and other lines stay', () => {
    const line = fc.constantFrom('', '# a.b = 1', 'a.b = 1', '-a.b=2 3', 'c.d = 4', 'odd', '=', ' = x', 'a.b');
    fc.assert(
      fc.property(fc.array(line), fc.constantFrom('', '\n'), fc.constantFrom('1', '2 3', 'x'), (lines, end, value) => {
        const text = lines.join('\n') + end;
        const after = writeSetting(text, 'a.b', value);
        expect(settingValue(findSetting(after, 'a.b')!)).toBe(value);
        expect(writeSetting(after, 'a.b', value)).toBe(after);
        const others = (of: string): string[] => of.split('\n').filter((one) => one !== '' && !/^-?a\.b ?=/.test(one));
        expect(others(after)).toEqual(others(text));
      }),
    );
  });
});

describe('sysctl.present', () => {
  it('puts a value into force and keeps it, once', async () => {
    const host = kernel().file(FILE, '# mine\n');
    const args = { name: 'net.ipv4.ip_forward', value: 1 };
    expect((await run(args, host, 'plan')).result).toBeNull();
    expect(host.changes).toEqual([]);
    const end = await run(args, host);
    expect([end.result, toPlain(end.changes)]).toEqual([true, { 'net.ipv4.ip_forward': '1' }]);
    expect(host.text(FILE)).toBe('# mine\nnet.ipv4.ip_forward = 1\n');
    expect((await run(args, host)).comment).toBe('Sysctl value net.ipv4.ip_forward = 1 is already set');
  });
  it('what is in force is only kept; spaces are not another value', async () => {
    const host = kernel();
    await run({ name: 'net.ipv4.tcp_rmem', value: '4096 131072 6291456', config: '/etc/sysctl.d/x.conf' }, host);
    expect(host.changes).toEqual([]);
    expect(host.text('/etc/sysctl.d/x.conf')).toBe('net.ipv4.tcp_rmem = 4096 131072 6291456\n');
  });
  it('what the kernel refuses is not kept', async () => {
    const host = kernel();
    const end = await run({ name: 'no.such', value: '1' }, host);
    expect([end.result, end.comment]).toEqual([false, expect.stringContaining('cannot stat no.such')]);
    expect(host.text(FILE)).toBeUndefined();
  });
  it.each([
    { name: 'a b', value: '1' },
    { name: '-w', value: '1' },
    { name: 'a.b', value: '1\n2' },
  ])('%j is an error before anything runs', async (args) => {
    await expect(run(args, kernel())).rejects.toThrow(/a setting is a word|a value is one line/);
  });
});

it('functions', async () => {
  const host = kernel();
  expect(await call('get', host, { name: 'net/ipv4/ip_forward' })).toBe('0');
  expect(await call('get', host, { name: 'no.such' })).toBe('');
  expect(await call('show', host)).toEqual({ 'net.ipv4.ip_forward': '0', 'net.ipv4.tcp_rmem': '4096 131072 6291456' });
  expect(await call('assign', host, { name: 'net.ipv4.ip_forward', value: '1' })).toEqual({
    'net.ipv4.ip_forward': '1',
  });
  expect(await call('persist', host, { name: 'net.ipv4.ip_forward', value: '1' })).toBe('Updated');
  expect(await call('persist', host, { name: 'net.ipv4.ip_forward', value: '1' })).toBe('Already set');
});

import { createCatalog } from '@edge-run/shared/execute';
import type { Logger } from '@edge-run/shared/kernel';
import { silentLogger } from '@edge-run/shared/kernel';
import { fromPlain, type PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { type ContextOptions, callFunction, moduleContext } from '../../../support/module-context.ts';

const catalog = createCatalog();
const call = async (
  name: string,
  args: unknown[] = [],
  kwargs: Record<string, unknown> = {},
  options: ContextOptions = {},
  host = new FakeHost('web1'),
) => {
  const ctx = moduleContext(host, {
    facts: { id: 'web1', os: 'Debian', osrelease: '12', roles: ['web'] },
    pillar: { app: { tier: 'gold' } },
    opts: { nodegroups: { front: 'web*' } },
    ...options,
  });
  const { answer } = await callFunction(catalog.functions.get(name)!, ctx, args, kwargs);
  return answer === undefined ? undefined : toPlain(answer as Value);
};

describe('match', () => {
  it.each<[string, unknown[], Record<string, unknown>, unknown]>([
    ['match.compound', ['G@os:Debian and not db*'], {}, true],
    ['match.compound', [['N@front', 'or', 'db1']], {}, true],
    ['match.compound', ['web2'], { minion_id: 'web2' }, true],
    ['match.compound', [''], {}, false],
    ['match.glob', ['web*'], {}, true],
    ['match.glob', ['db*'], { minion_id: 'db7' }, true],
    ['match.list', ['a,web1'], {}, true],
    ['match.pcre', ['web\\d'], {}, true],
    ['match.grain', ['roles:web'], {}, true],
    ['match.grain', ['os|Debian'], { delimiter: '|' }, true],
    ['match.grain_pcre', ['osrelease:1[0-9]'], {}, true],
    ['match.pillar', ['app:tier:g*'], {}, true],
    ['match.pillar_pcre', ['app:tier:silver'], {}, false],
    ['match.ipcidr', ['10.0.0.0/8'], {}, false],
    ['match.filter_by', [{ 'db*': 1, 'G@os:Debian': { a: 1 } }], { merge: { b: 2 } }, { a: 1, b: 2 }],
    ['match.filter_by', [{ 'db*': 1, other: 2 }], { default: 'other' }, 2],
    ['match.filter_by', [{ 'db*': 1 }], {}, null],
    ['match.search_by', [{ web: ['db*', 'web*'], db: 'db*' }], {}, ['web']],
    ['match.search_by', [{ db: ['db*'] }], { tgt_type: 'glob' }, null],
  ])('%s %j %j', async (name, args, kwargs, wanted) => expect(await call(name, args, kwargs)).toEqual(wanted));
  it('a target that cannot be read is an error, not an answer', async () => {
    await expect(call('match.compound', ['web* and'])).rejects.toMatchObject({ code: 'EDGE_TARGET_SYNTAX' });
  });
  it('looks into the pillar only for a target that asks for it', async () => {
    const pillar = {
      get data(): PyMap {
        throw new Error('no pillar');
      },
      get: () => null,
    };
    expect(await call('match.compound', ['G@os:Debian'], {}, { extra: { pillar } })).toBe(true);
    await expect(call('match.compound', ['I@a:b'], {}, { extra: { pillar } })).rejects.toThrow('no pillar');
  });
});

describe('network', () => {
  const facts = {
    ip4_interfaces: { lo: ['127.0.0.1'], eth0: ['10.1.2.3', '10.1.2.4'] },
    ip6_interfaces: { eth0: ['2001:db8::1'] },
    hwaddr_interfaces: { eth0: '02:00:00:00:00:01' },
    fqdn: 'web1.example.net',
  };
  const host = new FakeHost('web1', [
    ['ip -o -4 addr', { stdout: '1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet 10.1.2.3/20 brd x\n' }],
    ['ip -4 route show default', { stdout: 'default via 10.1.0.1 dev eth0 proto dhcp\n' }],
  ]);
  it.each<[string, unknown[], unknown]>([
    ['network.interface_ip', ['eth0'], '10.1.2.3'],
    ['network.interface_ip', ['eth9'], ''],
    ['network.hw_addr', ['eth0'], '02:00:00:00:00:01'],
    ['network.get_fqdn', [], 'web1.example.net'],
    ['network.in_subnet', ['10.0.0.0/8'], true],
    ['network.in_subnet', ['2001:db8::/32'], true],
    ['network.in_subnet', ['192.168.0.0/16'], false],
    ['network.ip_in_subnet', ['192.168.1.1', '192.168.0.0/16'], true],
    ['network.is_private', ['172.31.0.1'], true],
    ['network.is_private', ['172.32.0.1'], false],
    ['network.calc_net', ['172.17.0.21', '255.255.255.240'], '172.17.0.16/28'],
    ['network.calc_net', ['10.1.2.3/8'], '10.0.0.0/8'],
    ['network.subnets', [], ['10.1.0.0/20']],
    ['network.subnets', ['lo'], []],
    ['network.default_route', [], [{ destination: '0.0.0.0', gateway: '10.1.0.1', interface: 'eth0' }]],
  ])('%s %j', async (name, args, wanted) => expect(await call(name, args, {}, { facts }, host)).toEqual(wanted));
  it.each([['10.0.0.0/40'], ['ten']])('%s is no network', async (cidr) => {
    await expect(call('network.in_subnet', [cidr], {}, { facts }, host)).rejects.toMatchObject({
      code: 'EDGE_BAD_ARGUMENT',
    });
  });
});

describe('functions for templates', () => {
  it.each<[string, unknown[], Record<string, unknown>, unknown]>([
    ['pillar.filter_by', [{ 'g*': 'a', default: 'b' }, 'app:tier'], {}, 'a'],
    ['pillar.filter_by', [{ x: 1, default: 2 }, 'app:none'], {}, 2],
    ['slsutil.serialize', ['yaml', { b: [1, 'x'], a: null }], {}, '{a: null, b: [1, x]}'],
    ['slsutil.serialize', ['yaml', { a: [1] }], { default_flow_style: false }, 'a:\n- 1'],
    ['slsutil.serialize', ['json', { b: 1, a: 2 }], {}, '{"b": 1, "a": 2}'],
    ['slsutil.deserialize', ['yaml', 'a: [1, 2]'], {}, { a: [1, 2] }],
    ['slsutil.deserialize', ['json', '[1]'], {}, [1]],
    ['slsutil.boolstr', [true], { true: 'yes', false: 'no' }, 'yes'],
    ['slsutil.boolstr', ['yes'], {}, 'false'],
    ['slsutil.boolstr', ['0'], {}, 'false'],
    ['slsutil.boolstr', [2], {}, 'true'],
    ['slsutil.path_exists', ['web/map.jinja'], {}, true],
    ['slsutil.path_exists', ['salt://web'], {}, true],
    ['slsutil.file_exists', ['web'], {}, false],
    ['slsutil.dir_exists', ['web'], {}, true],
    ['slsutil.dir_exists', ['we'], {}, false],
    ['slsutil.findup', ['web/deep/er', ['none', 'map.jinja']], {}, 'web/map.jinja'],
    ['slsutil.renderer', ['salt://web/data.yaml'], {}, { a: 1 }],
    ['slsutil.renderer', [], { string: 'a: b', default_renderer: 'yaml' }, { a: 'b' }],
    ['slsutil.renderer', [], { string: '{"a": 1}', default_renderer: 'json' }, { a: 1 }],
    ['hashutil.digest', ['text', 'md5'], {}, '1cb251ec0d568de6a929b520c4aed8d1'],
    ['hashutil.base64_b64encode', ['text'], {}, 'dGV4dA=='],
    ['hashutil.base64_b64decode', ['dGV4dA=='], {}, 'text'],
    ['random.hash', ['text', 'md5'], {}, '1cb251ec0d568de6a929b520c4aed8d1'],
    ['random.seed', [60], {}, 52],
    ['random.seed', [], { hash: 'x' }, 5],
    ['random.rand_int', [1, 10], { seed: 5 }, 10],
    ['random.get_str', [8], { chars: 'a' }, 'aaaaaaaa'],
  ])('%s %j %j', async (name, args, kwargs, wanted) => {
    const files = { 'web/map.jinja': '', 'web/data.yaml': 'a: 1' };
    expect(await call(name, args, kwargs, { files })).toEqual(wanted);
  });
  it('slsutil.banner: a block of the width asked for', async () => {
    const banner = await call('slsutil.banner', [], {
      width: 24,
      title: 'MINE',
      text: 'leave it alone, please',
      newline: true,
    });
    expect(banner).toBe(
      [
        '########################',
        '#                      #',
        '#         MINE         #',
        '#                      #',
        '# leave it alone,      #',
        '# please               #',
        '########################',
        '',
      ].join('\n'),
    );
  });
  it('slsutil.renderer: refuses renderers it does not have', async () => {
    const wanted = { code: 'EDGE_UNKNOWN_RENDERER' };
    await expect(call('slsutil.renderer', [], { string: '#!py\nrun()' })).rejects.toMatchObject(wanted);
    await expect(call('slsutil.renderer', ['none.yaml'])).rejects.toMatchObject({ code: 'EDGE_FILE_NOT_FOUND' });
  });
  it('log: writes a line of its level', async () => {
    const lines: string[] = [];
    const log: Logger = {
      ...silentLogger,
      warn: (line) => void lines.push(`warn ${line}`),
      debug: (line) => void lines.push(line),
    };
    expect(await call('log.warning', ['careful'], {}, { extra: { log } })).toBe(true);
    await call('log.debug', [{ a: 1 }], {}, { extra: { log } });
    expect(lines).toEqual(['warn careful', '{"a":1}']);
  });
  it('environ: answers what commands on the host are run with', async () => {
    const host = new FakeHost('web1', [['env -0', { stdout: 'PATH=/bin\0EMPTY=\0' }]]);
    expect(await call('environ.get', ['PATH'], {}, {}, host)).toBe('/bin');
    expect(await call('environ.get', ['NONE', 'd'], {}, {}, host)).toBe('d');
    expect(await call('environ.has_value', ['EMPTY'], {}, {}, host)).toBe(true);
    expect(await call('environ.has_value', ['PATH', '/'], {}, {}, host)).toBe(false);
  });
  it('pkg.version_cmp: asks the package manager', async () => {
    const host = new FakeHost(
      'web1',
      [
        [/command -v/, {}],
        [/^dpkg --compare-versions/, { exitCode: 1 }],
        ['dpkg --compare-versions 9.2 lt 9.10', {}],
        ['dpkg --compare-versions 1 eq 1', {}],
      ].reverse() as never,
    );
    expect(await call('pkg.version_cmp', ['9.2', '9.10'], {}, {}, host)).toBe(-1);
    expect(await call('pkg.version_cmp', ['2:1', '1:1'], { ignore_epoch: true }, {}, host)).toBe(0);
    expect(await call('pkg.version_cmp', ['9.10', '9.2'], {}, {}, host)).toBe(1);
  });
  it('file.find: answers what is asked of each path, and nothing where there is no directory', async () => {
    const host = new FakeHost('web1', [[/^find/, { stdout: '/etc/b.conf\0/etc/a.conf\0' }]])
      .file('/etc/a.conf', 'x')
      .file('/etc/b.conf', 'xy');
    expect(await call('file.find', ['/etc'], { print: 'name' }, {}, host)).toEqual(['a.conf', 'b.conf']);
    expect(await call('file.find', ['/etc'], { print: 'path,size,type' }, {}, host)).toEqual([
      ['/etc/a.conf', 1, 'f'],
      ['/etc/b.conf', 2, 'f'],
    ]);
    expect(await call('file.find', ['/none'], {}, {}, host)).toEqual([]);
  });
  it('saltutil.runner and wheel: ask the master, and are there on the master only', async () => {
    await expect(call('saltutil.runner', ['manage.up'])).rejects.toMatchObject({ code: 'EDGE_NOT_SUPPORTED' });
    const asked: unknown[] = [];
    const runners = {
      call: (request: unknown) => {
        asked.push(request);
        return Promise.resolve(fromPlain(['web1']));
      },
    };
    expect(await call('saltutil.runner', ['manage.up'], { kwarg: { a: 1 }, b: 2 }, { extra: { runners } })).toEqual([
      'web1',
    ]);
    await call('saltutil.wheel', ['key.accept', ['web2']], {}, { extra: { runners } });
    const named = new Map<string, number>([
      ['a', 1],
      ['b', 2],
    ]);
    expect(asked).toEqual([
      { kind: 'runner', name: 'manage.up', args: [], kwargs: named },
      { kind: 'wheel', name: 'key.accept', args: ['web2'], kwargs: new Map() },
    ]);
  });
});

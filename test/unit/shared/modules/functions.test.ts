import { createCatalog } from '@edge-run/shared/execute';
import { Secret } from '@edge-run/shared/kernel';
import { fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { type ContextOptions, callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const functions = [...catalog.functions.values()];
const pillar = { app: { port: 80, hosts: ['a', 'b'], nested: { x: 1 } }, empty: null };
const call = async (
  name: string,
  args: unknown[] = [],
  kwargs: Record<string, unknown> = {},
  options: ContextOptions = {},
  host = new FakeHost('web1'),
) => {
  const ctx = moduleContext(host, {
    pillar,
    facts: {
      os: 'Debian',
      os_family: 'Debian',
      roles: ['web'],
      ip4_interfaces: { lo: ['127.0.0.1'], eth0: ['10.0.0.1'] },
    },
    functions,
    ...options,
  });
  const { answer } = await callFunction(catalog.functions.get(name)!, ctx, args, kwargs);
  return answer === undefined ? undefined : toPlain(answer as Value);
};

describe('config.get', () => {
  const opts = { app: { port: 1, own: { o: 1 } }, list: [1] };
  const facts = { app: { port: 2, own: { g: 2 } }, list: [2], grain: 'g' };
  const inPillar = {
    app: { port: 3, own: { p: 3 } },
    grain: 'p',
    master: { app: { port: 4, only: 4 }, 'x/y': 5, x: { y: 6 } },
  };
  const get = (args: unknown[], kwargs: Record<string, unknown> = {}) =>
    call('config.get', args, kwargs, { opts, facts, pillar: inPillar });

  it.each<[string, Record<string, unknown>, unknown]>([
    ['app:port', {}, 1],
    ['app:port', { omit_opts: true }, 2],
    ['app:port', { omit_opts: true, omit_grains: true }, 3],
    ['app:port', { omit_opts: true, omit_grains: true, omit_pillar: true }, 4],
    ['app:only', {}, 4],
    ['app:only', { omit_master: true, default: 'd' }, 'd'],
    ['x:y', {}, 6],
    ['x:y', { delimiter: '|', default: 'd' }, 'd'],
    ['x|y', { delimiter: '|' }, 6],
    ['app:own', {}, { o: 1 }],
    ['app', { merge: 'recurse' }, { port: 1, own: { p: 3, g: 2, o: 1 }, only: 4 }],
    ['app', { merge: 'something else' }, { port: 1, own: { p: 3, g: 2, o: 1 }, only: 4 }],
    ['app', { merge: 'overwrite' }, { port: 1, own: { o: 1 } }],
    ['app:port', { merge: 'recurse', omit_opts: true }, 1],
    ['grain', { merge: 'recurse' }, 'g'],
    ['list', { merge: 'recurse' }, [1]],
    ['nobody', { merge: 'recurse', default: [] }, []],
  ])('%s %j', async (key, kwargs, wanted) => expect(await get([key], kwargs)).toEqual(wanted));

  it('joins lists of merged sources where pillar_merge_lists says so', async () => {
    const options = { opts: { ...opts, pillar_merge_lists: true }, facts, pillar: inPillar };
    expect(await call('config.get', ['list'], { merge: 'recurse' }, options)).toEqual([2, 1]);
  });
});

describe('functions about data', () => {
  it.each<[string, unknown[], Record<string, unknown>, unknown]>([
    ['pillar.get', ['app:port'], {}, 80],
    ['pillar.get', ['app:hosts:1'], {}, 'b'],
    ['pillar.get', ['app/port'], { delimiter: '/' }, 80],
    ['pillar.get', ['none'], {}, ''],
    ['pillar.get', ['none', 7], {}, 7],
    ['pillar.get', ['empty', 7], {}, null],
    ['pillar.get', ['app:nested', { x: 0, y: 2 }], { merge: true }, { x: 1, y: 2 }],
    ['pillar.item', ['app:port', 'none'], {}, { 'app:port': 80, none: '' }],
    ['pillar.keys', ['app'], {}, ['port', 'hosts', 'nested']],
    ['grains.get', ['os'], {}, 'Debian'],
    ['grains.get', ['none', 'x'], {}, 'x'],
    ['grains.has_value', ['roles'], {}, true],
    ['grains.equals', ['os', 'Debian'], {}, true],
    [
      'grains.filter_by',
      [{ Debian: { pkg: 'apache2' }, default: { pkg: 'httpd' } }],
      { merge: { extra: 1 } },
      { pkg: 'apache2', extra: 1 },
    ],
    ['grains.filter_by', [{ 'Red*': 1, default: 2 }], { grain: 'os' }, 2],
    ['config.get', ['app:port'], {}, 80],
    ['config.get', ['os'], {}, 'Debian'],
    ['config.get', ['redis.port'], {}, 6379],
    ['config.get', ['nobody', 7], {}, 7],
    ['config.get', ['empty', 7], {}, null],
    ['config.option', ['hosts.file'], {}, '/etc/hosts'],
    ['config.option', ['app:port', 'plain keys only'], {}, 'plain keys only'],
    ['config.option', ['ldap.t*'], { wildcard: true }, { 'ldap.tls': false }],
    ['config.option', ['os'], { omit_all: true }, ''],
    ['slsutil.merge', [{ a: { b: 1 } }, { a: { c: 2 } }], {}, { a: { b: 1, c: 2 } }],
    ['slsutil.merge', [{ a: { b: 1 } }, { a: { c: 2 } }], { strategy: 'overwrite' }, { a: { c: 2 } }],
    [
      'defaults.update',
      [
        { x: { a: 1 }, y: {} },
        { a: 0, b: 2 },
      ],
      {},
      { x: { a: 1, b: 2 }, y: { a: 0, b: 2 } },
    ],
    ['network.ip_addrs', [], {}, ['10.0.0.1']],
    ['network.ip_addrs', [], { include_loopback: true, cidr: '127.0.0.0/8' }, ['127.0.0.1']],
    ['test.arg', [1, 'a'], { k: true }, { args: [1, 'a'], kwargs: { k: true } }],
    ['test.kwarg', [], { k: 'v', __jid: 1 }, { k: 'v' }],
    ['test.fib', [10], {}, [55, expect.any(Number)]],
    ['file.basename', ['/a/b'], {}, 'b'],
    ['file.dirname', ['/a'], {}, '/'],
  ])('%s %j %j', async (name, args, kwargs, wanted) => expect(await call(name, args, kwargs)).toEqual(wanted));

  it('defaults.merge, slsutil.update and filter_by change the mapping itself, as templates rely on', async () => {
    const below = fromPlain({ a: { x: 1 } });
    await call('defaults.merge', [below, { a: { y: 2 } }]);
    await call('slsutil.update', [below, { b: 3 }]);
    await call('defaults.merge', [below, { c: 4 }], { in_place: false });
    await call('slsutil.merge', [below, { d: 5 }]);
    expect(below).toEqual(fromPlain({ a: { x: 1, y: 2 }, b: 3 }));
  });
  it('pillar.get with pillar_raise_on_missing fails where nothing is', async () => {
    expect(await call('pillar.fetch', ['none'])).toBe('');
    await expect(call('pillar.get', ['none'], {}, { opts: { pillar_raise_on_missing: true } })).rejects.toThrow(/none/);
  });
  it('saltutil.cmd: answers those that returned, and is there on the master only', async () => {
    await expect(call('saltutil.cmd', ['*', 'test.ping'])).rejects.toMatchObject({ code: 'EDGE_NOT_SUPPORTED' });
    const asked: unknown[] = [];
    const jobs = {
      run: (request: unknown) => {
        asked.push(request);
        return Promise.resolve({
          jid: '1',
          targets: new Map([
            ['a', { outcome: 'failed', ret: 'no', retcode: 2 }],
            ['b', { outcome: 'no-return', retcode: 1 }],
          ] as const),
        });
      },
    };
    const answer = await call(
      'saltutil.cmd',
      [],
      { tgt: ['a', 'b'], fun: 'test.ping', arg: [1], timeout: 5 },
      { extra: { jobs } },
    );
    expect(answer).toEqual({ a: { ret: 'no', retcode: 2, jid: '1', success: false, outcome: 'failed' } });
    expect(asked[0]).toMatchObject({ target: 'a,b', targetType: 'list', fun: 'test.ping', args: [1], timeoutMs: 5000 });
  });
  it('saltutil.running and the like: the jobs in hand but for the one that asks, on minions only', async () => {
    await expect(call('saltutil.running')).rejects.toMatchObject({ code: 'EDGE_NOT_SUPPORTED' });
    const ended: string[] = [];
    const localJobs = {
      running: () => [
        { jid: 'own', fun: 'saltutil.running', by: 'ann', startedAt: 0 },
        { jid: 'j1', fun: 'state.apply', by: 'ann', startedAt: 0 },
        { jid: 'j2', fun: 'cmd.run', by: 'bob', startedAt: 1_000, queued: true as const },
      ],
      end: (jid: string, by: string) => ended.push(`${jid} ${by}`) > 0,
    };
    const ask = (fun: string, ...args: unknown[]) => call(fun, args, {}, { extra: { localJobs, jid: 'own' } });
    const first = { jid: 'j1', fun: 'state.apply', user: 'ann', started: '1970-01-01T00:00:00.000Z', queued: false };
    const second = { jid: 'j2', fun: 'cmd.run', user: 'bob', started: '1970-01-01T00:00:01.000Z', queued: true };
    expect(await ask('saltutil.running')).toEqual([first, second]);
    expect(await ask('saltutil.is_running', 'state.*')).toEqual([first]);
    expect(await ask('saltutil.find_job', 'j2')).toEqual(second);
    expect(await ask('saltutil.find_job', 'j3')).toEqual({});
    expect(await ask('saltutil.kill_job', 'own')).toBe('');
    expect(await ask('saltutil.kill_job', 'j2')).toBe('Job j2 (cmd.run) was told to end.');
    expect(ended).toEqual(['j2 saltutil.kill_job']);
  });
  it('event.send: sends data, keywords and grains', async () => {
    const ctx = moduleContext(new FakeHost(), { facts: { os: 'Debian', id: 'x' } });
    await callFunction(catalog.functions.get('event.send')!, ctx, ['a/b', { x: 1 }], { y: 2, with_grains: ['os'] });
    expect(ctx.sent.map(([tag, data]) => [tag, toPlain(data)])).toEqual([
      ['a/b', { x: 1, y: 2, grains: { os: 'Debian' } }],
    ]);
  });
});

describe('modules on a scripted host', () => {
  it('service: asks and tells systemd where the host was booted with it', async () => {
    const host = new FakeHost()
      .directory('/run/systemd/system')
      .on(
        [/^systemctl show/, { stdout: 'LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n' }],
        [/^systemctl (start|enable)/, {}],
      );
    expect(await call('service.status', ['nginx'], {}, {}, host)).toBe(false);
    await runState(catalog.states.get('service.running')!, moduleContext(host), { name: 'nginx', enable: true });
    expect(host.changes).toEqual(['systemctl start -- nginx.service', 'systemctl enable -- nginx.service']);
  });
  it('service.running: a plan changes nothing', async () => {
    const host = new FakeHost()
      .directory('/run/systemd/system')
      .on([/^systemctl show/, { stdout: 'LoadState=loaded\nActiveState=failed\n' }]);
    expect(
      await runState(catalog.states.get('service.running')!, moduleContext(host), { name: 'nginx' }, 'plan'),
    ).toMatchObject({ result: null });
    expect(host.changes).toEqual([]);
  });
  it('pkg.installed: installs what is missing or has another version', async () => {
    const host = new FakeHost().on(
      [/command -v/, {}],
      [/^dpkg-query/, { stdout: 'ii \tcurl\t7.88\nrc \tvim\t9\n' }],
      [/^apt-get/, {}],
    );
    const pkgs = [{ curl: '8.0' }, 'vim', 'curl'];
    await runState(catalog.states.get('pkg.installed')!, moduleContext(host), { name: 'x', pkgs });
    expect(host.changes.find((line) => line.startsWith('apt-get'))).toMatch(/install -- curl=8\.0 vim$/);
  });
  it('file.managed: a secret is written, and never shown', async () => {
    const host = new FakeHost().directory('/etc');
    const module = catalog.states.get('file.managed')!;
    const data = new PyMap([['key', new Secret('hunter2')]]);
    const ctx = moduleContext(host, { extra: { pillar: { data, get: () => null } } });
    const args = module.args.parse({ name: '/etc/key', contents_pillar: 'key', mode: '0600' });
    const verdict = await module.check(args, ctx);
    expect(JSON.stringify(verdict)).not.toContain('hunter2');
    expect(verdict).toMatchObject({ kind: 'changes', changes: [{ sealed: true }] });
    if (verdict.kind === 'changes') for (const change of verdict.changes) await change.apply(ctx);
    expect(host.text('/etc/key')).toBe('hunter2\n');
    expect((await host.stat('/etc/key'))?.mode).toBe(0o600);
  });
  it('npm: reads a list that has missing dependencies', async () => {
    const host = new FakeHost().on([
      /^npm list/,
      { exitCode: 1, stdout: '{"dependencies":{"a":{"version":"1.0.0"},"b":{"missing":true}}}' },
    ]);
    expect(await call('npm.list', [], { dir: '/srv' }, {}, host)).toEqual({ a: { version: '1.0.0' } });
  });
});

describe('names of users and groups', () => {
  const accounts = (): FakeHost =>
    new FakeHost().on([/getent.* passwd$/, { stdout: 'www-data:x:33:33::/var/www:/bin/sh\n' }], [/getent/, {}]);
  it('hold dashes, as those of Debian do, but begin with none', async () => {
    expect(await call('user.info', ['www-data'], {}, {}, accounts())).toMatchObject({ name: 'www-data', uid: 33 });
    const state = catalog.states.get('user.absent')!;
    expect(await runState(state, moduleContext(accounts()), { name: 'www-data' }, 'plan')).toMatchObject({
      result: null,
    });
    await expect(runState(state, moduleContext(accounts()), { name: '-rf' })).rejects.toThrow('not a name');
  });
});

import { createCatalog } from '@edge-run/shared/execute';
import { parseUpgrades } from '@edge-run/shared/modules/providers/pkg';
import { toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const UPGRADES = `NOTE: This is only a simulation!
Inst base-files [12.4+deb12u11] (12.4+deb12u15 Debian:12.15/oldstable [amd64])
Inst libnew (1.0 Debian:12 [amd64])
Inst curl [7.88] (7.89 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [amd64]) []
Conf curl (7.89 Debian:12.15/oldstable [amd64])
`;

/** A host with apt that keeps what is installed: name → version. */
class AptHost extends FakeHost {
  readonly installed = new Map([
    ['curl', '7.88'],
    ['shop', '1:1.2-3'],
  ]);
  readonly held = new Set<string>();
  upgrades = '';

  constructor() {
    super('web1');
    const print = (): { stdout: string } => ({
      stdout: `${[...this.installed].map(([name, version]) => `ii \t${name}\t${version}`).join('\n')}\nrc \tgone\t1\n`,
    });
    this.directory('/tmp/new').on(
      [/command -v/, {}],
      [/^dpkg-query/, print],
      [
        /^dpkg --compare-versions/,
        ({ 2: one, 3: relation, 4: other }) => ({ exitCode: compares(one!, relation!, other!) ? 0 : 1 }),
      ],
      [
        /^dpkg-deb --field - Version/,
        (_, { stdin }) => ({ stdout: `${Buffer.from(stdin as Uint8Array).toString()}\n` }),
      ],
      [/^dpkg-deb --field \/srv/, { stdout: '1:1.2-3\n' }],
      ['mktemp -d', { stdout: '/tmp/new\n' }],
      [/^chmod/, {}],
      [/^apt-get -q .*update$/, {}],
      [/^apt-get .* install --/, (command) => this.#install(command.slice(command.indexOf('--') + 1))],
      [/^apt-get .* (remove|purge) --/, {}],
      [/^apt-get -q --just-print/, () => ({ stdout: this.upgrades })],
      [/^apt-get .* (dist-)?upgrade$/, () => this.#upgrade()],
      ['apt-mark showhold', () => ({ stdout: [...this.held].join('\n') })],
      [
        /^apt-mark (un)?hold/,
        ({ 1: verb, ...names }) => this.#hold(verb === 'hold', Object.values(names).slice(2) as string[]),
      ],
    );
  }

  #hold(isHeld: boolean, names: readonly string[]): object {
    for (const name of names) isHeld ? this.held.add(name) : this.held.delete(name);
    return {};
  }

  #install(words: readonly string[]): object {
    for (const word of words) {
      const content = this.text(word);
      if (content !== undefined) this.installed.set('shop', content);
      else this.installed.set(word.split('=')[0]!, word.split('=')[1] ?? '9');
    }
    return {};
  }

  #upgrade(): object {
    for (const [name, version] of parseUpgrades(this.upgrades)) this.installed.set(name, version);
    this.upgrades = '';
    return {};
  }
}

function compares(one: string, relation: string, other: string): boolean {
  return relation === 'eq'
    ? one === other
    : relation.startsWith('g')
      ? one > other || (one === other && relation === 'ge')
      : one < other;
}

const run = (
  name: string,
  args: Record<string, unknown>,
  host: FakeHost,
  { mode, files = {} }: { mode?: 'apply' | 'plan'; files?: Record<string, string> } = {},
) => runState(catalog.states.get(`pkg.${name}`)!, moduleContext(host, { files }), args, mode);
const call = async (name: string, host: FakeHost, kwargs: object = {}) =>
  (await callFunction(catalog.functions.get(`pkg.${name}`)!, moduleContext(host), [], { ...kwargs })).answer;

it('upgrades are read from what apt prints; what is new with them is none', () => {
  expect([...parseUpgrades(UPGRADES)]).toEqual([
    ['base-files', '12.4+deb12u15'],
    ['curl', '7.89'],
  ]);
});

describe('pkg.installed with sources', () => {
  it('installs a file of the file roots when its version is another, and leaves no copy', async () => {
    const host = new AptHost();
    const args = { name: 'x', sources: [{ shop: 'salt://shop.deb' }] };
    const files = { 'shop.deb': '1:1.3-1' };
    expect(toPlain((await run('installed', args, host, { mode: 'plan', files })).changes)).toEqual({
      shop: { old: '1:1.2-3', new: 'salt://shop.deb' },
    });
    expect(host.changes).toEqual([]);
    const end = await run('installed', args, host, { files });
    expect([end.result, toPlain(end.changes)]).toEqual([true, { shop: { old: '1:1.2-3', new: '1:1.3-1' } }]);
    expect(host.changes.at(-1)).toMatch(/ install -- \/tmp\/new\/0\.deb$/);
    expect(host.text('/tmp/new/0.deb')).toBeUndefined();
    expect((await run('installed', args, host, { files })).changes.size).toBe(0);
  });
  it.each<[string, string, object, boolean]>([
    ['a path of the host', '/srv/shop.deb', {}, true],
    ['an address that tells the version, without its epoch', 'https://h.invalid/p/shop_1.2-3_amd64.deb', {}, true],
    ['an address that tells another', 'https://h.invalid/p/shop_1.1-3_amd64.deb', {}, false],
    ['an older one where newer is fine', 'https://h.invalid/p/shop_0%3a1.1-3_all.deb', { allow_updates: true }, true],
  ])('%s', async (_, source, more, fits) => {
    const host = new AptHost().file('/srv/shop.deb', '');
    const end = await run('installed', { name: 'x', sources: [{ shop: source }], ...more }, host, { mode: 'plan' });
    expect(end.result).toBe(fits ? true : null);
  });
  it.each([[['shop']], [[{ shop: 1 }]], ['shop.deb'], [[]]])(
    'what is no list of files is refused: %j',
    async (sources) => {
      expect((await run('installed', { name: 'x', sources }, new AptHost())).comment).toMatch('sources is no list');
    },
  );
  it('a file that is not there', async () => {
    const end = await run('installed', { name: 'x', sources: [{ shop: 'salt://no.deb' }] }, new AptHost());
    expect(end).toMatchObject({ result: false, comment: 'package file salt://no.deb is not there' });
  });
});

describe('arguments of Salt', () => {
  it('force_conf_new and update_holds reach apt', async () => {
    const host = new AptHost();
    await run('installed', { name: 'jq', force_conf_new: true, update_holds: true }, host);
    expect(host.changes[0]).toMatch(/--force-confnew .*--allow-change-held-packages .*install -- jq$/);
  });
  it('reinstall is a call, not a state', async () => {
    await expect(run('installed', { name: 'jq', reinstall: true }, new AptHost())).rejects.toThrow(
      'pkg.install and reinstall',
    );
    const host = new AptHost();
    await call('install', host, { name: 'curl', reinstall: true });
    expect(host.changes[0]).toMatch(/--reinstall .*install -- curl$/);
  });
  it('removed: only the version that is named; purged: also what was removed', async () => {
    const host = new AptHost();
    expect((await run('removed', { name: 'curl', version: '8' }, host)).changes.size).toBe(0);
    expect((await run('removed', { name: 'curl', version: '7.*' }, host, { mode: 'plan' })).result).toBeNull();
    expect((await run('removed', { name: 'gone' }, host)).changes.size).toBe(0);
    expect(toPlain((await run('purged', { name: 'gone' }, host, { mode: 'plan' })).changes)).toEqual({
      gone: { old: '', new: '' },
    });
  });
  it('held with replace, unheld with all', async () => {
    const host = new AptHost();
    host.held.add('old').add('curl');
    expect((await run('held', { name: 'curl', replace: true }, host)).result).toBe(true);
    expect([...host.held]).toEqual(['curl']);
    expect((await run('unheld', { name: 'x', all: true }, host)).result).toBe(true);
    expect(host.held.size).toBe(0);
  });
});

describe('pkg.uptodate', () => {
  it('upgrades what the lists have, and is in sync then', async () => {
    const host = new AptHost();
    host.upgrades = UPGRADES.replace(/^Inst base.*\n/m, '');
    expect(toPlain((await run('uptodate', { name: 'all' }, host, { mode: 'plan' })).changes)).toEqual({
      curl: { old: '7.88', new: '7.89' },
    });
    const end = await run('uptodate', { name: 'all', dist_upgrade: true }, host);
    expect([end.result, toPlain(end.changes)]).toEqual([true, { curl: { old: '7.88', new: '7.89' } }]);
    expect(host.changes).toEqual([expect.stringMatching(/ dist-upgrade$/)]);
    expect(await run('uptodate', { name: 'all' }, host)).toMatchObject({ comment: 'System is already up-to-date' });
  });
  it('refresh: what the fresh lists bring is upgraded too; nothing is no change', async () => {
    const host = new AptHost();
    const brings = (): object => {
      host.upgrades = 'Inst curl [7.88] (8.0 x)\n';
      return {};
    };
    host.on([/^apt-get -q -o \S+ update$/, brings]);
    const end = await run('uptodate', { name: 'all', refresh: true, pkgs: ['curl'] }, host);
    expect(toPlain(end.changes)).toEqual({ curl: { old: '7.88', new: '8.0' } });
    expect(host.changes.at(-1)).toMatch(/--only-upgrade .*install -- curl=8\.0$/);
    const other = await run('uptodate', { name: 'all', refresh: true, pkgs: ['jq'] }, host);
    expect([other.result, other.changes.size]).toEqual([true, 0]);
  });
});

describe('functions', () => {
  it('tell of upgrades', async () => {
    const host = new AptHost();
    host.upgrades = UPGRADES;
    expect(await call('list_upgrades', host)).toEqual({ 'base-files': '12.4+deb12u15', curl: '7.89' });
    host.on([/^apt-cache policy/, { stdout: 'curl:\n  Candidate: 7.89\n' }]);
    expect(await call('upgrade_available', host, { name: 'curl' })).toBe(true);
    expect(await call('upgrade_available', host, { name: 'jq' })).toBe(false);
    expect(await call('upgrade', host, { refresh: false })).toMatchObject({ curl: { old: '7.88', new: '7.89' } });
  });
  it('hold and let go', async () => {
    const host = new AptHost();
    const answer = {
      curl: {
        name: 'curl',
        changes: { old: 'install', new: 'hold' },
        result: true,
        comment: 'Package curl is now being held.',
      },
    };
    expect(await call('hold', host, { name: 'curl' })).toEqual(answer);
    expect(await call('hold', host, { pkgs: ['curl'] })).toMatchObject({ curl: { changes: {} } });
    expect(await call('unhold', host, { name: 'curl' })).toMatchObject({
      curl: { changes: { old: 'hold', new: 'install' } },
    });
    expect(host.held.size).toBe(0);
  });
});

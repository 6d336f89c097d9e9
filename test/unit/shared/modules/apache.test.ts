import { createCatalog } from '@edge-run/shared/execute';
import { toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const FOLDERS = { mod: ['mods-enabled', 'load'], site: ['sites-enabled', 'conf'], conf: ['conf-enabled', 'conf'] };

/** A host whose switches do what Debian's do: put a link there, or take it away. */
function apacheHost(...links: string[]): FakeHost {
  const host = new FakeHost();
  for (const link of links) host.link(`/etc/apache2/${link}`, '../there');
  for (const [word, [folder, suffix]] of Object.entries(FOLDERS)) {
    const path = (name: string): string => `/etc/apache2/${folder}/${name}.${suffix}`;
    host.on(
      [
        ({ 0: program }) => program === `a2en${word}`,
        ({ 2: name = '' }) => {
          if (name === 'none') return { exitCode: 1, stderr: 'ERROR: none does not exist!' };
          host.link(path(name), '../there');
          return {};
        },
      ],
      [
        ({ 0: program }) => program === `a2dis${word}`,
        ({ 2: name = '' }) => {
          void host.remove(path(name));
          return {};
        },
      ],
    );
  }
  return host;
}

const debian = { facts: { os_family: 'Debian' } };

describe.each([
  ['module', 'a2enmod', 'a2dismod', 'mods-enabled/rewrite.load', 'rewrite.load'],
  ['site', 'a2ensite', 'a2dissite', 'sites-enabled/rewrite.conf', 'rewrite.conf'],
  ['conf', 'a2enconf', 'a2disconf', 'conf-enabled/rewrite.conf', 'rewrite.conf'],
] as const)('apache_%s', (kind, on, off, link, file) => {
  it.each(['rewrite', file])('%s: on and off, foreseen and done', async (name) => {
    const host = apacheHost();
    const ctx = moduleContext(host, debian);
    const run = async (verb: string, mode?: 'plan') => {
      const end = await runState(catalog.states.get(`apache_${kind}.${verb}`)!, ctx, { name }, mode);
      return [end.result, toPlain(end.changes)];
    };
    expect(await run('disabled')).toEqual([true, {}]);
    expect(await run('enabled', 'plan')).toEqual([null, { old: null, new: name }]);
    expect(host.changes).toEqual([]);
    expect(await run('enabled')).toEqual([true, { old: null, new: name }]);
    expect((await host.stat(`/etc/apache2/${link}`))?.kind).toBe('symlink');
    expect(await run('enabled')).toEqual([true, {}]);
    expect(await run('disabled')).toEqual([true, { old: name, new: null }]);
    expect(host.changes).toEqual([`${on} --quiet rewrite`, `${off} --quiet rewrite`]);
  });
  it('fails with the word of the program', async () => {
    const state = catalog.states.get(`apache_${kind}.enabled`)!;
    const end = await runState(state, moduleContext(apacheHost(), debian), { name: 'none' });
    expect([end.result, end.comment]).toEqual([false, expect.stringContaining('none does not exist')]);
  });
  it('is refused elsewhere', () => {
    const { supports } = catalog.states.get(`apache_${kind}.enabled`)!;
    const factsOf = (family: string) => moduleContext(new FakeHost(), { facts: { os_family: family } }).facts;
    expect(supports!(factsOf('Debian'))).toBe(true);
    expect(supports!(factsOf('RedHat'))).toMatch(/RedHat/);
  });
});

it('the default site has a number before its name', async () => {
  const ctx = moduleContext(apacheHost('sites-enabled/000-default.conf'), debian);
  const run = (verb: string) => runState(catalog.states.get(`apache_site.${verb}`)!, ctx, { name: 'default' });
  expect((await run('enabled')).comment).toBe('default already enabled.');
  expect((await run('disabled')).result).toBe(true);
  expect(await ctx.host.stat('/etc/apache2/sites-enabled/000-default.conf')).toBeUndefined();
  expect((await run('enabled')).result).toBe(true);
});

it('functions answer as in Salt, and are refused elsewhere', async () => {
  const ctx = moduleContext(apacheHost(), debian);
  const call = async (name: string, on = ctx) =>
    (await callFunction(catalog.functions.get(`apache.${name}`)!, on, ['shop'])).answer;
  expect(await call('a2ensite')).toEqual({ Name: 'Apache2 Enable Site', Site: 'shop', Status: 'Site shop enabled' });
  expect(await call('check_site_enabled')).toBe(true);
  expect(await call('a2dissite')).toMatchObject({ Status: 'Site shop disabled' });
  expect(await call('check_site_enabled')).toBe(false);
  await expect(call('a2enmod', moduleContext(apacheHost(), { facts: { os_family: 'Suse' } }))).rejects.toThrow(/Suse/);
});

it.each(['../x', '-f', ''])('%j is no name', async (name) => {
  const state = catalog.states.get('apache_module.enabled')!;
  await expect(runState(state, moduleContext(apacheHost(), debian), { name })).rejects.toThrow();
});

import { readFileSync } from 'node:fs';
import { createCatalog } from '@edge-run/shared/execute';
import { keyserverUrl } from '@edge-run/shared/modules/execution';
import { armoured, dearmoured, isKeyOf, keyFingerprints } from '@edge-run/shared/modules/providers/apt';
import { toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { FakeHost } from '../../../support/fake-host.ts';
import { callFunction, moduleContext, runState } from '../../../support/module-context.ts';

const catalog = createCatalog();
const KEY = readFileSync(new URL('../../../cases/apt/key.asc', import.meta.url), 'utf8');
const FINGERPRINT = '4436FB8373EF55E4B859C4335B5D481A634B8D0C';
const LINE = 'deb http://example.org/debian stable main';
const SIGNED = 'deb [signed-by=/etc/apt/keyrings/example.gpg] http://example.org/debian stable main';
const LIST = '/etc/apt/sources.list.d/example.list';

const debian = (): FakeHost =>
  new FakeHost('web1', [
    [/command -v/, {}],
    [/^apt-get .*update$/, {}],
  ])
    .directory('/etc/apt/sources.list.d')
    .directory('/etc/apt/keyrings')
    .directory('/etc/apt/trusted.gpg.d');
const run = (
  name: 'managed' | 'absent',
  args: Record<string, unknown>,
  host: FakeHost,
  { mode, files = {} }: { mode?: 'apply' | 'plan'; files?: Record<string, string> } = {},
) => runState(catalog.states.get(`pkgrepo.${name}`)!, moduleContext(host, { files }), args, mode);
const call = async (name: string, host: FakeHost, kwargs: object = {}) =>
  (await callFunction(catalog.functions.get(`pkg.${name}`)!, moduleContext(host), [], { ...kwargs })).answer;
const updates = (host: FakeHost): number => host.changes.filter((line) => line.endsWith(' update')).length;

describe('keys', () => {
  it('have the fingerprints gpg tells, in either form', () => {
    const bytes = new Uint8Array(Buffer.from(KEY));
    const binary = dearmoured(bytes);
    expect(keyFingerprints(bytes)).toEqual([FINGERPRINT]);
    expect(keyFingerprints(binary)).toEqual([FINGERPRINT]);
    expect(Buffer.from(dearmoured(armoured(binary)))).toEqual(Buffer.from(binary));
    const two = dearmoured(new Uint8Array(Buffer.from(KEY + KEY.replaceAll('\n', '\r\n'))));
    expect(keyFingerprints(two)).toEqual([FINGERPRINT, FINGERPRINT]);
  });
  it.each(['', '<html>', KEY.slice(0, 120), '\x99\xff\xff', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n'])(
    'none in %j',
    (text) => {
      expect(keyFingerprints(new Uint8Array(Buffer.from(text, 'latin1')))).toEqual([]);
    },
  );
  it.each([
    ['0x634B8D0C', true],
    ['5b5d481a634b8d0c', true],
    ['4436 FB83 73EF 55E4 B859  C433 5B5D 481A 634B 8D0C', true],
    ['8D0C', false],
    ['00000000', false],
  ])('%s is its id: %s', (keyid, isId) => {
    expect(isKeyOf(keyid, FINGERPRINT)).toBe(isId);
  });
  it.each([
    ['keyserver.ubuntu.com', 'https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x1A2B3C4D'],
    ['hkp://keys.example:80', 'http://keys.example:80/pks/lookup?op=get&options=mr&search=0x1A2B3C4D'],
    ['hkp://keys.example', 'http://keys.example:11371/pks/lookup?op=get&options=mr&search=0x1A2B3C4D'],
    ['hkps://keys.example/', 'https://keys.example/pks/lookup?op=get&options=mr&search=0x1A2B3C4D'],
  ])('are asked for at %s', (server, url) => {
    expect(keyserverUrl(server, '0x1a2b3c4d')).toBe(url);
  });
});

describe('pkgrepo.managed', () => {
  it('writes a new source into its file, refreshes, and is in sync then', async () => {
    const host = debian();
    const args = { name: LINE, file: LIST, humanname: 'Example', comments: ['# of the', 'tests'] };
    expect((await run('managed', args, host, { mode: 'plan' })).result).toBeNull();
    expect(host.changes).toEqual([]);
    const end = await run('managed', args, host);
    expect([end.result, toPlain(end.changes)]).toEqual([true, { repo: LINE }]);
    expect(host.text(LIST)).toBe(`${LINE} # of the tests\n`);
    expect(updates(host)).toBe(1);
    expect(await run('managed', args, host)).toMatchObject({
      result: true,
      comment: `Package repo '${LINE}' already configured`,
    });
    expect(updates(host)).toBe(1);
  });
  it('says what is another, changes it where it is, and leaves other lines', async () => {
    const host = debian().file(
      '/etc/apt/sources.list',
      '# mine\ndeb [arch=amd64]   http://example.org/debian/ stable main old\ndeb http://b s x',
    );
    const end = await run(
      'managed',
      { name: LINE, file: LIST, architectures: 'amd64', comps: 'main', refresh: false },
      host,
    );
    expect(toPlain(end.changes)).toMatchObject({ comps: { old: ['main', 'old'], new: ['main'] } });
    expect(host.text('/etc/apt/sources.list')).toBe(
      '# mine\ndeb [arch=amd64] http://example.org/debian/ stable main\ndeb http://b s x',
    );
    expect([host.text(LIST), updates(host)]).toEqual([undefined, 0]);
  });
  it('enabled: False switches a source of a stanza off', async () => {
    const path = '/etc/apt/sources.list.d/a.sources';
    const host = debian().file(path, 'Types: deb\nURIs: http://example.org/debian\nSuites: stable\nComponents: main\n');
    const end = await run('managed', { name: LINE, enabled: false, refresh_db: false }, host);
    expect(end.result).toBe(true);
    expect(host.text(path)).toBe(
      'Types: deb\nURIs: http://example.org/debian\nSuites: stable\nComponents: main\nEnabled: no\n',
    );
    expect(await call('get_repo', host, { repo: LINE })).toMatchObject({ disabled: true, enabled: false, file: path });
  });
  it('brings a key along, in the form its file promises, and mends it', async () => {
    const host = debian();
    const args = { name: SIGNED, file: LIST, key_url: 'salt://apt/example.asc', aptkey: false };
    const files = { 'apt/example.asc': KEY };
    const end = await run('managed', args, host, { files });
    expect(toPlain(end.changes)).toEqual({ key: '/etc/apt/keyrings/example.gpg', repo: SIGNED });
    const written = await host.readFile('/etc/apt/keyrings/example.gpg');
    expect([written[0]! & 0x80, ...keyFingerprints(written)]).toEqual([0x80, FINGERPRINT]);
    expect((await run('managed', args, host, { files })).changes.size).toBe(0);
    host.file('/etc/apt/keyrings/example.gpg', 'broken');
    expect(toPlain((await run('managed', args, host, { files })).changes)).toEqual({
      key: '/etc/apt/keyrings/example.gpg',
    });
    expect(updates(host)).toBe(2);
  });
  it('without signedby, a key is one that every source is trusted by', async () => {
    const host = debian();
    await run('managed', { name: LINE, key_text: KEY }, host);
    expect(keyFingerprints(await host.readFile('/etc/apt/trusted.gpg.d/example.org-debian.gpg'))).toEqual([
      FINGERPRINT,
    ]);
  });
  it('a key that a keyring holds is not asked for', async () => {
    const host = debian().file('/etc/apt/trusted.gpg.d/other.asc', KEY).file('/etc/apt/sources.list', `${LINE}\n`);
    const args = { name: LINE, keyserver: 'keys.invalid' };
    expect((await run('managed', { ...args, keyid: [FINGERPRINT, 0x634b8d0c] }, host)).changes.size).toBe(0);
    const other = await run('managed', { ...args, keyid: '0x12345678' }, host, { mode: 'plan' });
    expect(toPlain(other.changes)).toEqual({ key: '/etc/apt/trusted.gpg.d/example.org-debian.gpg' });
  });
  it('what is no key is not written', async () => {
    const end = await run('managed', { name: LINE, key_text: '<html>404</html>' }, debian());
    expect(end).toMatchObject({ result: false, comment: 'key_text holds no OpenPGP public key' });
  });
  it.each<[string, Record<string, unknown>, string]>([
    ['a ppa', { name: 'shop', ppa: 'wolfnet/logstash' }, 'write its line'],
    ['no line', { name: 'shop' }, 'not a line of sources.list: shop'],
    ['both', { name: LINE, enabled: true, disabled: false }, 'only one of enabled and disabled'],
    ['two keys', { name: LINE, key_url: 'salt://k', key_text: 'x' }, 'only one of keyid, key_url and key_text'],
    ['an id alone', { name: LINE, keyid: '12345678' }, 'keyid and keyserver need each other'],
    ['no encryption', { name: LINE, key_url: 'http://k', allow_insecure_key: false }, 'not encrypted'],
    ['nowhere to put it', { name: LINE, key_text: KEY, aptkey: false }, 'needs signedby'],
  ])('is an error before anything runs: %s', async (_, args, message) => {
    await expect(run('managed', args, debian())).rejects.toThrow(message);
  });
});

describe('pkgrepo.absent', () => {
  it('takes the source away, the file that is empty then, and the key that is alone in its file', async () => {
    const host = debian()
      .file(LIST, `# from elsewhere\n${SIGNED}\n`)
      .file('/etc/apt/sources.list', `${LINE} other\n# mine\n`)
      .file('/etc/apt/keyrings/example.gpg', KEY);
    const args = { name: LINE, keyid: FINGERPRINT };
    const end = await run('absent', args, host);
    expect([end.result, toPlain(end.changes)]).toEqual([true, { repo: LINE, keyid: [FINGERPRINT] }]);
    expect(host.text('/etc/apt/sources.list')).toBe('deb http://example.org/debian stable other\n# mine\n');
    expect([host.text(LIST), host.text('/etc/apt/keyrings/example.gpg')]).toEqual([undefined, undefined]);
    expect(await run('absent', args, host)).toMatchObject({ result: true, comment: `Package repo ${LINE} is absent` });
  });
  it('a line that cannot be read is an error before anything runs', async () => {
    await expect(run('absent', { name: 'shop' }, debian())).rejects.toThrow('not a line of sources.list');
  });
});

describe('functions', () => {
  it('list, make and delete sources', async () => {
    const host = debian();
    expect(await call('mod_repo', host, { repo: SIGNED, file: LIST, key_text: KEY })).toMatchObject({
      [SIGNED]: { file: LIST, signedby: '/etc/apt/keyrings/example.gpg', enabled: true },
    });
    expect(await call('list_repos', host)).toEqual({
      'http://example.org/debian': [
        {
          ...{ file: LIST, type: 'deb', uri: 'http://example.org/debian', dist: 'stable', comps: ['main'] },
          ...{
            enabled: true,
            disabled: false,
            architectures: [],
            signedby: '/etc/apt/keyrings/example.gpg',
            line: SIGNED,
          },
        },
      ],
    });
    expect(await call('get_repo', host, { repo: 'deb http://other stable main' })).toEqual({});
    expect(await call('del_repo', host, { repo: LINE })).toBe(
      `File ${LIST} containing repo '${LINE}' has been removed.`,
    );
    await expect(call('del_repo', host, { repo: LINE })).rejects.toThrow('web1 has no source');
    await expect(call('mod_repo', host, { repo: 'ppa:a/b' })).rejects.toThrow('Launchpad');
    await expect(call('get_repo', host, { repo: 'shop' })).rejects.toThrow('not a line');
  });
});

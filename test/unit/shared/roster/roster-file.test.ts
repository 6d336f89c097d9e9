import { loadSls } from '@edge-run/shared/render';
import { parseRoster, writeRoster } from '@edge-run/shared/roster';
import { type PyMap, toPlain } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { memoryRosterFiles } from '../../../support/memory-roster-files.ts';

const files = memoryRosterFiles({ '/home/me/.pw': 'from file\n' }, { PW: 'from env' });
const options = { home: '/home/me', files, file: 'roster.yaml' };
const read = (data: unknown, more: object = {}) => parseRoster(data, { ...options, ...more });
/** As the master reads it: with the lines of the file. */
const readText = (text: string) => {
  const loaded = loadSls(text, { path: 'roster.yaml' }).value!;
  const root = loaded.value as PyMap;
  return read(toPlain(root), {
    placeOf: (id: string, key?: string) => {
      const entry = root.get(id);
      return key === undefined || entry === undefined ? loaded.placeOf(root, id) : loaded.placeOf(entry, key);
    },
  });
};

describe('roster file', () => {
  it("takes Salt's keys, and a bare host name", () => {
    const { value, diagnostics } = read({
      web1: '192.0.2.1',
      web2: {
        host: '192.0.2.2',
        port: '2222',
        user: 'deploy',
        passwd: 1234,
        priv: ['/keys/a', '~/b'],
        priv_passwd: 'open',
        sudo: true,
        sudo_user: 'app',
        timeout: 5,
        identities_only: true,
        escalate_by: 'doas',
        minion_opts: { a: 1, grains: { dc: 'eu', role: 'none' } },
        mine_functions: { 'test.ping': [] },
        grains: { role: 'web' },
        proxy_jump: 'jump, bob@other:22',
      },
    });
    expect(diagnostics).toEqual([]);
    expect(value?.[0]).toMatchObject({ id: 'web1', host: '192.0.2.1', port: 22, user: 'root', sudo: false });
    expect(value?.[1]).toMatchObject({
      host: '192.0.2.2',
      port: 2222,
      user: 'deploy',
      keyFiles: ['/keys/a', '/home/me/b'],
      sudo: true,
      sudoUser: 'app',
      connectTimeoutMs: 5_000,
      identitiesOnly: true,
      escalateBy: 'doas',
      minionOpts: { a: 1, mine_functions: { 'test.ping': [] } },
      grains: { role: 'web', dc: 'eu' },
      proxyJump: ['jump', 'bob@other:22'],
    });
    expect(value?.[1]?.password?.reveal()).toBe('1234');
    expect(value?.[1]?.passphrase?.reveal()).toBe('open');
    expect(JSON.stringify(value)).not.toContain('1234');
  });
  it('reads secrets from the environment and from files, and says which are missing', () => {
    const { value } = read({ a: { passwd: { env: 'PW' }, priv_passwd: { file: '~/.pw' } } });
    expect([value?.[0]?.password?.reveal(), value?.[0]?.passphrase?.reveal()]).toEqual(['from env', 'from file']);
    const wrong = readText('a:\n  host: x\n  passwd: {env: NONE}\n');
    expect(wrong.diagnostics).toMatchObject([
      { summary: 'a: `passwd`: the environment variable NONE is not set', source: { file: 'roster.yaml', line: 3 } },
    ]);
  });
  it('reads options of ssh', () => {
    const { value, diagnostics } = read({
      a: { ssh_options: ['ProxyJump=b,c', 'HostKeyAlias x', '-o IdentityFile=~/k', 'ServerAliveInterval=5'] },
    });
    expect(diagnostics).toEqual([]);
    expect(value?.[0]).toMatchObject({ proxyJump: ['b', 'c'], hostKeyAlias: 'x', keyFiles: ['/home/me/k'] });
  });
  it('lays defaults under every host', () => {
    const { value } = read({ a: 'h', b: { user: 'me' } }, { defaults: { user: 'deploy', sudo: true } });
    expect(value).toMatchObject([
      { id: 'a', host: 'h', user: 'deploy', sudo: true },
      { id: 'b', user: 'me', sudo: true },
    ]);
  });
  it('says where each host is written', () => {
    const { value } = readText('# x\na: h\nb:\n  host: i\n');
    expect(value?.map(({ origin }) => origin)).toEqual([
      { roster: 'file', place: 'roster.yaml:2' },
      { roster: 'file', place: 'roster.yaml:3' },
    ]);
  });
  it('reports every problem at once with its line and a suggestion', () => {
    const { value, diagnostics } = readText(
      'a:\n  hots: x\nb:\n  user: y\n  port: many\nc:\n  sudo: perhaps\nd: [1]\n"e f": x\ng:\n  ssh_options: [Port=0]\n',
    );
    expect(value).toBeUndefined();
    expect(
      diagnostics.map(({ source, summary }) => `${source?.line} ${summary.split(':').slice(0, 2).join(':')}`),
    ).toEqual([
      '2 a: unknown roster key `hots`',
      '5 b: `port`',
      '7 c: `sudo`',
      '8 d: neither a host name nor a mapping',
      '9 e f: no id of a host',
      '11 g: `0` is no Port',
    ]);
    expect(diagnostics[0]?.detail).toBe('did you mean `host`?');
  });
  it.each(['thin_dir', 'ssh_pre_flight'])('says that `%s` has no effect', (key) => {
    const { value, diagnostics } = readText(`a:\n  ${key}: x\n`);
    expect(value).toHaveLength(1);
    expect(diagnostics).toMatchObject([
      { severity: 'warning', summary: `a: \`${key}\` has no effect`, source: { line: 2 } },
    ]);
  });
  it('reads what commands shall have: PATH, umask, a terminal', () => {
    const { value, diagnostics } = readText(`
a: {set_path: '$PATH:/opt/bin/', cmd_umask: 0077, tty: True}
b: {set_path: '/opt/bin:\${PATH}', cmd_umask: '027'}
c: {cmd_umask: 63}
d: {}
`);
    expect(diagnostics).toEqual([]);
    expect(value).toMatchObject([
      { path: '$PATH:/opt/bin/', umask: 0o77, tty: true },
      { path: '/opt/bin:$PATH', umask: 0o27, tty: false },
      { umask: 0o77 },
      { tty: false },
    ]);
    expect(value?.[3]).not.toHaveProperty('path');
  });
  it.each([
    ['set_path', '$(id):/bin'],
    ['set_path', 'bin:$PATH'],
    ['set_path', '$HOME/bin'],
    ['set_path', ''],
    ['cmd_umask', '089'],
    ['cmd_umask', 1000],
    ['cmd_umask', -1],
    ['tty', 'x'],
  ])('refuses %s: %j', (key, given) => {
    const { diagnostics } = read({ a: { [key]: given } });
    expect(diagnostics).toMatchObject([{ severity: 'error', summary: expect.stringContaining(`a: \`${key}\``) }]);
  });
  it.each([[[1]], ['text'], [7]])('%j is no roster', (data) => {
    expect(read(data).diagnostics).toMatchObject([{ severity: 'error', summary: 'a roster maps ids to hosts' }]);
  });
  it('reads back what it writes, without the secrets', () => {
    const { value } = read({
      a: {
        host: 'h',
        port: 23,
        set_path: '$PATH:/opt/bin',
        cmd_umask: '0027',
        tty: true,
        user: 'u',
        priv: '/k',
        sudo: true,
        passwd: 's3cret',
        grains: { x: [1] },
        proxy_jump: 'b',
      },
      b: 'i',
    });
    const text = writeRoster(value!);
    expect(text).not.toContain('s3cret');
    expect(text).toContain('env: EDGE_A_PASSWORD');
    const again = parseRoster(toPlain(loadSls(text, { path: 'r' }).value!.value), {
      ...options,
      files: memoryRosterFiles({}, { EDGE_A_PASSWORD: 's3cret' }),
    });
    expect(again.diagnostics).toEqual([]);
    expect(again.value).toEqual(value);
    expect(again.value?.[0]?.password?.reveal()).toBe('s3cret');
  });
});

import { parseSshConfig, type SshTarget } from '@edge-run/shared/roster';
import { describe, expect, it } from 'vitest';
import { memoryRosterFiles } from '../../../support/memory-roster-files.ts';

const read = (text: string, files: Readonly<Record<string, string>> = {}) =>
  parseSshConfig(text, {
    file: '/home/me/.ssh/config',
    user: 'me',
    home: '/home/me',
    files: memoryRosterFiles(files, { KEYS: '/keys', SSH_AUTH_SOCK: '/agent' }),
  });
const one = (text: string, id: string, files: Readonly<Record<string, string>> = {}): SshTarget => {
  const { value, diagnostics } = read(text, files);
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return value!.find((target) => target.id === id)!;
};

describe('ssh_config', () => {
  it('gives a target for each name that is no pattern, with what the patterns add', () => {
    const { value } = read(
      'Host web1 web-2\n  HostName 192.0.2.1\n  IdentityFile ~/.ssh/a\n  IdentityFile "~/.ssh/b c"\nHost jump *.lab !x.lab\n  ProxyJump none\nHost *\n  User deploy\n  Port 2222\n  ConnectTimeout 7\n',
    );
    expect(value?.map(({ id }) => id)).toEqual(['web1', 'web-2', 'jump']);
    expect(value?.[0]).toMatchObject({
      host: '192.0.2.1',
      user: 'deploy',
      port: 2222,
      keyFiles: ['/home/me/.ssh/a', '/home/me/.ssh/b c'],
      connectTimeoutMs: 7_000,
      origin: { roster: 'ssh_config', place: '/home/me/.ssh/config:1' },
    });
    expect(value?.[2]).toMatchObject({ id: 'jump', host: 'jump', proxyJump: [] });
  });
  it('takes the first value of an option, and all of IdentityFile', () => {
    expect(
      one('User first\nIdentityFile /a\nHost a\n  User second\n  IdentityFile=/b\nHost *\n  User third\n', 'a'),
    ).toMatchObject({
      user: 'first',
      keyFiles: ['/a', '/b'],
    });
  });
  it('puts in what tokens stand for', () => {
    const target = one(
      'Host a\n  HostName %h.example.org\n  User bob\n  Port 24\n  IdentityFile %d/%r@%h:%p-%n\n  CertificateFile $' +
        '{KEYS}/%u-cert.pub\n  UserKnownHostsFile ~/kh1 ~/kh2\n  HostKeyAlias k\n  IdentitiesOnly yes\n  IdentityAgent SSH_AUTH_SOCK\n  StrictHostKeyChecking accept-new\n',
      'a',
    );
    expect(target).toMatchObject({
      host: 'a.example.org',
      keyFiles: ['/home/me/bob@a.example.org:24-a'],
      certificateFiles: ['/keys/me-cert.pub'],
      knownHostsFiles: ['/home/me/kh1', '/home/me/kh2'],
      hostKeyAlias: 'k',
      identitiesOnly: true,
      agentSocket: '/agent',
      hostKeyMode: 'accept-new',
    });
  });
  it('gives each jump host what the file says about it', () => {
    const target = one(
      'Host web\n  ProxyJump bob@edge:2200,inner.lab\nHost edge\n  HostName 192.0.2.9\n  User nobody\n  IdentityFile /edge\n  ProxyJump first\nHost *.lab\n  User lab\n  IdentityFile /lab\n',
      'web',
    );
    expect(target.proxyJump).toMatchObject([
      { id: 'edge', host: '192.0.2.9', port: 2200, user: 'bob', keyFiles: ['/edge'], proxyJump: [{ id: 'first' }] },
      { id: 'inner.lab', user: 'lab', keyFiles: ['/lab'] },
    ]);
  });
  it('understands the command everybody used before ProxyJump', () => {
    const text = 'Host a\n  ProxyCommand ssh -q -W %h:%p -p 2200 bob@bastion\n';
    expect(one(text, 'a').proxyJump).toMatchObject([{ host: 'bastion', user: 'bob', port: 2200 }]);
  });
  it('ends where hosts jump through each other', () => {
    expect(one('Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n', 'a').proxyJump).toHaveLength(1);
  });
  it('reads included files, sorted, with globs, where they stand', () => {
    const files = {
      '/home/me/.ssh/conf.d/2.conf': 'Host two\n  User late\n',
      '/home/me/.ssh/conf.d/1.conf': 'Host one\n  User early\nHost two\n  User early\n',
      '/home/me/.ssh/conf.d/.hidden.conf': 'Host hidden\n',
      '/elsewhere': 'Port 99\n',
    };
    const { value } = read(
      'Include conf.d/*.conf\nInclude ~/none\nHost three\n  Include /elsewhere\nHost four\n',
      files,
    );
    expect(value).toMatchObject([
      { id: 'one', user: 'early', origin: { place: '/home/me/.ssh/conf.d/1.conf:1' } },
      { id: 'two', user: 'early' },
      { id: 'three', port: 99 },
      { id: 'four', port: 22 },
    ]);
  });
  it.each([
    ['host *.example.org', 2],
    ['host "web.example.org,x"', 2],
    ['originalhost web', 2],
    ['originalhost web user bob', 2],
    ['user b* host web.*', 2],
    ['localuser me', 2],
    ['all', 2],
    ['!host x', 2],
    ['host=*.example.org', 2],
    ['host web', 22],
    ['user ann', 22],
    ['originalhost web !user bob', 22],
    ['!all', 22],
  ])('Match %s: port %i', (criteria, port) => {
    expect(one(`Host web\n  HostName web.example.org\n  User bob\nMatch ${criteria}\n  Port 2\n`, 'web').port).toBe(
      port,
    );
  });
  it('refuses to run commands, and says what it does not follow, each with its line', () => {
    const { value, diagnostics } = read(
      'Host a\n  ProxyCommand nc %h %p\n  StrictHostKeyChecking no\nMatch exec "true"\n  Port 2\nMatch canonical\n  Port 3\n',
    );
    expect(value).toBeUndefined();
    expect(diagnostics.map(({ severity, summary, source }) => `${source?.line} ${severity} ${summary}`)).toEqual([
      '4 error `Match exec` is refused',
      '6 warning `Match canonical` is not followed',
      '2 warning `ProxyCommand nc %h %p` is not followed',
      '3 warning `StrictHostKeyChecking no` is not followed',
    ]);
  });
  it.each([
    ['Host a\n  Port many\n', '2 `many` is no Port'],
    ['Host a\n  User\n', '2 `User` has no value'],
    ['Host "a\n', '1 a quote is not closed behind `Host`'],
    ['Match host\n', '1 `Match host` has no value'],
  ])('%j: %s', (text, expected) => {
    const [first] = read(text).diagnostics;
    expect(`${first?.source?.line} ${first?.summary}`).toBe(expected);
  });
  it('refuses files that include each other', () => {
    const files = { '/home/me/.ssh/a': 'Include b\n', '/home/me/.ssh/b': 'Include a\n' };
    expect(read('Include a\n', files).diagnostics).toMatchObject([{ summary: 'files include each other' }]);
  });
});

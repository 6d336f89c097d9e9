import { parseRoster, parseSshConfig } from '@edge-run/master/ssh';
import { describe, expect, it } from 'vitest';

describe('roster file', () => {
  it("takes Salt's keys, and a bare host name", () => {
    const { value, diagnostics } = parseRoster({
      web1: '192.0.2.1',
      web2: {
        host: '192.0.2.2',
        port: '2222',
        user: 'deploy',
        passwd: 1234,
        priv: '/keys/a',
        sudo: true,
        sudo_user: 'app',
        timeout: 5,
        minion_opts: { a: 1 },
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
      keyFiles: ['/keys/a'],
      sudo: true,
      sudoUser: 'app',
      connectTimeoutMs: 5_000,
      minionOpts: { a: 1 },
      grains: { role: 'web' },
      proxyJump: ['jump', 'bob@other:22'],
    });
    expect(value?.[1]?.password?.reveal()).toBe('1234');
    expect(JSON.stringify(value)).not.toContain('1234');
  });
  it('reports every problem at once, with suggestions', () => {
    const { value, diagnostics } = parseRoster({ a: { hots: 'x' }, b: { port: 'many' }, c: { sudo: 'perhaps' } });
    expect(value).toBeUndefined();
    expect(diagnostics).toHaveLength(3);
    expect(diagnostics[0]).toMatchObject({ summary: 'a: unknown roster key `hots`', detail: 'did you mean `host`?' });
  });
  it('says which keys have no effect', () => {
    const { value, diagnostics } = parseRoster({ a: { thin_dir: '/tmp' } });
    expect(value).toHaveLength(1);
    expect(diagnostics).toMatchObject([{ severity: 'warning', summary: 'a: `thin_dir` has no effect' }]);
  });
});

describe('ssh_config', () => {
  const read = (text: string) => parseSshConfig(text, { file: 'config', user: 'me', home: '/home/me' });

  it('gives a target for each name that is no pattern, with what the patterns add', () => {
    const { value } = read(
      'Host web1 web-2\n  HostName 192.0.2.1\n  IdentityFile ~/.ssh/a\n  IdentityFile "~/.ssh/b c"\nHost jump *.lab\n  ProxyJump none\nHost *\n  User deploy\n  Port 2222\n  ProxyJump bob@jump:22,other\n  ConnectTimeout 7\n',
    );
    expect(value?.map(({ id }) => id)).toEqual(['web1', 'web-2', 'jump']);
    expect(value?.[0]).toMatchObject({
      host: '192.0.2.1',
      user: 'deploy',
      port: 2222,
      keyFiles: ['/home/me/.ssh/a', '/home/me/.ssh/b c'],
      proxyJump: ['bob@jump:22', 'other'],
      connectTimeoutMs: 7_000,
    });
    expect(value?.[2]).toMatchObject({ id: 'jump', host: 'jump', proxyJump: [] });
  });
  it('says what it does not follow, with the line', () => {
    const { value, diagnostics } = read('Include other\nHost a\n  Port 1\nMatch exec "true"\n  Port 2\n');
    expect(value).toHaveLength(1);
    expect(diagnostics.map(({ summary, source }) => `${source?.line} ${summary}`)).toEqual([
      '1 `Include` is not followed',
      '4 `Match` is not followed',
    ]);
  });
});

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DiagnosticsError, Secret } from '@edge-run/shared/kernel';
import { encodeValue, PyMap, revealValue, toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testPillars } from '../../support/compile-pillar.ts';
import { type Asked, compileFor, given } from '../../support/external-pillar.ts';
import { FakeVault } from '../../support/fake-vault.ts';
import { WebServer } from '../../support/web-server.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'edge-ext-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
}

describe('file_tree', () => {
  beforeAll(async () => {
    await write({
      'tree/hosts/web1/cert/web.pem': 'PEM\n',
      'tree/hosts/web1/motd': 'mine\n',
      'tree/hosts/web1/raw': new Uint8Array([0xff, 0x00, 0x0a]),
      'tree/hosts/web2/motd': 'not mine\n',
      'tree/nodegroups/all/motd': 'all\n',
      'tree/nodegroups/all/cert/ca.pem': 'CA\n',
      'tree/nodegroups/none/secret': 'no\n',
      'elsewhere/linked': 'linked\n',
    });
    await symlink(join(dir, 'elsewhere'), join(dir, 'tree/hosts/web1/link'));
  });
  const services = { nodegroups: { all: '*', none: 'nobody*' } };

  it('gives the tree of the host over those of its nodegroups, without the last line end', async () => {
    const tree = await given({ file_tree: { root_dir: join(dir, 'tree') } }, { services });
    const cert = { 'ca.pem': 'CA', 'web.pem': 'PEM' };
    expect(tree).toEqual({ cert, motd: 'mine', raw: new Uint8Array([0xff, 0x00]) });
  });

  it('keeps line ends, of all files or of those that match', async () => {
    const root_dir = join(dir, 'tree');
    expect(await given({ file_tree: { root_dir, keep_newline: true } })).toMatchObject({ motd: 'mine\n' });
    const some = await given({ file_tree: { root_dir, keep_newline: ['cert/*'] } });
    expect(some).toMatchObject({ motd: 'mine', cert: { 'web.pem': 'PEM\n' } });
  });

  it('follows links to folders only when told to', async () => {
    const root_dir = join(dir, 'tree');
    expect(await given({ file_tree: { root_dir } })).not.toHaveProperty('link');
    expect(await given({ file_tree: { root_dir, follow_dir_links: true } })).toMatchObject({
      link: { linked: 'linked' },
    });
  });

  it('gives nothing to a host it does not know, and is an error without its folder', async () => {
    expect(await given({ file_tree: { root_dir: join(dir, 'tree') } }, { id: 'other' })).toEqual({});
    const { value, problems } = await compileFor({ entries: [{ file_tree: { root_dir: join(dir, 'gone') } }] });
    expect(value).toBeUndefined();
    expect(problems).toEqual([
      ['EDGE_PILLAR_SOURCE_FAILED', `external pillar \`file_tree\` failed: there is no folder ${join(dir, 'gone')}`],
    ]);
  });
});

describe('cmd_yaml and cmd_json', () => {
  it('run the words without a shell, %s being the id', async () => {
    expect(await given({ cmd_yaml: `echo '{id: %s, extra: $(id)}'` })).toEqual({ id: 'web1', extra: '$(id)' });
    expect(await given({ cmd_json: ['printf', '{"id": "%s"}'] })).toEqual({ id: 'web1' });
  });

  for (const [what, entry, says] of [
    ['fails', { cmd_yaml: "sh -c 'echo a: 1; echo broken >&2; exit 3'" }, 'sh exited 3: broken'],
    [
      'does not end',
      { cmd_yaml: { command: 'sleep 60', timeout: 0.2 } },
      'external pillar cmd_yaml did not end within 200 ms',
    ],
    ['writes something else', { cmd_json: 'echo hello' }, /echo did not answer json/],
    ['writes no mapping', { cmd_yaml: 'echo hello' }, 'echo answered yaml that is not a mapping'],
    ['is missing', { cmd_yaml: '/no/such/program %s' }, /\/no\/such\/program/],
  ] as const) {
    it(`a command that ${what} fails the whole pillar and says why`, async () => {
      const trees = { base: { 'top.sls': "base: {'*': [a]}\n", 'a.sls': 'kept: no\n' } };
      const { value, problems } = await compileFor({ trees, entries: [entry] });
      expect(value).toBeUndefined();
      expect(problems).toHaveLength(1);
      const [code, summary] = problems[0]!;
      expect(code).toBe('EDGE_PILLAR_SOURCE_FAILED');
      expect(summary).toMatch(/^external pillar `cmd_(yaml|json)` failed: /);
      expect(summary).toMatch(says instanceof RegExp ? says : new RegExp(`failed: ${says}$`));
    });
  }

  it('an id that is more than a name is put into no command', async () => {
    const { problems } = await compileFor({ entries: [{ cmd_yaml: ['sh', '-c', 'echo %s'] }], id: 'a;touch /tmp/x' });
    expect(problems[0]![1]).toContain('is not put into a command');
  });
});

describe('http_json and http_yaml', () => {
  let web: WebServer;
  beforeAll(async () => {
    web = await WebServer.start((request, response) => {
      if (request.url!.startsWith('/slow')) return;
      if (request.url!.startsWith('/broken')) return void response.writeHead(503).end('hidden-detail');
      const id = decodeURIComponent(request.url!.split('/')[2] ?? '');
      response.end(request.url!.startsWith('/yaml') ? `id: ${id}\nport: 80\n` : JSON.stringify({ id, port: 80 }));
    });
  });
  afterAll(() => web.stop());

  it('ask with the id in the address, encoded, and with headers', async () => {
    const entry = { http_json: { url: `${web.url}/json/%s`, headers: { 'x-key': 'k' }, username: 'u', password: 'p' } };
    expect(await given(entry, { id: 'web 1/x' })).toEqual({ id: 'web 1/x', port: 80 });
    expect(web.asked.at(-1)).toBe('GET /json/web%201%2Fx');
    expect(web.headers.at(-1)).toMatchObject({ 'x-key': 'k', authorization: 'Basic dTpw' });
    expect(await given({ http_yaml: `${web.url}/yaml/%s` })).toEqual({ id: 'web1', port: 80 });
  });

  it('put grains into the address when told to', async () => {
    await given({ http_json: { url: `${web.url}/json/<os>/<roles:1>`, with_grains: true } });
    expect(web.asked.at(-1)).toBe('GET /json/Debian/db');
    const { problems } = await compileFor({
      entries: [{ http_json: { url: `${web.url}/<nope>`, with_grains: true } }],
    });
    expect(problems[0]![1]).toContain('web1 has no grain nope');
  });

  it('an answer that is none, or none in time, or nobody there, fails the pillar', async () => {
    const login = web.url.replace('http://', 'http://user:hunter2@');
    const entries = [
      { http_json: `${web.url}/broken/%s?token=hunter2` },
      { http_json: { url: `${web.url}/slow`, timeout: 0.2 } },
      { http_yaml: 'http://127.0.0.1:1/' },
      { http_yaml: `${login}/broken` },
    ];
    const { value, problems } = await compileFor({ entries });
    expect(value).toBeUndefined();
    expect(problems.map(([, summary]) => summary)).toEqual([
      `external pillar \`http_json\` failed: ${web.url}/broken/web1?… answered 503`,
      'external pillar `http_json 2` failed: external pillar http_json 2 did not end within 200 ms',
      expect.stringMatching(/^external pillar `http_yaml` failed: http:\/\/127.0.0.1:1\/: fetch failed/),
      `external pillar \`http_yaml 2\` failed: ${web.url}/broken answered 503`,
    ]);
    expect(JSON.stringify(problems)).not.toMatch(/hunter2|hidden-detail/);
  });
});

describe('vault', () => {
  let vault: FakeVault;
  beforeAll(async () => {
    vault = await FakeVault.start({
      'secret/minions/web1': { password: 'hunter2', port: 5432, nested: { key: 'deep-secret' }, on: true },
      'secret/roles/web': { web: 'web-secret' },
      'secret/roles/db': { db: 'db-secret' },
      'old/web1': { legacy: 'old-secret' },
    });
  });
  afterAll(() => vault.web.stop());
  const server = (auth: object = { method: 'token', token: 'root-token' }): Asked => ({
    services: { vault: { url: vault.url, auth } as never },
  });

  it('reads key/value engines of both versions, every value sealed', async () => {
    const { value, data } = await compileFor({
      entries: [
        { vault: 'path=secret/minions/{minion}' },
        { vault: { conf: 'path=old/{minion}', nesting_key: 'old' } },
      ],
      ...server(),
    });
    expect(data).toEqual({
      ...{ password: 'hunter2', port: 5432, nested: { key: 'deep-secret' }, on: true },
      old: { legacy: 'old-secret' },
    });
    expect(value!.get('password')).toBeInstanceOf(Secret);
    expect(JSON.stringify(encodeValue(value!))).not.toMatch(/hunter2|deep-secret|old-secret|5432/);
  });

  it('reads one path per item of a list in pillar or grains, and nothing where nothing is', async () => {
    const trees = { base: { 'top.sls': "base: {'*': [a]}\n", 'a.sls': 'roles: [web, db]\n' } };
    expect(await given({ vault: 'path=secret/roles/{pillar[roles]}' }, { trees, ...server() })).toMatchObject({
      web: 'web-secret',
      db: 'db-secret',
    });
    expect(await given({ vault: 'path=secret/roles/{grains[role]}' }, server())).toEqual({ web: 'web-secret' });
    expect(await given({ vault: 'path=secret/roles/{grains[nope]} path=secret/none' }, server())).toEqual({});
  });

  it('does not let a grain walk to the secrets of others', async () => {
    const grains = { role: '../minions/web1' };
    expect(await given({ vault: 'path=secret/roles/{grains[role]}' }, { grains, ...server() })).toEqual({});
    expect(vault.web.asked.at(-1)).toBe('GET /v1/secret/data/roles/..%2Fminions%2Fweb1');
    const { problems } = await compileFor({
      entries: [{ vault: 'path=secret/{grains[role]}/x' }],
      grains: { role: '..' },
      ...server(),
    });
    expect(problems).toHaveLength(1);
  });

  it('logs in by role once, and again when its token was revoked', async () => {
    const auth = { method: 'approle', role_id: 'edge', secret_id: 'sid', mount: 'approle' };
    const pillars = testPillars({ entries: [{ vault: 'path=secret/roles/web' }], ...server(auth) });
    const ask = async () =>
      toPlain(revealValue((await pillars({ id: 'web1', grains: new PyMap(), pillarenv: undefined })).value!));
    const before = vault.logins;
    expect(await ask()).toEqual({ web: 'web-secret' });
    expect(await ask()).toEqual({ web: 'web-secret' });
    expect(vault.logins).toBe(before + 1);
    vault.tokens.delete(`token-${vault.logins}`);
    expect(await ask()).toEqual({ web: 'web-secret' });
    expect(vault.logins).toBe(before + 2);
  });

  it('says what Vault says when it refuses, and never its token', async () => {
    const wrong = await compileFor({
      entries: [{ vault: 'path=secret/x' }],
      ...server({ method: 'token', token: 'hunter2' }),
    });
    expect(wrong.value).toBeUndefined();
    expect(wrong.problems[0]![1]).toMatch(/Vault at http:.* answered 403 for .*: permission denied/);
    const role = { method: 'approle', role_id: 'edge', secret_id: 'hunter2', mount: 'approle' };
    const login = await compileFor({ entries: [{ vault: 'path=secret/x' }], ...server(role) });
    expect(login.problems[0]![1]).toContain('answered 400 for auth/approle/login: invalid role or secret ID');
    expect(JSON.stringify([wrong.problems, login.problems])).not.toContain('hunter2');
  });

  it('is seen by pillar files with ext_pillar_first, and what they make of it is as secret', async () => {
    const trees = {
      base: {
        'top.sls': "base: {'*': [a]}\n",
        'a.sls':
          'url: postgres://u:{{ pillar.password }}@db\nport: {{ pillar.port + 1 }}\nplain: yes\nlist: [{{ pillar.port }}]\n',
      },
    };
    const settings = { ext_pillar_first: true };
    const { value, data } = await compileFor({
      trees,
      settings,
      entries: [{ vault: 'path=secret/minions/{minion}' }],
      ...server(),
    });
    expect(data).toMatchObject({ url: 'postgres://u:hunter2@db', port: 5433, plain: true, list: [5432] });
    expect(encodeValue(value!)).toMatchObject({ url: '[secret]', plain: true, list: ['[secret]'] });
  });
});

describe('what is wrong in a pillar file', () => {
  it('is shown without the secrets its templates were given', async () => {
    const vault = await FakeVault.start({ 'secret/web1': { password: 'hunter2' } });
    try {
      for (const text of [
        'a: [{{ pillar.password }}\n',
        '{{ pillar.password.nope() }}\n',
        "{{ raise('saw ' ~ pillar.password) }}\n",
      ]) {
        const pillars = testPillars({
          trees: { base: { 'top.sls': "base: {'*': [a]}\n", 'a.sls': text } },
          settings: { ext_pillar_first: true },
          entries: [{ vault: 'path=secret/{minion}' }],
          services: { vault: { url: vault.url, auth: { method: 'token', token: 'root-token' } } },
        });
        const { value, diagnostics } = await pillars({ id: 'web1', grains: new PyMap(), pillarenv: undefined });
        expect(value).toBeUndefined();
        expect(diagnostics).toHaveLength(1);
        expect(JSON.stringify(diagnostics), text).not.toContain('hunter2');
      }
    } finally {
      await vault.web.stop();
    }
  });
});

describe('the configuration of ext_pillar', () => {
  for (const [entry, says] of [
    [{ cmd_yml: 'x' }, 'there is no source `cmd_yml`'],
    [{ cmd_yaml: 'x', cmd_json: 'y' }, 'an entry is one source with its settings'],
    [{ cmd_yaml: 'a | b' }, '`|` needs a shell'],
    [{ cmd_yaml: "echo 'a" }, 'a quote is not closed'],
    [{ file_tree: { root_dir: '/x', follow: true } }, 'ext_pillar[0].file_tree'],
    [{ vault: 'secret/x' }, 'wants path='],
    [{ vault: 'path=secret/x' }, 'has no `vault`'],
    [{ git: ['https://example.org/x.git'] }, 'is not `BRANCH URL`'],
    [{ git: [{ 'master /x': [{ rot: 'pillar' }] }] }, 'rot'],
  ] as const) {
    it(`${JSON.stringify(entry)} is refused`, () => {
      let thrown: unknown;
      try {
        testPillars({ entries: [entry] });
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(DiagnosticsError);
      expect((thrown as DiagnosticsError).diagnostics.map(({ summary }) => summary).join('\n')).toContain(says);
    });
  }
});

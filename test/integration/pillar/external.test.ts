import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { DiagnosticsError, Secret } from '@edge-run/shared/kernel';
import { encodeValue, fromPlain, PyMap, revealValue, toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPillar, testPillars } from '../../support/compile-pillar.ts';
import { FakeVault } from '../../support/fake-vault.ts';
import { eventually } from '../../support/processes.ts';
import { WebServer } from '../../support/web-server.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'edge-ext-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const GRAINS = { os: 'Debian', roles: ['web', 'db'], role: 'web' };

interface Asked extends TestPillar {
  readonly id?: string;
  readonly pillarenv?: string;
  readonly grains?: object;
}

/** The pillar of a host, and what was wrong with it. */
async function compile({ id = 'web1', pillarenv, grains = GRAINS, ...pillar }: Asked) {
  const { value, diagnostics, layers } = await testPillars(pillar)({
    id,
    grains: fromPlain(grains) as PyMap,
    pillarenv,
    layers: true,
  });
  return {
    value,
    data: value && toPlain(revealValue(value)),
    problems: diagnostics.map(({ code, summary }) => [code, summary]),
    layers,
  };
}

/** What one source gives. */
async function given(entry: Readonly<Record<string, unknown>>, more: Asked = {}) {
  const { data, problems } = await compile({ entries: [entry], ...more });
  expect(problems).toEqual([]);
  return data;
}

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
    const { value, problems } = await compile({ entries: [{ file_tree: { root_dir: join(dir, 'gone') } }] });
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
      const { value, problems } = await compile({ trees, entries: [entry] });
      expect(value).toBeUndefined();
      expect(problems).toHaveLength(1);
      const [code, summary] = problems[0]!;
      expect(code).toBe('EDGE_PILLAR_SOURCE_FAILED');
      expect(summary).toMatch(/^external pillar `cmd_(yaml|json)` failed: /);
      expect(summary).toMatch(says instanceof RegExp ? says : new RegExp(`failed: ${says}$`));
    });
  }

  it('an id that is more than a name is put into no command', async () => {
    const { problems } = await compile({ entries: [{ cmd_yaml: ['sh', '-c', 'echo %s'] }], id: 'a;touch /tmp/x' });
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
    const { problems } = await compile({ entries: [{ http_json: { url: `${web.url}/<nope>`, with_grains: true } }] });
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
    const { value, problems } = await compile({ entries });
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
    const { value, data } = await compile({
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
    const { problems } = await compile({
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
    const wrong = await compile({
      entries: [{ vault: 'path=secret/x' }],
      ...server({ method: 'token', token: 'hunter2' }),
    });
    expect(wrong.value).toBeUndefined();
    expect(wrong.problems[0]![1]).toMatch(/Vault at http:.* answered 403 for .*: permission denied/);
    const role = { method: 'approle', role_id: 'edge', secret_id: 'hunter2', mount: 'approle' };
    const login = await compile({ entries: [{ vault: 'path=secret/x' }], ...server(role) });
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
    const { value, data } = await compile({
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

describe('git', () => {
  const git = (...args: string[]) =>
    promisify(execFile)('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args], {
      cwd: join(dir, 'repo'),
    });
  beforeAll(async () => {
    await write({
      'repo/pillar/top.sls': "base: {'*': [a]}\n",
      'repo/pillar/a.sls': 'env: {{ saltenv }}\nos: {{ grains.os }}\nincluded: 0\n',
    });
    await git('init', '-q', '-b', 'master');
    await git('add', '.');
    await git('commit', '-qm', 'one');
    await git('checkout', '-qb', 'dev');
    await write({ 'repo/pillar/top.sls': "dev: {'*': [a]}\n", 'repo/pillar/a.sls': 'env: {{ saltenv }}\nnew: 1\n' });
    await git('commit', '-qam', 'two');
    await git('tag', 'v1');
    await git('checkout', '-q', 'master');
  });

  it('serves the base branch below its root as base, and other branches and tags as environments', async () => {
    const repo = join(dir, 'repo');
    const entries = [
      { git: [{ [`master ${repo}`]: [{ root: 'pillar' }] }, { [`dev file://${repo}`]: [{ root: 'pillar' }] }] },
    ];
    expect(await given(entries[0]!, { pillarenv: 'base' })).toEqual({ env: 'base', os: 'Debian', included: 0 });
    expect(await given(entries[0]!, { pillarenv: 'dev' })).toEqual({ env: 'dev', new: 1 });
    const both = await compile({ entries });
    expect(both.data).toEqual({ env: 'dev', os: 'Debian', included: 0, new: 1 });
    expect(both.layers!.map(({ source }) => source)).toEqual([
      `external: git ${repo} master base: a.sls`,
      `external: git file://${repo} dev dev: a.sls`,
    ]);
    const tag = { git: [{ [`v1 ${repo}`]: [{ root: 'pillar' }, { env: 'dev' }] }] };
    expect(await given(tag, { pillarenv: 'dev' })).toEqual({ env: 'dev', new: 1 });
  });

  it('__env__ is the branch of the environment that is asked for', async () => {
    const entry = { git: [{ [`__env__ ${join(dir, 'repo')}`]: [{ root: 'pillar' }] }] };
    expect(await given(entry, { pillarenv: 'dev' })).toEqual({ env: 'dev', new: 1 });
    expect(await given(entry)).toMatchObject({ env: 'base' });
  });

  it('sees a commit at the next question, and serves below a mountpoint', async () => {
    const mounted = { git: [{ [`master ${join(dir, 'repo')}`]: [{ root: 'pillar' }, { mountpoint: 'team' }] }] };
    const top = { git: [{ [`master ${join(dir, 'tops')}`]: [] }] };
    await write({ 'tops/top.sls': "base: {'*': [team.a]}\n" });
    const here = { cwd: join(dir, 'tops') };
    await promisify(execFile)(
      'sh',
      ['-c', 'git init -q -b master && git add . && git -c user.name=t -c user.email=t@e commit -qm one'],
      here,
    );
    const entry = { git: [...top.git, ...mounted.git] };
    expect(await given(entry)).toMatchObject({ included: 0 });
    await write({ 'repo/pillar/a.sls': 'included: 1\n' });
    await git('commit', '-qam', 'three');
    expect(await given(entry)).toEqual({ included: 1 });
  });

  it('keeps a copy of a repository elsewhere, and fetches it again when it is old', async () => {
    const port = await freePort();
    const base = [`--base-path=${dir}`, '--export-all', '--reuseaddr', '--listen=127.0.0.1', `--port=${port}`];
    const daemon = spawn('git', ['daemon', ...base, dir], { stdio: 'ignore', detached: true });
    try {
      const entry = { git: [{ [`master git://127.0.0.1:${port}/repo`]: [{ root: 'pillar' }] }] };
      const options = { base: 'master', includes: true, cacheDir: join(dir, 'copies') };
      const asking = (updateIntervalMs: number) =>
        testPillars({ entries: [entry], services: { git: { ...options, updateIntervalMs } } });
      const ask = async (pillars: ReturnType<typeof testPillars>) => {
        const { value } = await pillars({ id: 'web1', grains: fromPlain(GRAINS) as PyMap, pillarenv: undefined });
        return value && toPlain(value);
      };
      const [patient, eager] = [asking(3_600_000), asking(0)];
      await eventually(async () => (await ask(eager)) !== undefined, 'the daemon serves the repository');
      await write({ 'repo/pillar/a.sls': 'fetched: 1\n' });
      await git('commit', '-qam', 'four');
      expect(await ask(patient)).toEqual({ fetched: 1 });
      await write({ 'repo/pillar/a.sls': 'fetched: 2\n' });
      await git('commit', '-qam', 'five');
      expect(await ask(patient)).toEqual({ fetched: 1 });
      expect(await ask(eager)).toEqual({ fetched: 2 });
    } finally {
      if (daemon.exitCode === null) process.kill(-daemon.pid!, 'SIGKILL');
    }
  });

  it('a branch or repository that is not there fails the pillar', async () => {
    const missing = await compile({ entries: [{ git: [`gone ${join(dir, 'repo')}`] }] });
    expect(missing.value).toBeUndefined();
    expect(missing.problems[0]![1]).toContain('has no branch or tag gone');
    const nowhere = await compile({
      entries: [{ git: ['master https://user:hunter2@127.0.0.1:1/x.git'] }],
      services: { git: { base: 'master', includes: true, updateIntervalMs: 1_000, cacheDir: join(dir, 'mirrors') } },
    });
    expect(nowhere.problems[0]![1]).toMatch(/^external pillar `git` failed: cannot fetch https:\/\/127.0.0.1:1\/x.git/);
    expect(JSON.stringify(nowhere.problems)).not.toContain('hunter2');
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

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

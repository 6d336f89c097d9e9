import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fromPlain, type PyMap, toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testPillars } from '../../support/compile-pillar.ts';
import { compileFor, GRAINS, given } from '../../support/external-pillar.ts';
import { eventually } from '../../support/processes.ts';

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
    const both = await compileFor({ entries });
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
    const missing = await compileFor({ entries: [{ git: [`gone ${join(dir, 'repo')}`] }] });
    expect(missing.value).toBeUndefined();
    expect(missing.problems[0]![1]).toContain('has no branch or tag gone');
    const nowhere = await compileFor({
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

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createCatalog } from '@edge-run/shared/execute';
import { gatherFacts } from '@edge-run/shared/modules/facts';
import { toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { isRoot, realHost } from '../../support/real-host.ts';

const catalog = createCatalog();
const plain = (value: unknown): unknown => toPlain(value as Value);

describe('states on this machine', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  const run = (name: string, args: Record<string, unknown>, mode?: 'apply' | 'plan' | 'watch') =>
    runState(catalog.states.get(name)!, ctx, args, mode);
  const git = async (cwd: string, ...args: string[]) => {
    const ran = await real.host.exec(['git', '-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], { cwd });
    if (ran.exitCode !== 0) throw new Error(ran.stderr);
    return ran.stdout.trim();
  };
  const commit = async (origin: string, text: string) => {
    await writeFile(`${origin}/f`, text);
    await git(origin, 'add', 'f');
    await git(origin, 'commit', '-m', text);
    return await git(origin, 'rev-parse', 'HEAD');
  };
  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host, {
      functions: [...catalog.functions.values()],
      opts: { services_dir: `${real.dir}/services`, services_run_dir: `${real.dir}/run` },
    });
  });
  afterAll(() => real.dispose());

  it('git.latest: clones, follows the branch, keeps local changes unless told otherwise', async () => {
    const [origin, target] = [`${real.dir}/origin`, `${real.dir}/deep/er/clone`];
    await git(real.dir, 'init', '-b', 'main', 'origin');
    const first = await commit(origin, 'one');
    const args = { name: origin, target, rev: 'main' };
    expect(await run('git.latest', args, 'plan')).toMatchObject({ result: null });
    expect(await real.host.stat(target)).toBeUndefined();
    expect(plain((await run('git.latest', args)).changes)).toMatchObject({ revision: { old: null, new: first } });
    expect(await git(target, 'branch', '--show-current')).toBe('main');
    expect((await run('git.latest', args)).changes.size).toBe(0);
    const second = await commit(origin, 'two');
    expect(plain((await run('git.latest', args)).changes)).toEqual({ revision: { old: first, new: second } });
    await writeFile(`${target}/f`, 'mine');
    const third = await commit(origin, 'three');
    const refusedRun = await run('git.latest', args);
    expect(refusedRun.result).toBe(false);
    expect(refusedRun.comment).toMatch(/Local changes/);
    expect(await run('git.latest', { ...args, force_checkout: true })).toMatchObject({ result: true });
    expect(await git(target, 'rev-parse', 'HEAD')).toBe(third);
    expect(await run('git.latest', { ...args, rev: first, force_reset: true })).toMatchObject({ result: true });
    expect(await git(target, 'rev-parse', 'HEAD')).toBe(first);
    expect(await git(target, 'branch', '--show-current')).toBe('');
    expect(await run('git.latest', { ...args, rev: 'nowhere' })).toMatchObject({ result: false });
  });
  it('git.latest: a push between looking and acting does not move the goal', async () => {
    const origin = `${real.dir}/origin`;
    const pinned = await git(origin, 'rev-parse', 'HEAD');
    const target = `${real.dir}/pinned`;
    const module = catalog.states.get('git.latest')!;
    const verdict = await module.check(module.args.parse({ name: origin, target, rev: 'main' }), ctx);
    await commit(origin, 'later');
    for (const change of verdict.kind === 'changes' ? verdict.changes : []) await change.apply(ctx);
    expect(await git(target, 'rev-parse', 'HEAD')).toBe(pinned);
  });
  it('git.detached, git.cloned, git.present: converge and then change nothing', async () => {
    const origin = `${real.dir}/origin`;
    const rev = await git(origin, 'rev-parse', 'HEAD~1');
    for (const [name, args] of [
      ['git.detached', { name: origin, target: `${real.dir}/detached`, rev }],
      ['git.cloned', { name: origin, target: `${real.dir}/cloned` }],
      ['git.present', { name: `${real.dir}/bare.git` }],
    ] as const) {
      const made = await run(name, args);
      expect(made.result, `${name}: ${made.comment}`).toBe(true);
      expect(made.changes.size).toBeGreaterThan(0);
      expect((await run(name, args)).changes.size, name).toBe(0);
    }
  });
  it('git.config_set: a clone whose repository is gone fetches from another; several values, and what is refused', async () => {
    const [gone, moved, repo] = ['gone', 'moved.git', 'stale'].map((name) => `${real.dir}/${name}`) as [
      string,
      string,
      string,
    ];
    await git(real.dir, 'clone', '--bare', 'origin', moved);
    await git(real.dir, 'clone', '--bare', 'origin', gone);
    await run('git.cloned', { name: gone, target: repo });
    await rm(gone, { recursive: true });
    // As in Salt: what is cloned is left as it is.
    expect((await run('git.cloned', { name: moved, target: repo })).changes.size).toBe(0);
    await expect(git(repo, 'fetch')).rejects.toThrow();
    const args = { name: 'remote.origin.url', value: moved, repo };
    expect(await run('git.config_set', args, 'plan')).toMatchObject({ result: null });
    expect(plain((await run('git.config_set', args)).changes)).toEqual({ old: [gone], new: [moved] });
    expect((await run('git.config_set', args)).changes.size).toBe(0);
    await git(repo, 'fetch', '--tags', '--force');
    const several = {
      name: 'remote.origin.fetch',
      multivar: ['+refs/heads/*:refs/remotes/origin/*', '+refs/x:refs/x'],
      repo,
    };
    expect(await run('git.config_set', several)).toMatchObject({ result: true });
    expect(await git(repo, 'config', '--get-all', 'remote.origin.fetch')).toBe(several.multivar.join('\n'));
    expect(plain((await run('git.config_set', { name: 'a.b', value: 1, repo })).changes)).toEqual({ new: ['1'] });
    expect(await run('git.config_set', { name: 'a.b', repo })).toMatchObject({ result: false });
    expect(await run('git.config_set', { name: 'a.b', value: 1 })).toMatchObject({ result: false });
  });
  it('service.running: runs a definition that file.serialize wrote, restarts on a watch, and stops', async () => {
    await mkdir(`${real.dir}/services`);
    const file = {
      name: `${real.dir}/services/job.service.json`,
      formatter: 'json',
      dataset: { command: 'exec sleep 300' },
    };
    expect(await run('file.serialize', file)).toMatchObject({ result: true });
    const service = { name: 'job', enable: true };
    expect(plain((await run('service.running', service)).changes)).toEqual({ job: true });
    const pid = async () => (await readFile(`${real.dir}/run/job.pid`, 'utf8')).split('\n')[0];
    const before = await pid();
    expect((await run('service.running', service)).changes.size).toBe(0);
    expect(await run('service.running', service, 'watch')).toMatchObject({ result: true });
    expect(await pid()).not.toBe(before);
    expect(plain((await run('service.dead', { name: 'job', enable: false })).changes)).toEqual({ job: true });
    expect((await run('service.dead', { name: 'job' })).changes.size).toBe(0);
    expect(await run('service.running', { name: 'nothing' })).toMatchObject({ result: false });
  });
  it('module.run: both ways of writing it, and failures', async () => {
    expect(plain((await run('module.run', { name: 'test.echo', text: 'hi' })).changes)).toEqual({ ret: 'hi' });
    const newer = await run('module.run', { name: 'x', 'test.echo': [{ text: 'a' }], 'test.args': [1, 2] });
    expect(plain(newer.changes)).toEqual({ 'test.echo': 'a', 'test.args': [1, 2] });
    const unknown = await run('module.run', { name: 'x', 'test.zork': [] });
    expect(unknown).toMatchObject({ result: false });
    expect(unknown.comment).toContain('test.zork');
    expect(await run('module.run', { name: 'test.false' })).toMatchObject({ result: false });
    expect(await run('module.run', { name: 'test.exception' })).toMatchObject({ result: false });
    expect((await run('module.wait', { name: 'test.ping' })).changes.size).toBe(0);
  });
  it('event.send: sends tag and data', async () => {
    await run('event.send', { name: 'app/deployed', data: { version: '1' } });
    expect(ctx.sent.map(([tag, data]) => [tag, plain(data)])).toContainEqual(['app/deployed', { version: '1' }]);
  });
  it('http.query and http.wait_for_successful_query: compare status and text', async () => {
    let asked = 0;
    const server = createServer((_, answer) => {
      asked += 1;
      answer.statusCode = asked < 3 ? 503 : 200;
      answer.end('{"healthy": true}');
    }).listen(0, '127.0.0.1');
    await new Promise((done) => server.once('listening', done));
    const name = `http://127.0.0.1:${(server.address() as { port: number }).port}/health`;
    expect(await run('http.query', { name, status: 200 })).toMatchObject({ result: false });
    const waited = { name, status: 200, match: 'healthy', request_interval: 0.05, wait_for: 10 };
    expect(await run('http.wait_for_successful_query', waited)).toMatchObject({ result: true });
    expect(asked).toBe(3);
    expect(await run('http.query', { name, status: 200, match: 'ill' })).toMatchObject({ result: false });
    server.close();
    expect(await run('http.wait_for_successful_query', { ...waited, wait_for: 0.2 })).toMatchObject({ result: false });
  });
  it('file.managed: check_cmd judges the new content before it is used', async () => {
    const name = `${real.dir}/checked`;
    expect(await run('file.managed', { name, contents: 'good', check_cmd: 'grep -q good' })).toMatchObject({
      result: true,
    });
    expect(await run('file.managed', { name, contents: 'bad', check_cmd: 'grep -q good' })).toMatchObject({
      result: false,
    });
    expect(await readFile(name, 'utf8')).toBe('good\n');
    expect((await real.host.list(real.dir)).filter((entry) => entry.name.startsWith('checked'))).toHaveLength(1);
  });
  it('facts: this machine is described in the names of Salt', async () => {
    const facts = plain(await gatherFacts(real.host)) as Record<string, unknown>;
    expect(facts).toMatchObject({ id: 'local', kernel: 'Linux', pid: process.pid, uid: process.getuid!() });
    expect(facts.os).toBeTruthy();
    expect(facts.num_cpus).toBeGreaterThan(0);
  });
  describe.skipIf(!isRoot)('as root (skipped: not root)', () => {
    it('user.present, group.present: make, change, and remove', async () => {
      const [user, group] = ['edgetestu', 'edgetestg'];
      try {
        expect(await run('group.present', { name: group })).toMatchObject({ result: true });
        const args = { name: user, groups: [group], shell: '/bin/sh', home: `${real.dir}/home`, fullname: 'Test User' };
        expect(await run('user.present', args)).toMatchObject({ result: true });
        expect((await run('user.present', args)).changes.size).toBe(0);
        const info = await callFunction(catalog.functions.get('user.info')!, ctx, [user]);
        expect(info.answer).toMatchObject({ shell: '/bin/sh', fullname: 'Test User', groups: [group, user].sort() });
        const groups = await real.host.exec(['id', '-Gn'], { runAs: user });
        expect(groups.stdout.trim().split(' ').sort()).toEqual([group, user].sort());
        expect(plain((await run('user.present', { ...args, groups: [], shell: '/bin/false' })).changes)).toEqual({
          shell: '/bin/false',
          groups: [],
        });
        expect(await run('user.present', { name: user, groups: ['edge-no-such'] })).toMatchObject({ result: false });
        await real.host.exec(['chmod', '755', real.dir]);
        expect(
          await run('file.managed', { name: `${real.dir}/theirs`, contents: 'x', user, group, mode: '0600' }),
        ).toMatchObject({ result: true });
        expect(await real.host.stat(`${real.dir}/theirs`)).toMatchObject({ user, group, mode: 0o600 });
      } finally {
        await run('user.absent', { name: user, purge: true });
        await run('group.absent', { name: group });
      }
      expect((await run('user.absent', { name: user })).changes.size).toBe(0);
    });
    it('pkg: knows what is installed', async () => {
      const list = await callFunction(catalog.functions.get('pkg.list_pkgs')!, ctx);
      expect((list.answer as Record<string, string>).dpkg).toMatch(/^\d/);
      expect((await run('pkg.installed', { name: 'dpkg' })).changes.size).toBe(0);
      expect((await run('pkg.removed', { name: 'edge-no-such' })).changes.size).toBe(0);
      expect(await run('pkg.latest', { name: 'edge-no-such' })).toMatchObject({ result: false });
    });
  });
});

import { gitFunctions } from '@edge-run/shared/modules/execution';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext } from '../../support/module-context.ts';
import { realHost } from '../../support/real-host.ts';

const fun = (name: string) => gitFunctions.find((module) => module.name === `git.${name}`)!;

describe('git functions', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  const call = async (name: string, kwargs: Record<string, unknown>) =>
    (await callFunction(fun(name), ctx, [], kwargs)).answer;
  const git = async (cwd: string, ...args: string[]) => {
    const who = ['-c', 'user.name=T', '-c', 'user.email=t@example.com'];
    const ran = await real.host.exec(['git', ...who, ...args], { cwd });
    if (ran.exitCode !== 0) throw new Error(ran.stderr);
    return ran.stdout.trim();
  };
  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host);
    await call('init', { cwd: `${real.dir}/origin`, opts: '-b main' });
    const origin = `${real.dir}/origin`;
    await real.host.writeFile(`${origin}/a`, new Uint8Array(Buffer.from('one\n')), { mode: 0o644 });
    await git(origin, 'add', 'a');
    await git(origin, 'commit', '-m', 'one');
    await git(origin, 'tag', 'v1');
    await git(origin, 'branch', 'next');
    await call('clone', { cwd: `${real.dir}/clone`, url: origin });
  });
  afterAll(() => real.dispose());

  it('revision, current_branch, describe: tell where the clone stands', async () => {
    const cwd = `${real.dir}/clone`;
    const sha = await git(`${real.dir}/origin`, 'rev-parse', 'HEAD');
    expect(await call('revision', { cwd })).toBe(sha);
    expect(await call('revision', { cwd, rev: 'v1', short: true })).toBe(sha.slice(0, 7));
    expect(await call('current_branch', { cwd })).toBe('main');
    expect(await call('describe', { cwd, opts: '--tags' })).toBe('v1');
    expect(await call('list_tags', { cwd })).toEqual(['v1']);
    expect(await call('list_branches', { cwd: `${real.dir}/origin` })).toEqual(['main', 'next']);
    expect(await call('remote_get', { cwd })).toEqual({ fetch: `${real.dir}/origin`, push: `${real.dir}/origin` });
    expect(await call('ls_remote', { cwd, ref: 'refs/heads/main' })).toEqual({ 'refs/heads/main': sha });
  });
  it('fetch, checkout, pull: follow the origin', async () => {
    const [origin, cwd] = [`${real.dir}/origin`, `${real.dir}/clone`];
    await real.host.writeFile(`${origin}/b c`, new Uint8Array(Buffer.from('two\n')), { mode: 0o644 });
    await git(origin, 'add', '.');
    await git(origin, 'commit', '-m', 'two');
    await call('fetch', { cwd, remote: 'origin', refspecs: 'main' });
    await call('pull', { cwd });
    expect(await call('revision', { cwd })).toBe(await git(origin, 'rev-parse', 'HEAD'));
    await call('checkout', { cwd, rev: 'v1', force: true });
    expect(await call('current_branch', { cwd })).toBe('');
    await call('checkout', { cwd, opts: '-b topic' });
    expect(await call('current_branch', { cwd })).toBe('topic');
  });
  it('status: sorts paths by what happened to them', async () => {
    const cwd = `${real.dir}/clone`;
    await real.host.writeFile(`${cwd}/a`, new Uint8Array(Buffer.from('changed\n')), { mode: 0o644 });
    await real.host.writeFile(`${cwd}/new file`, new Uint8Array(), { mode: 0o644 });
    expect(await call('status', { cwd })).toEqual({ modified: ['a'], untracked: ['new file'] });
  });
  it('fails with what git said, never asks for a password, and hides one', async () => {
    await expect(call('checkout', { cwd: `${real.dir}/clone`, rev: 'nowhere' })).rejects.toThrow(/nowhere/);
    await expect(call('checkout', { cwd: `${real.dir}/clone`, rev: '--orphan' })).rejects.toMatchObject({
      code: 'EDGE_BAD_ARGUMENT',
    });
    const url = 'http://me:hidden@127.0.0.1:9/x.git';
    const failure = await call('clone', { cwd: `${real.dir}/no`, url }).catch((error: unknown) => String(error));
    expect(failure).toMatch(/clone/);
    expect(failure).not.toMatch(/hidden/);
  });
  it('is_worktree: tells a repository from a directory', async () => {
    expect(await call('is_worktree', { cwd: `${real.dir}/clone` })).toBe(true);
    expect(await call('is_worktree', { cwd: real.dir })).toBe(false);
    expect(await call('is_worktree', { cwd: `${real.dir}/none` })).toBe(false);
  });
});

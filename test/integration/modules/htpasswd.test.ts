import { existsSync } from 'node:fs';
import { createCatalog } from '@edge-run/shared/execute';
import { toPlain } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { realHost } from '../../support/real-host.ts';

const catalog = createCatalog();
const isInstalled = ['/usr/bin', '/usr/sbin', '/usr/local/bin'].some((folder) => existsSync(`${folder}/htpasswd`));

describe.skipIf(!isInstalled)('webutil (skipped: htpasswd is not installed)', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  let file: string;
  const run = (name: string, args: object, mode?: 'plan') =>
    runState(catalog.states.get(name)!, ctx, { htpasswd_file: file, ...args }, mode);
  const verify = async (user: string, password: string) =>
    (await callFunction(catalog.functions.get('webutil.verify')!, ctx, [file, user, password])).answer;

  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host);
    file = `${real.dir}/users`;
  });
  afterAll(() => real.dispose());

  it('names come with a password that works, get another one and go', async () => {
    const ann = { name: 'ann b', password: "p' $w\\é" };
    const plan = await run('webutil.user_exists', ann, 'plan');
    expect([plan.result, await real.host.stat(file)]).toEqual([null, undefined]);
    expect(JSON.stringify([plan.comment, toPlain(plan.changes)])).not.toContain('$w');
    expect(await run('webutil.user_exists', ann)).toMatchObject({ result: true });
    expect(await verify(ann.name, ann.password)).toBe(true);
    expect(await verify(ann.name, 'other')).toBe(false);
    expect(await verify('nobody', 'other')).toBe(false);

    expect(await run('htpasswd.user_exists', { name: 'bob', password: 42, options: '-B' })).toMatchObject({
      result: true,
    });
    expect(Buffer.from(await real.host.readFile(file)).toString()).toMatch(/^ann b:\$apr1\$.*\nbob:\$2y\$/);

    const other = { ...ann, password: 'other' };
    expect((await run('webutil.user_exists', other)).comment).toBe('User already known');
    expect((await run('webutil.user_exists', { ...other, update: true }, 'plan')).result).toBeNull();
    expect((await run('webutil.user_exists', { ...other, update: true })).changes.size).toBe(1);
    expect((await run('webutil.user_exists', { ...other, update: true, force: true })).changes.size).toBe(0);
    expect(await verify(ann.name, 'other')).toBe(true);

    expect((await run('webutil.user_absent', { name: 'ann b' }, 'plan')).result).toBeNull();
    expect((await run('webutil.user_absent', { name: 'ann b' })).changes.size).toBe(1);
    expect((await run('webutil.user_absent', { name: 'ann b' })).comment).toBe('User already not in file');
    expect((await run('webutil.user_absent', { name: 'x', htpasswd_file: '/none/users' })).result).toBe(true);
    const failed = await run('webutil.user_exists', { ...ann, htpasswd_file: '/none/users' });
    expect([failed.result, failed.comment.includes('$w')]).toEqual([false, false]);
  });

  it.each([
    { name: 'a:b' },
    { name: '-D' },
    { password: 'two\nlines' },
    { options: 'n' },
    { options: 'c' },
    { htpasswd_file: 'users' },
  ])('%j is refused', async (wrong) => {
    await expect(run('webutil.user_exists', { name: 'ann', password: 'p', ...wrong })).rejects.toThrow();
  });
});

import { readFile } from 'node:fs/promises';
import { createCatalog } from '@edge-run/shared/execute';
import { fromPlain, PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { realHost } from '../../support/real-host.ts';

const catalog = createCatalog();

describe('file functions and states on this machine', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  const call = async (name: string, args: unknown[], kwargs = {}) =>
    toPlain((await callFunction(catalog.functions.get(name)!, ctx, args, kwargs)).answer as Value);
  const run = (name: string, args: Record<string, unknown>) => runState(catalog.states.get(name)!, ctx, args);
  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host, {
      files: { 'www/a.txt': '{{ who }}\n', 'www/sub/b.txt': 'b\n', 'www/.git/x': 'x\n' },
      render: (text, variables) => text.replace('{{ who }}', String(variables.get('who'))),
    });
  });
  afterAll(() => real.dispose());

  it('functions: write, look, edit, copy, link, remove', async () => {
    const path = `${real.dir}/d/f`;
    await call('file.makedirs', [path]);
    await call('file.write', [path, 'port=80', 'host=a']);
    await call('file.append', [path, 'x=1']);
    expect(await call('file.read', [path])).toBe('port=80\nhost=a\nx=1\n');
    expect(await call('file.search', [path, '^host'])).toBe(true);
    expect(await call('file.search', [`${path}.no`, 'x'], { ignore_if_missing: true })).toBe(false);
    await expect(call('file.search', [`${path}.no`, 'x'])).rejects.toMatchObject({ code: 'EDGE_FILE_NOT_FOUND' });
    expect(await call('file.contains', [path, 'host=a'])).toBe(true);
    expect(await call('file.replace', [path, '^port=.*$', 'port=81'])).toContain('+port=81');
    expect(await readFile(`${path}.bak`, 'utf8')).toContain('port=80');
    expect(await call('file.line', [path], { mode: 'delete', match: '^x=' })).toContain('-x=1');
    await call('file.set_mode', [path, '0600']);
    expect(await call('file.get_mode', [path])).toBe('0600');
    expect(await call('file.get_hash', [path, 'md5'])).toMatch(/^[0-9a-f]{32}$/);
    await call('file.symlink', [path, `${real.dir}/l`]);
    expect(await call('file.readlink', [`${real.dir}/l`])).toBe(path);
    expect(await call('file.stats', [`${real.dir}/l`])).toMatchObject({ type: 'file', mode: '0600' });
    await call('file.copy', [`${real.dir}/d`, `${real.dir}/e`], { recurse: true });
    expect(await call('file.find', [`${real.dir}/e`], { type: 'f', name: 'f*' })).toEqual([
      `${real.dir}/e/f`,
      `${real.dir}/e/f.bak`,
    ]);
    await call('file.rename', [`${real.dir}/e/f`, `${real.dir}/e/g`]);
    expect(await call('file.file_exists', [`${real.dir}/e/g`])).toBe(true);
    expect(await call('file.remove', [`${real.dir}/e`])).toBe(true);
    expect(await call('file.directory_exists', [`${real.dir}/e`])).toBe(false);
    expect(await call('file.remove', [`${real.dir}/e`])).toBe(false);
    await expect(call('file.remove', ['relative'])).rejects.toThrow(/absolute/);
  });
  it('recurse: renders, leaves out, cleans, and then changes nothing', async () => {
    const args = {
      name: `${real.dir}/www`,
      source: 'salt://www',
      clean: true,
      template: 'jinja',
      context: { who: 'me' },
      exclude_pat: 'E@^\\.git',
      file_mode: '0640',
    };
    expect(await run('file.recurse', args)).toMatchObject({ result: true });
    await call('file.makedirs', [`${real.dir}/www/old/`]);
    await call('file.touch', [`${real.dir}/www/old/file`]);
    const cleaned = await run('file.recurse', args);
    expect(cleaned).toMatchObject({ result: true });
    expect(cleaned.changes.size).toBe(1);
    expect((await run('file.recurse', args)).changes.size).toBe(0);
    expect((await real.host.list(`${real.dir}/www`)).map(({ name }) => name)).toEqual(['a.txt', 'sub']);
    expect(await readFile(`${real.dir}/www/a.txt`, 'utf8')).toBe('me\n');
  });
  it('recurse: cleaning leaves what is excluded and what required states manage', async () => {
    const name = `${real.dir}/www2`;
    const args = { name, source: 'salt://www', clean: true, exclude_pat: ['E@\\.git', '*.keep'], backup: false };
    await run('file.recurse', args);
    for (const path of ['x.keep', 'own', 'gone/deep', 'sub/also.keep', '.git/config']) {
      await call('file.makedirs', [`${name}/${path}`]);
      await call('file.write', [`${name}/${path}`, 'x']);
    }
    const required = [{ state: 'file', fun: 'managed', name: `${name}/own`, env: 'base', args: new PyMap() }];
    const cleaned = await runState(catalog.states.get('file.recurse')!, { ...ctx, required }, args);
    expect(toPlain(cleaned.changes)).toEqual({ removed: [`${name}/gone`, `${name}/gone/deep`] });
  });
  it('directory: cleaning removes what nobody manages, and nothing outside', async () => {
    const name = `${real.dir}/clean`;
    const outside = `${real.dir}/outside`;
    for (const dir of ['old/deep', 'mine/inner', 'tree/sub', 'half/x'])
      await call('file.makedirs', [`${name}/${dir}/`]);
    await call('file.makedirs', [`${outside}/`]);
    await call('file.write', [`${outside}/precious`, 'x']);
    for (const file of [
      'old/deep/f',
      'mine/inner/f',
      'tree/a.txt',
      'tree/sub/b.txt',
      'tree/stray',
      'half/keep',
      'stray',
    ])
      await call('file.write', [`${name}/${file}`, 'x']);
    await call('file.symlink', [outside, `${name}/link`]);
    await call('file.symlink', [outside, `${name}/mine/link`]);
    const state = (fun: string, path: string, args = {}) => ({
      state: 'file',
      fun,
      name: `${name}/${path}`,
      env: 'base',
      args: fromPlain(args) as PyMap,
    });
    const required = [
      state('directory', 'mine'),
      state('recurse', 'tree', { source: 'salt://www', exclude_pat: '.git/*' }),
      state('managed', 'half/keep'),
      state('managed', 'not/yet'),
    ];
    const clean = (mode: 'apply' | 'plan', extra = {}) =>
      runState(catalog.states.get('file.directory')!, { ...ctx, required }, { name, clean: true, ...extra }, mode);
    const gone = ['half/x', 'link', 'old', 'old/deep', 'old/deep/f', 'stray', 'tree/stray'].map(
      (path) => `${name}/${path}`,
    );
    const planned = await clean('plan');
    expect(planned.result).toBeNull();
    expect(planned.changes).toEqual(
      new PyMap(gone.map((path) => [path, new PyMap([['removed', 'Removed due to clean']])])),
    );
    expect(await clean('plan', { exclude_pat: ['old/deep/f', 'E@^(link|stray|half/x|tree/stray)$'] })).toMatchObject({
      result: true,
    });
    // What is removed is not given an owner first.
    const done = await clean('apply', { recurse: ['mode'], dir_mode: '0750', file_mode: '0640' });
    expect(done.result).toBe(true);
    expect(toPlain(done.changes)).toMatchObject({ removed: gone });
    expect((await clean('apply')).changes.size).toBe(0);
    expect((await real.host.list(name)).map((entry) => entry.name)).toEqual(['half', 'mine', 'tree']);
    expect((await real.host.stat(`${name}/mine/link`))?.kind).toBe('symlink');
    expect(await readFile(`${outside}/precious`, 'utf8')).toBe('x\n');
    expect(await clean('apply', { max_depth: 1 })).toMatchObject({ result: false });
    await call('file.symlink', ['/', `${real.dir}/all`]);
    expect(await run('file.directory', { name: `${real.dir}/all`, clean: true })).toMatchObject({
      result: false,
      comment: expect.stringContaining('Refusing'),
    });
    const { required: _, ...alone } = ctx;
    expect(await runState(catalog.states.get('file.directory')!, alone, { name, clean: true })).toMatchObject({
      result: false,
      comment: expect.stringContaining('run of states'),
    });
  });
  it('managed: follows a symlink, keeps a backup, and keeps owner and mode', async () => {
    const [file, link] = [`${real.dir}/real`, `${real.dir}/link`];
    await call('file.write', [file, 'old']);
    await call('file.set_mode', [file, '0604']);
    await call('file.symlink', [file, link]);
    expect(await run('file.managed', { name: link, contents: 'new', backup: '.orig' })).toMatchObject({ result: true });
    expect(await readFile(file, 'utf8')).toBe('new\n');
    expect((await real.host.stat(link))?.kind).toBe('symlink');
    expect(await call('file.get_mode', [file])).toBe('0604');
    expect(await readFile(`${file}.orig`, 'utf8')).toBe('old\n');
    expect(await run('file.managed', { name: `${real.dir}/none/f`, contents: 'x' })).toMatchObject({ result: false });
    const digest = { name: `${real.dir}/h`, source: 'salt://www/sub/b.txt', source_hash: `sha256=${'0'.repeat(64)}` };
    expect(await run('file.managed', digest)).toMatchObject({ result: false });
  });
  it('symlink, absent, directory: replace only when told', async () => {
    const name = `${real.dir}/place`;
    await call('file.write', [name, 'x']);
    expect(await run('file.symlink', { name, target: '/etc' })).toMatchObject({ result: false });
    expect(await run('file.symlink', { name, target: '/etc', force: true })).toMatchObject({ result: true });
    expect(await run('file.symlink', { name, target: '/usr' })).toMatchObject({ result: true });
    expect((await real.host.stat(name))?.linkTarget).toBe('/usr');
    expect(await run('file.absent', { name })).toMatchObject({ result: true });
    expect((await real.host.stat('/usr/bin'))?.kind).toBeDefined();
    expect((await run('file.absent', { name })).changes.size).toBe(0);
    expect(await run('file.absent', { name: '//' })).toMatchObject({ result: false });
  });
  it('rsync: copies and answers how it ended', async () => {
    await call('file.makedirs', [`${real.dir}/from/`]);
    await call('file.write', [`${real.dir}/from/f`, 'x']);
    expect(await call('rsync.rsync', [`${real.dir}/from/`, `${real.dir}/to/`])).toMatchObject({ retcode: 0 });
    expect(await readFile(`${real.dir}/to/f`, 'utf8')).toBe('x\n');
    expect(await call('rsync.rsync', ['/edge/no/such', `${real.dir}/to/`])).toMatchObject({ retcode: 23 });
  });
});

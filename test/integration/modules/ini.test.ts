import { readFile, writeFile } from 'node:fs/promises';
import { createCatalog } from '@edge-run/shared/execute';
import { Secret } from '@edge-run/shared/kernel';
import { PyMap, toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { realHost } from '../../support/real-host.ts';

const catalog = createCatalog();

describe('INI files on this machine', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  let name: string;
  const call = async (fun: string, args: unknown[], kwargs = {}) =>
    toPlain((await callFunction(catalog.functions.get(fun)!, ctx, args, kwargs)).answer as Value);
  const run = async (fun: string, args: object, mode: 'apply' | 'plan' = 'apply') => {
    const end = await runState(catalog.states.get(`ini.${fun}`)!, ctx, { name, ...args }, mode);
    return { result: end.result, changes: toPlain(end.changes) };
  };
  const quiet = { result: true, changes: {} };
  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host);
    name = `${real.dir}/app.ini`;
  });
  afterAll(() => real.dispose());

  it('options_present: Salt’s changes, comments and order stay, and then nothing changes', async () => {
    await writeFile(name, '# top\nmode = old\n\n[main]\n; about the port\nport=80\nhost = a\n', { mode: 0o640 });
    const sections = { mode: 'new', level: 1.0, main: { port: 81, debug: true }, fresh: { none: null } };
    const changes = {
      mode: { before: 'old', after: 'new' },
      level: { before: null, after: '1' },
      main: { port: { before: '80', after: '81' }, debug: { before: null, after: 'True' } },
      fresh: { before: null, after: { none: 'None' } },
    };
    expect(await run('options_present', { sections }, 'plan')).toEqual({ result: null, changes });
    expect(await run('options_present', { sections })).toEqual({ result: true, changes });
    expect(await readFile(name, 'utf8')).toBe(
      '# top\nmode = new\nlevel = 1\n\n[main]\n; about the port\nport=81\nhost = a\ndebug = True\n\n[fresh]\nnone = None\n',
    );
    expect((await real.host.stat(name))?.mode).toBe(0o640);
    expect(await run('options_present', { sections })).toEqual(quiet);
  });
  it('options_present, strict: other options of the sections go', async () => {
    const args = { sections: { mode: 'new', main: { port: 81 } }, strict: true };
    expect(await run('options_present', args)).toEqual({
      result: true,
      changes: {
        level: { before: '1', after: null },
        main: { host: { before: 'a', after: null }, debug: { before: 'True', after: null } },
      },
    });
    expect(await run('options_present', args)).toEqual(quiet);
    expect(await readFile(name, 'utf8')).toContain('; about the port\nport=81\n\n[fresh]\nnone = None\n');
  });
  it('options_absent, sections_present, sections_absent', async () => {
    const absent = { sections: { mode: null, main: ['port', 'never'], nowhere: ['x'] } };
    expect(await run('options_absent', absent)).toEqual({
      result: true,
      changes: { mode: 'new', main: { port: '81' } },
    });
    expect(await run('options_absent', absent)).toEqual(quiet);
    expect(await run('sections_present', { sections: ['main', 'log'] })).toEqual({
      result: true,
      changes: { log: { before: null, after: {} } },
    });
    expect(await run('sections_present', { sections: ['main', 'log'] })).toEqual(quiet);
    expect(await run('sections_absent', { sections: ['fresh', 'log', 'x'] })).toEqual({
      result: true,
      changes: { fresh: { none: 'None' }, log: {} },
    });
    expect(await run('sections_absent', { sections: ['fresh', 'log', 'x'] })).toEqual(quiet);
    expect(await readFile(name, 'utf8')).toBe('# top\n\n[main]\n; about the port\n\n');
  });
  it('what cannot be: refused, and nothing is changed', async () => {
    const before = await readFile(name, 'utf8');
    for (const args of [
      { sections: ['main'] },
      { sections: { main: { a: [1] } } },
      { sections: { main: { 'a=b': 1 } } },
      { sections: { main: { a: 'é' } }, encoding: 'ascii' },
      { name: 'relative', sections: {} },
      { name: real.dir, sections: { a: 1 } },
    ])
      expect(await run('options_present', args)).toMatchObject({ result: false });
    expect(await readFile(name, 'utf8')).toBe(before);
  });
  it('a secret value is written, and sealed', async () => {
    const { check } = catalog.states.get('ini.options_present')!;
    const sections = new PyMap([['main', new PyMap([['key', new Secret('hush')]])]]);
    const verdict = await check({ name, sections, separator: '=', strict: false, no_spaces: true }, ctx);
    expect(verdict).toMatchObject({ kind: 'changes', changes: [{ sealed: true }] });
    if (verdict.kind === 'changes') await verdict.changes[0]!.apply(ctx);
    expect(await readFile(name, 'utf8')).toContain('key=hush\n');
  });
  it('functions: set, look up, remove, in another encoding and of no file', async () => {
    const file = `${real.dir}/latin.ini`;
    expect(await call('ini.get_ini', [file])).toEqual({});
    expect(await call('ini.get_option', [file, 'a', 'b'])).toBeNull();
    const set = { encoding: 'latin-1', separator: ':' };
    expect(await call('ini.set_option', [file, { top: 'é', a: { b: 1, c: 2 } }], set)).toEqual({
      top: { before: null, after: 'é' },
      a: { before: null, after: { b: '1', c: '2' } },
    });
    expect(await readFile(file, 'latin1')).toBe('top : é\n\n[a]\nb : 1\nc : 2\n');
    expect(await call('ini.get_ini', [file], set)).toEqual({ top: 'é', a: { b: '1', c: '2' } });
    await expect(call('ini.get_ini', [file])).rejects.toMatchObject({ code: 'EDGE_BAD_ARGUMENT' });
    expect(await call('ini.get_option', [file, '', 'top'], set)).toBe('é');
    expect(await call('ini.get_section', [file, 'a'], set)).toEqual({ b: '1', c: '2' });
    expect(await call('ini.remove_option', [file, 'a', 'b'], set)).toBe('1');
    expect(await call('ini.remove_option', [file, 'a', 'b'], set)).toBeNull();
    expect(await call('ini.remove_section', [file, 'a'], set)).toEqual({ c: '2' });
    expect(await call('ini.remove_section', [file, 'a'], set)).toBeNull();
    expect(await readFile(file, 'latin1')).toBe('top : é\n\n');
  });
});

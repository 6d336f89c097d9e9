import { cmdFunctions } from '@edge-run/shared/modules/execution';
import { toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext } from '../../support/module-context.ts';
import { isRoot, realHost } from '../../support/real-host.ts';

const fun = (name: string) => cmdFunctions.find((module) => module.name === name)!;

describe('cmd functions', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host, {
      files: { 'scripts/args.sh': '#!/bin/sh\necho "$1-$2-{{ word }}"; exit 3\n' },
      render: (text, variables) => text.replace('{{ word }}', String(variables.get('word'))),
    });
  });
  afterAll(() => real.dispose());
  const call = async (name: string, args: unknown[], kwargs = {}) => {
    const { answer, retcode } = await callFunction(fun(name), ctx, args, kwargs);
    return { answer: toPlain(answer as Value), retcode };
  };

  it('run: answers output without the last line end, and the return code beside it', async () => {
    expect(await call('cmd.run', ['echo out; echo err >&2; exit 4'])).toEqual({ answer: 'out\nerr', retcode: 4 });
    expect(await call('cmd.run_stdout', ['echo out; echo err >&2'])).toEqual({ answer: 'out', retcode: 0 });
    expect(await call('cmd.run_stderr', ['echo out; echo err >&2'])).toEqual({ answer: 'err', retcode: 0 });
    expect(await call('cmd.retcode', ['exit 4'])).toEqual({ answer: 4, retcode: 4 });
    expect(await call('cmd.run_all', ['exit 4'])).toEqual({
      answer: { retcode: 4, stdout: '', stderr: '' },
      retcode: 4,
    });
  });
  it('run: success_retcodes, success_stdout and ignore_retcode make a success of it', async () => {
    expect((await call('cmd.run_all', ['exit 4'], { success_retcodes: [4] })).answer).toMatchObject({ retcode: 0 });
    expect((await call('cmd.run', ['echo fine; exit 4'], { success_stdout: 'fine' })).retcode).toBe(0);
    expect(await call('cmd.retcode', ['exit 4'], { ignore_retcode: true })).toEqual({ answer: 4, retcode: 0 });
  });
  it('run: raise_err makes an error of a failure', async () => {
    await expect(call('cmd.run', ['exit 4'], { raise_err: true })).rejects.toMatchObject({
      code: 'EDGE_COMMAND_FAILED',
    });
  });
  it('run: takes cwd, env, stdin, umask, prepend_path and a list of words', async () => {
    const kwargs = { cwd: real.dir, env: [{ A: 1 }, { B: 'x y' }], stdin: 'in' };
    expect((await call('cmd.run', ['echo $A $B $(pwd) $(cat)'], kwargs)).answer).toBe(`1 x y ${real.dir} in`);
    expect((await call('cmd.run', [['printf', '%s|', 'a b', '$HOME']])).answer).toBe('a b|$HOME|');
    expect((await call('cmd.run', ['printf "%s|" a "b c"'], { python_shell: false })).answer).toBe('a|b c|');
    expect((await call('cmd.run', ['umask'], { umask: '077' })).answer).toMatch(/0?077/);
    expect((await call('cmd.run', ['echo "$PATH" | cut -d: -f1'], { prepend_path: '/opt/x' })).answer).toBe('/opt/x');
  });
  it('run: clean_env leaves nothing but what was asked for', async () => {
    const { answer } = await call('cmd.run', [['env']], { clean_env: true, env: { ONLY: 'this' } });
    expect(answer).toBe('ONLY=this');
  });
  it('run: a timeout fails with EDGE_DEADLINE', async () => {
    await expect(call('cmd.run', ['sleep 20'], { timeout: 0.2 })).rejects.toMatchObject({ code: 'EDGE_DEADLINE' });
  });
  it.skipIf(!isRoot)('run: runas runs as that user (skipped: not root)', async () => {
    expect((await call('cmd.run', ['id -un'], { runas: 'www-data' })).answer).toBe('www-data');
    expect((await call('cmd.script', ['scripts/args.sh', 'a b'], { runas: 'www-data' })).answer).toMatchObject({
      retcode: 3,
    });
  });
  it('script: fetches, renders, runs with arguments, and leaves nothing behind', async () => {
    const before = (await real.host.list('/tmp')).filter(({ name }) => name.startsWith('edge-script')).length;
    const ran = await call('cmd.script', ['salt://scripts/args.sh', "a 'b c'"], {
      template: 'jinja',
      context: { word: 'w' },
    });
    expect(ran).toEqual({ answer: { retcode: 3, stdout: 'a-b c-w', stderr: '' }, retcode: 3 });
    expect((await real.host.list('/tmp')).filter(({ name }) => name.startsWith('edge-script')).length).toBe(before);
  });
  it('run_bg: the command goes on after the call', async () => {
    const marker = `${real.dir}/late`;
    await call('cmd.run_bg', [`sleep 0.3; touch ${marker}`]);
    expect(await real.host.stat(marker)).toBeUndefined();
    await expect.poll(() => real.host.stat(marker), { timeout: 5_000 }).toBeDefined();
  });
  it('which, has_exec: know programs and nothing else', async () => {
    expect((await call('cmd.which', ['sh'])).answer).toMatch(/^\/.*sh$/);
    expect((await call('cmd.which', ['cd'])).answer).toBeNull();
    expect((await call('cmd.has_exec', ['edge-nothing'])).answer).toBe(false);
    expect((await call('cmd.exec_code', ['sh', 'echo $((1 + 1))'])).answer).toBe('2');
  });
});

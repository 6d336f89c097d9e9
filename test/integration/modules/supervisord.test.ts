import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import type { StateModule } from '@edge-run/shared/modules/contract';
import { supervisordFunctions } from '@edge-run/shared/modules/execution';
import { supervisordStates } from '@edge-run/shared/modules/states';
import { toPlain, type Value } from '@edge-run/shared/values';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callFunction, moduleContext, runState } from '../../support/module-context.ts';
import { realHost } from '../../support/real-host.ts';

const fun = (name: string) => supervisordFunctions.find((module) => module.name === `supervisord.${name}`)!;
const state = (name: string): StateModule => supervisordStates.find((module) => module.name === `supervisord.${name}`)!;

describe('supervisord', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  let daemon: ChildProcess;
  let conf: string;
  const call = async (name: string, kwargs: Record<string, unknown> = {}) => {
    const { answer, retcode } = await callFunction(fun(name), ctx, [], { ...kwargs, conf_file: conf });
    return { answer: toPlain(answer as Value), retcode };
  };
  const program = (name: string) => `[program:${name}]\ncommand=sleep 300\nautostart=false\nstartsecs=0\n`;

  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host);
    conf = `${real.dir}/supervisord.conf`;
    await writeFile(
      conf,
      `[supervisord]
logfile=${real.dir}/log
pidfile=${real.dir}/pid
nodaemon=true
[unix_http_server]
file=${real.dir}/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${real.dir}/sock
[include]
files = ${real.dir}/conf.d/*.conf
`,
    );
    await real.host.exec(['mkdir', `${real.dir}/conf.d`]);
    await writeFile(`${real.dir}/conf.d/app.conf`, program('app'));
    daemon = spawn('supervisord', ['-c', conf], { stdio: 'ignore' });
    await vi.waitFor(async () => expect(await real.host.stat(`${real.dir}/sock`)).toBeDefined(), { timeout: 30_000 });
  });
  afterAll(async () => {
    const gone = new Promise((done) => daemon.once('exit', done));
    daemon.kill('SIGTERM');
    await gone;
    await real.dispose();
  });

  it('start, status, restart, stop: tell what supervisorctl said', async () => {
    expect((await call('status')).answer).toMatchObject({ app: { state: 'STOPPED' } });
    expect(await call('start', { name: 'app' })).toEqual({ answer: 'app: started', retcode: 0 });
    expect((await call('status', { name: 'app' })).answer).toMatchObject({ app: { state: 'RUNNING' } });
    expect((await call('status_bool', { name: 'app' })).answer).toBe(true);
    expect((await call('start', { name: 'app' })).retcode).toBe(0);
    expect((await call('restart', { name: 'all' })).answer).toMatch(/app: started/);
    expect((await call('stop', { name: 'app' })).answer).toBe('app: stopped');
    expect(await call('start', { name: 'none' })).toMatchObject({ retcode: 1 });
  });
  it('running, dead: converge and then change nothing', async () => {
    const args = { name: 'app', conf_file: conf };
    expect(await runState(state('running'), ctx, args, 'plan')).toMatchObject({ result: null });
    expect((await call('status_bool', { name: 'app' })).answer).toBe(false);
    const started = await runState(state('running'), ctx, args);
    expect(started).toMatchObject({ result: true });
    expect(started.changes.size).toBe(1);
    expect((await runState(state('running'), ctx, args)).changes.size).toBe(0);
    expect(await runState(state('running'), ctx, args, 'watch')).toMatchObject({ result: true });
    expect((await runState(state('dead'), ctx, args)).changes.size).toBe(1);
    expect((await runState(state('dead'), ctx, args)).changes.size).toBe(0);
  });
  it('running: update takes up a program just written; without it an unknown program is refused', async () => {
    await writeFile(`${real.dir}/conf.d/new.conf`, program('new'));
    expect(await runState(state('running'), ctx, { name: 'new', conf_file: conf })).toMatchObject({ result: false });
    expect(await runState(state('running'), ctx, { name: 'new', conf_file: conf, update: true })).toMatchObject({
      result: true,
    });
  });
  it('fails when the daemon cannot be reached', async () => {
    const failure = callFunction(fun('status'), ctx, [], { conf_file: `${real.dir}/none.conf` });
    await expect(failure).rejects.toMatchObject({ code: 'EDGE_COMMAND_FAILED' });
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { haproxyFunctions } from '@edge-run/shared/modules/execution';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { callFunction, moduleContext } from '../../support/module-context.ts';
import { realHost } from '../../support/real-host.ts';

const fun = (name: string) => haproxyFunctions.find((module) => module.name === `haproxy.${name}`)!;

describe('haproxy functions', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  let proxy: ChildProcess;
  let backend: Server;
  const call = async (name: string, kwargs: Record<string, unknown> = {}) =>
    (await callFunction(fun(name), ctx, [], { ...kwargs, socket: kwargs.socket ?? `${real.dir}/admin.sock` })).answer;

  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host);
    backend = createServer((_, answer) => answer.end('ok')).listen(0, '127.0.0.1');
    await new Promise((done) => backend.once('listening', done));
    const { port } = backend.address() as { port: number };
    await writeFile(
      `${real.dir}/haproxy.cfg`,
      `global
  stats socket ${real.dir}/admin.sock mode 600 level admin
  stats socket ${real.dir}/user.sock mode 600 level user
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
frontend front
  bind unix@${real.dir}/front.sock
  default_backend web
backend web
  server app1 127.0.0.1:${port} check inter 200ms weight 100
  server app2 127.0.0.1:${port} check inter 200ms weight 100
backend other
  server app1 127.0.0.1:${port}
`,
    );
    proxy = spawn('haproxy', ['-db', '-f', `${real.dir}/haproxy.cfg`], { stdio: 'ignore' });
    await vi.waitFor(async () => expect(await real.host.stat(`${real.dir}/admin.sock`)).toBeDefined(), {
      timeout: 10_000,
    });
  });
  afterAll(async () => {
    proxy.kill('SIGKILL');
    backend.close();
    await real.dispose();
  });

  it('lists backends and servers', async () => {
    expect(await call('list_backends')).toEqual(expect.arrayContaining(['web', 'other']));
    expect(await call('list_servers', { backend: 'web' })).toEqual(['app1', 'app2']);
    expect(await call('show_servers')).toHaveLength(3);
  });
  it('set_state: drains, puts into maintenance, and brings back until the checks passed', async () => {
    expect(await call('set_state', { server: 'app1', backend: 'web', state: 'drain' })).toMatch(/^DRAIN/);
    expect(await call('set_state', { server: 'app1', backend: 'web', state: 'maint' })).toMatch(/^MAINT/);
    await call('set_state', { server: 'app1', backend: 'web', state: 'ready' });
    const status = async () =>
      ((await call('show_stat')) as Record<string, string>[]).find(
        (row) => row.pxname === 'web' && row.svname === 'app1',
      )?.status;
    await expect.poll(status, { timeout: 10_000 }).toBe('UP');
  });
  it('get_weight, set_weight, get_sessions: tell numbers', async () => {
    expect(await call('set_weight', { name: 'app1', backend: 'web', weight: '50%' })).toEqual({
      current: 50,
      initial: 100,
    });
    expect(await call('get_weight', { name: 'app2', backend: 'web' })).toEqual({ current: 100, initial: 100 });
    expect(await call('get_sessions', { name: 'app1', backend: 'web' })).toBe(0);
  });
  it('disable_server: everywhere the server is, unless told where', async () => {
    const answer = (await call('disable_server', { name: 'app1' })) as Record<string, Record<string, string>>;
    expect(Object.keys(answer.app1!).sort()).toEqual(['other', 'web']);
    expect(await call('enable_server', { name: ['app1', 'app2'], backend: 'web' })).toMatchObject({
      app1: {},
      app2: {},
    });
  });
  it('fails with what HAProxy said: unknown names, no admin, no socket', async () => {
    await expect(call('set_state', { server: 'none', backend: 'web', state: 'drain' })).rejects.toThrow(
      /No such server/,
    );
    await expect(call('list_servers', { backend: 'none' })).rejects.toThrow(/find backend/);
    await expect(
      call('set_state', { server: 'app1', backend: 'web', state: 'drain', socket: `${real.dir}/user.sock` }),
    ).rejects.toThrow(/Permission denied/);
    await expect(call('show_info', { socket: `${real.dir}/no.sock` })).rejects.toMatchObject({
      code: 'EDGE_HOST_UNREACHABLE',
    });
    await expect(call('command', { command: 'show info; show stat' })).rejects.toMatchObject({
      code: 'EDGE_BAD_ARGUMENT',
    });
    await expect(call('get_weight', { name: 'a;b', backend: 'web' })).rejects.toThrow(/letters/);
  });
});

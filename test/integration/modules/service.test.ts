import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { EdgeError } from '@edge-run/shared/kernel';
import { verbOf } from '@edge-run/shared/modules/contract';
import { cmdFunctions, serviceFunctions } from '@edge-run/shared/modules/execution';
import { serviceStates } from '@edge-run/shared/modules/states';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { callFunction, moduleContext } from '../../support/module-context.ts';
import { isRoot, realHost } from '../../support/real-host.ts';

const fun = (name: string) => serviceFunctions.find((module) => module.name === `service.${name}`)!;

/** Writes its start to a file, answers on a port it chose, and notes SIGHUP. */
const SERVER = `
const fs = require('node:fs');
const server = require('node:http').createServer((q, a) => a.end('ok'));
process.on('SIGHUP', () => fs.appendFileSync('events', 'reload\\n'));
fs.appendFileSync('events', 'start ' + process.pid + ' ' + (process.env.WORD ?? '') + '\\n');
setTimeout(() => server.listen(Number(process.argv[2]), '127.0.0.1'), 200);
`;

describe('service functions with a pid file', () => {
  let real: Awaited<ReturnType<typeof realHost>>;
  let ctx: ReturnType<typeof moduleContext>;
  let port: number;
  const call = async (name: string, ...args: unknown[]) => (await callFunction(fun(name), ctx, args)).answer;
  const events = async () => (await readFile(`${real.dir}/events`, 'utf8')).trim().split('\n');
  const define = (name: string, definition: object) =>
    writeFile(`${real.dir}/services/${name}.service.json`, JSON.stringify(definition));

  beforeAll(async () => {
    real = await realHost();
    ctx = moduleContext(real.host, {
      opts: { services_dir: `${real.dir}/services`, services_run_dir: `${real.dir}/run` },
      pillar: { services: { mapped: { command: ['sleep', '300'] } } },
      functions: cmdFunctions,
    });
    await mkdir(`${real.dir}/services`);
    await writeFile(`${real.dir}/server.cjs`, SERVER);
    port = await freePort();
    await define('web', {
      command: [process.execPath, `${real.dir}/server.cjs`, String(port)],
      cwd: real.dir,
      env: { WORD: 'word' },
      reload_signal: 'HUP',
      ready: { http: `http://127.0.0.1:${port}/`, tcp: port, timeout_s: 20 },
    });
  });
  afterEach(async () => {
    for (const name of ['web', 'mapped', 'deaf', 'crash', 'owned'])
      if ((await call('available', name)) === true && (await call('status', name)) === true) await call('stop', name);
  });
  afterAll(() => real.dispose());

  it('start: waits until the service answers, and starting again changes nothing', async () => {
    expect(await call('status', 'web')).toBe(false);
    await call('start', 'web');
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('ok');
    expect(await call('status', 'web')).toBe(true);
    const started = await events();
    await call('start', 'web');
    expect(await events()).toEqual(started);
    expect(started.at(-1)).toMatch(/^start \d+ word$/);
  });
  it('reload: sends the signal; restart: is another process', async () => {
    await call('start', 'web');
    const first = (await events()).at(-1);
    await call('reload', 'web');
    await expect.poll(async () => (await events()).at(-1), { timeout: 5_000 }).toBe('reload');
    await call('restart', 'web');
    expect((await events()).at(-1)).not.toBe(first);
    await call('stop', 'web');
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });
  it('looking says what a plan would call it: start, then reload or restart for what is watched', async () => {
    const { args, check, onWatch } = serviceStates.find(({ name }) => name === 'service.running')!;
    const verb = async (look: typeof check, words: object): Promise<string> => {
      const verdict = await look(args.parse({ name: 'web', ...words }), ctx);
      return verdict.kind === 'changes' ? verbOf(verdict.changes) : verdict.kind;
    };
    expect(await verb(check, {})).toBe('start');
    await call('start', 'web');
    expect([await verb(check, {}), await verb(onWatch!, {}), await verb(onWatch!, { reload: true })]).toEqual([
      'in-sync',
      'restart',
      'reload',
    ]);
  });
  it('status: the number of another process is not taken for the service', async () => {
    await call('start', 'mapped');
    const pidfile = `${real.dir}/run/mapped.pid`;
    const [pid, ticks, boot] = (await readFile(pidfile, 'utf8')).split('\n');
    await writeFile(pidfile, `${process.pid}\n${ticks}\n${boot}\n`);
    expect(await call('status', 'mapped')).toBe(false);
    await writeFile(pidfile, `${pid}\n${ticks}\nanother-boot\n`);
    expect(await call('status', 'mapped')).toBe(false);
    await writeFile(pidfile, `${pid}\n${ticks}\n${boot}\n`);
    expect(await call('status', 'mapped')).toBe(true);
  });
  it('stop: kills the whole group when it does not listen to SIGTERM', async () => {
    const command = `trap '' TERM; sleep 301 & echo $! > ${real.dir}/child; while :; do sleep 1; done`;
    await define('deaf', { command, stop_timeout_s: 0.5 });
    await call('start', 'deaf');
    const child = Number(await readFile(`${real.dir}/child`, 'utf8'));
    await call('stop', 'deaf');
    expect(await call('status', 'deaf')).toBe(false);
    const left = await readFile(`/proc/${child}/status`, 'utf8').catch(() => 'gone');
    expect(left === 'gone' || left.includes('Z (zombie)')).toBe(true);
  });
  it('start: a service that ends at once is a failure that shows what it said', async () => {
    await define('crash', { command: 'echo no such config >&2; exit 1' });
    await expect(call('start', 'crash')).rejects.toThrow(/no such config/);
    await expect(call('reload', 'mapped')).rejects.toMatchObject({ code: 'EDGE_NOT_SUPPORTED' });
  });
  it('enable, start_enabled: what is enabled is started at boot', async () => {
    expect(await call('enabled', 'mapped')).toBe(false);
    await call('enable', 'mapped');
    expect(await call('enabled', 'mapped')).toBe(true);
    expect(await call('start_enabled')).toEqual(['mapped']);
    await call('disable', 'mapped');
    expect(await call('disabled', 'mapped')).toBe(true);
    expect(await call('get_all')).toEqual(expect.arrayContaining(['mapped', 'web']));
  });
  it('an unknown service or a wrong definition is an error that names it', async () => {
    await expect(call('start', 'none')).rejects.toMatchObject({ code: 'EDGE_BAD_ARGUMENT' });
    await define('broken', { comand: 'x' });
    const failure = await call('start', 'broken').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(EdgeError);
    expect(String(failure)).toMatch(/comand/);
    await real.host.remove(`${real.dir}/services/broken.service.json`);
  });
  it.skipIf(!isRoot)('start: runs as the user of the definition (skipped: not root)', async () => {
    await real.host.exec(['chmod', '755', real.dir]);
    await define('owned', { command: ['sleep', '300'], user: 'www-data' });
    await call('start', 'owned');
    const pid = (await readFile(`${real.dir}/run/owned.pid`, 'utf8')).split('\n')[0];
    expect((await real.host.exec(['stat', '-c', '%U', `/proc/${pid}`])).stdout.trim()).toBe('www-data');
  });
});

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return await new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isProcessAlive } from '@edge-run/shared/host';
import { EdgeError, type ErrorRecord, fromErrorRecord } from '@edge-run/shared/kernel';
import { packageFolder } from '../package-folder.ts';
import { nearestProjectFile } from '../project-file.ts';
import type { Stack, StackOptions, StackReport } from './contract.ts';

/** Beside this package in a checkout and in an installation alike. */
const MASTER = fileURLToPath(new URL('../master/bin/edge-master.js', packageFolder()));
const START_PATIENCE_MS = 60_000;
const STOP_PATIENCE_MS = 60_000;
const POLL_MS = 100;
const LOG_TAIL_LINES = 5;

/** What `edge-master run` says to the process that started it. */
type Message =
  | { readonly kind: 'ready'; readonly report: StackReport }
  | { readonly kind: 'failed'; readonly error: ErrorRecord };

/** Starts the embedded stack in the background: a master that manages nats-server and the local fleet. */
export const up: Stack['up'] = async (options) => {
  const { dir } = options;
  const running = await status({ dir });
  if (running !== undefined) return { report: running };
  const config = projectFile(options);
  requireMaster();
  // The hosts of the local fleet live below, and their services run as other users.
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  const started = Date.now();
  const log = openSync(join(dir, 'master.log'), 'a', 0o600);
  const words = [
    'run',
    '--embedded',
    '--data',
    dir,
    ...(config === undefined ? [] : ['--config', config]),
    ...(options.natsUrl === undefined ? [] : ['--nats-url', options.natsUrl]),
  ];
  const child = spawn(process.execPath, [MASTER, ...words], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    cwd: dir,
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  let report: StackReport;
  try {
    report = await readyReport(child, dir);
  } catch (error) {
    // What failed to start is gone before anybody tries again.
    await Promise.race([ended, sleep(STOP_PATIENCE_MS, undefined, { ref: false })]);
    stopHosts(dir);
    throw error;
  }
  const answer = { ...report, readyMs: Date.now() - started };
  if (options.foreground) {
    const stop = (): void => {
      child.kill('SIGTERM');
    };
    process.once('SIGINT', stop).once('SIGTERM', stop);
    return { report: answer, ended: ended.then(() => end(options)) };
  }
  child.disconnect();
  child.unref();
  return { report: answer };
};

/** Stops the master, the hosts of the local fleet and a server that a killed master left behind. */
export const down: Stack['down'] = async ({ dir }) => {
  const pid = masterPid(dir);
  if (pid === undefined && !existsSync(join(dir, 'context.json'))) return false;
  if (pid !== undefined) {
    process.kill(pid, 'SIGTERM');
    await waitForEnd(dir, pid);
  }
  requireMaster();
  stopHosts(dir);
  rmSync(join(dir, 'context.json'), { force: true });
  return true;
};

/** What the master wrote when it was ready, while it runs. */
export const status: Stack['status'] = async ({ dir }) => {
  if (masterPid(dir) === undefined) return undefined;
  try {
    return JSON.parse(readFileSync(join(dir, 'stack.json'), 'utf8')) as StackReport;
  } catch {
    return undefined; // it is starting
  }
};

function end({ dir, ephemeral }: StackOptions): void {
  stopHosts(dir);
  if (ephemeral) rmSync(dir, { recursive: true, force: true });
}

/** The project's `edge.yaml`: where `--project` says, or the nearest upwards. */
function projectFile({ project, cwd }: StackOptions): string | undefined {
  if (project !== undefined) {
    const file = join(resolve(cwd, project), 'edge.yaml');
    if (existsSync(file)) return file;
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `there is no ${file}`,
      { file },
      { hint: 'Name a folder with an edge.yaml in it.' },
    );
  }
  return nearestProjectFile(cwd);
}

function readyReport(child: ChildProcess, dir: string): Promise<StackReport> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => {
      child.kill('SIGTERM');
      fail(startFailed(dir, `it was not ready within ${START_PATIENCE_MS / 1000} s`));
    }, START_PATIENCE_MS);
    child.once('message', (message: Message) => {
      clearTimeout(timer);
      if (message.kind === 'ready') done(message.report);
      else fail(fromErrorRecord(message.error));
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(startFailed(dir, `it ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

function startFailed(dir: string, why: string): EdgeError {
  const log = join(dir, 'master.log');
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  return new EdgeError(
    'EDGE_MASTER_FAILED',
    `the master did not start: ${why}`,
    { log, lines },
    { hint: `Its last lines, from ${log}: ${lines.join(' | ')}` },
  );
}

/** The number of the master that runs from `dir`. */
function masterPid(dir: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dir, 'master.pid'), 'utf8'));
    return isProcessAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

async function waitForEnd(dir: string, pid: number): Promise<void> {
  for (const giveUpAt = Date.now() + STOP_PATIENCE_MS; Date.now() < giveUpAt; ) {
    if (masterPid(dir) !== pid) return;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
  process.kill(pid, 'SIGKILL');
}

/** Ends what outlives a master: hosts of the local fleet with their services, and an orphaned nats-server. */
function stopHosts(dir: string): void {
  const { status, stderr } = spawnSync(process.execPath, [MASTER, 'stop-hosts', '--data', dir], {
    encoding: 'utf8',
    timeout: STOP_PATIENCE_MS,
  });
  if (status !== 0) {
    throw new EdgeError(
      'EDGE_MASTER_FAILED',
      `hosts of the local fleet could not be stopped: ${stderr.trim()}`,
      { dir },
      { hint: `Look for processes with ${dir} in their arguments.` },
    );
  }
}

function requireMaster(): void {
  if (existsSync(MASTER)) return;
  throw new EdgeError(
    'EDGE_NOT_INSTALLED',
    'this installation has no embedded stack',
    {},
    { hint: 'Start edge-master and point to its NATS server with EDGE_NATS_URL or --nats-url.' },
  );
}

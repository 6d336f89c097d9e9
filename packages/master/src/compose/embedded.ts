import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isProcessAlive } from '@edge-run/shared/host';
import { EDGE_VERSION, EdgeError, type Logger, toErrorRecord } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol';
import type { RunningMaster } from './master.ts';

/** What `edge-run up` starts a master with. */
export interface EmbeddedOptions {
  /** `<state dir>/dev`. */
  readonly dir: string;
  /** The project's configuration file. */
  readonly project: string | undefined;
  start(): Promise<RunningMaster>;
  readonly log: Logger;
}

/**
 * Runs a master for `edge-run up`: tells the process that started it whether it is ready, writes the context file
 * edge-run finds it by, and stays until SIGTERM. Hosts of the local fleet outlive it.
 */
export async function runEmbedded({ dir, project, start, log }: EmbeddedOptions): Promise<ExitCode> {
  const stopped = new Promise<void>((stop) => process.once('SIGTERM', () => stop()).once('SIGINT', () => stop()));
  // The process that started this one may be gone before this one says anything.
  process.on('disconnect', () => {});
  let master: RunningMaster;
  try {
    claim(dir);
    master = await start();
  } catch (error) {
    await tell({ kind: 'failed', error: toErrorRecord(error) });
    log.error('the master did not start', { reason: error instanceof Error ? error.message : String(error) });
    release(dir);
    leave();
    return EXIT.notStarted;
  }
  writeContext(dir, master);
  const report = {
    version: EDGE_VERSION,
    dir,
    nats: {
      url: master.url,
      detail: master.isBrokerManaged
        ? `managed nats-server, ${new URL(master.url).host}, JetStream on disk`
        : `your own, ${master.url}`,
    },
    minions: master.switchedOn.map(({ id, problem }) => ({ id, detail: problem ?? 'started again' })),
    ...(master.api === undefined ? {} : { api: master.api }),
    ...(project === undefined ? {} : { project: dirname(project) }),
  };
  writeFileSync(join(dir, 'stack.json'), `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 });
  await tell({ kind: 'ready', report });
  await stopped;
  log.info('the master is stopping');
  await master.stop();
  release(dir);
  leave();
  return EXIT.done;
}

/** The file edge-run finds this master by. */
function writeContext(dir: string, { url, caFile: ca, operator }: RunningMaster): void {
  const own = join(dir, 'operator.creds');
  if (operator !== undefined && 'creds' in operator) writeFileSync(own, operator.creds, { mode: 0o600 });
  const credentials = operator === undefined ? undefined : 'file' in operator ? operator.file : own;
  writeFileSync(join(dir, 'context.json'), `${JSON.stringify({ url, credentials, ca }, null, 2)}\n`, { mode: 0o600 });
}

/** Resolves once the message is on its way, or the process it is for is gone. */
function tell(message: object): Promise<void> {
  return new Promise((sent) => {
    if (process.send === undefined || !process.connected) sent();
    else process.send(message, undefined, undefined, () => sent());
  });
}

/** An open channel to the process that started this one would keep it from ending. */
function leave(): void {
  if (process.connected) process.disconnect();
}

/** @throws EdgeError `EDGE_MASTER_RUNNING` when another master runs from this directory */
function claim(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  const file = join(dir, 'master.pid');
  const other = alive(file);
  if (other !== undefined && other !== process.pid) {
    throw new EdgeError(
      'EDGE_MASTER_RUNNING',
      `a master with pid ${other} runs from ${dir}`,
      { pid: other, dir },
      { hint: "Use it, or end it with 'edge-run down'." },
    );
  }
  writeFileSync(file, String(process.pid), { mode: 0o644 });
}

function release(dir: string): void {
  if (alive(join(dir, 'master.pid')) === process.pid) rmSync(join(dir, 'master.pid'), { force: true });
}

function alive(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return isProcessAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

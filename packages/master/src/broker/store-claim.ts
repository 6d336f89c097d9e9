import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isProcessAlive } from '@edge-run/shared/host';
import { type Clock, EdgeError } from '@edge-run/shared/kernel';

/** Who uses a store: the master, and the server it started. */
interface Claim {
  readonly master: number;
  readonly server?: number;
}

const ORPHAN_STOP_MS = 5_000;

/**
 * Makes a store directory this process's own: nats-server 2.9 itself would let two servers write one store. A server
 * left behind by a master that was killed is ended first.
 * @throws EdgeError `EDGE_BROKER_STORE_LOCKED` when a living master holds it
 */
export async function claimStore(directory: string, clock: Clock, server?: number): Promise<void> {
  const path = join(directory, 'claim.json');
  const claim = await readClaim(path);
  if (
    claim !== undefined &&
    claim.master !== process.pid &&
    isProcessAlive(claim.master) &&
    claim.server !== undefined
  ) {
    if (await runsFrom(claim.server, directory)) throw locked(directory, claim.master);
  }
  if (claim?.server !== undefined && claim.master !== process.pid && (await runsFrom(claim.server, directory))) {
    await endOrphan(claim.server, clock);
  }
  if (
    claim?.server !== undefined &&
    claim.master === process.pid &&
    server === undefined &&
    isProcessAlive(claim.server)
  ) {
    if (await runsFrom(claim.server, directory)) throw locked(directory, claim.master);
  }
  const isFree = claim === undefined || !isProcessAlive(claim.master);
  if (server === undefined && isFree) for (const orphan of await serversOf(directory)) await endOrphan(orphan, clock);
  const mine: Claim = { master: process.pid, ...(server === undefined ? {} : { server }) };
  await writeFile(path, JSON.stringify(mine), { mode: 0o600 });
}

/** Gives the directory free. */
export async function releaseStore(directory: string): Promise<void> {
  await rm(join(directory, 'claim.json'), { force: true });
}

/** Ends a server of this directory whose master is gone; true when there was one. A living master's is left alone. */
export async function stopLeftBehind(directory: string, clock: Clock): Promise<boolean> {
  const claim = await readClaim(join(directory, 'claim.json'));
  if (claim?.server === undefined || isProcessAlive(claim.master) || !(await runsFrom(claim.server, directory)))
    return false;
  await endOrphan(claim.server, clock);
  await releaseStore(directory);
  return true;
}

async function readClaim(path: string): Promise<Claim | undefined> {
  try {
    const claim = JSON.parse(await readFile(path, 'utf8')) as Partial<Claim>;
    return typeof claim.master === 'number' ? (claim as Claim) : undefined;
  } catch {
    return undefined; // none, or cut off by a crash: nobody's
  }
}

/** True when `pid` is a server of this directory, and not another process that got its number. */
async function runsFrom(pid: number, directory: string): Promise<boolean> {
  if (!isProcessAlive(pid)) return false;
  const { stdout } = await promisify(execFile)('ps', ['-o', 'args=', '-p', String(pid)]).catch(() => ({ stdout: '' }));
  return stdout.includes(join(directory, 'nats-server.conf'));
}

/** Servers of this directory that no claim names: their master was killed before it could write one. */
async function serversOf(directory: string): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=']).catch(() => ({ stdout: '' }));
  const config = `-c ${join(directory, 'nats-server.conf')}`;
  return stdout.split('\n').flatMap((line) => (line.endsWith(config) ? [Number.parseInt(line, 10)] : []));
}

async function endOrphan(pid: number, clock: Clock): Promise<void> {
  process.kill(pid, 'SIGTERM');
  const until = clock.now() + ORPHAN_STOP_MS;
  while (isProcessAlive(pid)) {
    if (clock.now() > until) {
      process.kill(pid, 'SIGKILL');
      return;
    }
    await clock.sleep(20);
  }
}

function locked(directory: string, master: number): EdgeError {
  return new EdgeError(
    'EDGE_BROKER_STORE_LOCKED',
    `the master with pid ${master} uses ${directory}`,
    { directory, master },
    {
      hint: 'Stop that master, or give this one a data directory of its own.',
    },
  );
}

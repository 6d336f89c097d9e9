import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Clock, EdgeError, errorMessage, type Logger } from '@edge-run/shared/kernel';
import { toPlain } from '@edge-run/shared/values';
import { type CloudDriver, declaredGrains, type HostDeclaration, type Provisioned } from './cloud.ts';
import { endProcess, isAlive, writeProcess } from './process-file.ts';

/** How minions of the local fleet reach and trust their master. */
export interface LocalFleetAccess {
  readonly servers: readonly string[];
  /** The public credential to knock with; absent where the server does not want one. */
  readonly knock?: string;
  /** File of the authority that signed the broker's certificate. */
  readonly caFile?: string;
  /** Credentials file that everybody uses, where there is one. */
  readonly credentials?: string;
  /** Public keys whose jobs are run. */
  readonly trustedKeys: readonly string[];
  /** A token that lets exactly this id in. */
  joinToken(id: string): Promise<string>;
}

/** What the local fleet starts its hosts with, and how it knows that they are up. */
export interface LocalCloudOptions {
  /** The program of the minion: Node and the script. */
  readonly minionCommand: readonly [string, ...string[]];
  readonly access: LocalFleetAccess;
  /** True once the minion is let in, connected and has told its facts. */
  isUp(id: string): Promise<boolean>;
  /** True when the minion answers a job. */
  ask(id: string, signal: AbortSignal): Promise<boolean>;
  readonly clock: Clock;
  readonly log: Logger;
}

const MINION_FOLDER = 'minion';
const LOG_TAIL_LINES = 5;
const POLL_MS = 200;

/**
 * Hosts that are processes of this machine: a real minion each, with its own id, folder and loopback address. They
 * outlive the master, as hosts do.
 */
export function createLocalCloud(options: LocalCloudOptions): CloudDriver {
  return { kind: 'local', provision: (host, limits) => provision(host, limits, options), foresee };
}

/** Folders that hold a host: `<fleet>/<environment>/<host>`. */
export function localHomes(fleet: string): readonly string[] {
  if (!existsSync(fleet)) return [];
  const configs = readdirSync(fleet, { encoding: 'utf8' }).flatMap((environment) =>
    readdirSync(join(fleet, environment), { encoding: 'utf8' }).map((host) =>
      configFile(join(fleet, environment, host)),
    ),
  );
  return configs.filter((config) => existsSync(config)).map((config) => dirname(config));
}

/** What became of a host that was off when its master started. */
export interface SwitchedOn {
  readonly id: string;
  /** Why it did not come up. */
  readonly problem?: string;
}

/**
 * Starts the minions that a fleet's folder holds and that do not run, all at once, and waits for them: hosts that were
 * switched off with their master come back with it. Answers those that were off; one that does not come up stops nobody.
 */
export async function switchOnLocalHosts(
  fleet: string,
  limits: { readonly deadlineMs: number; readonly signal: AbortSignal },
  options: LocalCloudOptions,
): Promise<readonly SwitchedOn[]> {
  const found = await Promise.all(localHomes(fleet).map((home) => switchOn(home, limits, options)));
  return found.flat();
}

/** Ends the minion of a host's folder; true when it ran. */
export function stopLocalHost(home: string, clock: Clock): Promise<boolean> {
  return endProcess(pidFile(home), clock);
}

async function foresee({ home }: HostDeclaration): Promise<Provisioned> {
  if (!existsSync(configFile(home))) return 'created';
  return (await isAlive(pidFile(home))) ? 'present' : 'started';
}

async function provision(
  host: HostDeclaration,
  { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
  options: LocalCloudOptions,
): Promise<Provisioned> {
  const existed = existsSync(configFile(host.home));
  if (existed && (await isAlive(pidFile(host.home)))) {
    await waitUp(host, deadlineMs, signal, options);
    return 'present';
  }
  await mkdir(join(host.home, MINION_FOLDER), { recursive: true });
  // Database processes run as another user and need to get at their folders below.
  await writeFile(configFile(host.home), await configText(host, options.access), { mode: 0o600 });
  await startMinion(host, options);
  await waitUp(host, deadlineMs, signal, options);
  return existed ? 'started' : 'created';
}

async function switchOn(
  home: string,
  { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
  options: LocalCloudOptions,
): Promise<readonly SwitchedOn[]> {
  if (await isAlive(pidFile(home))) return [];
  let id = home;
  try {
    const config = JSON.parse(await readFile(configFile(home), 'utf8')) as { id: string };
    id = config.id;
    // The server may listen elsewhere than before.
    const current = { ...config, ...(await accessConfig(id, options.access)) };
    await writeFile(configFile(home), `${JSON.stringify(current, null, 2)}\n`, { mode: 0o600 });
    await startMinion({ id, home }, options);
    await waitUp({ id, home }, deadlineMs, signal, options);
    return [{ id }];
  } catch (error) {
    return [{ id, problem: errorMessage(error) }];
  }
}

/** What starting and watching a minion needs to know of its host. */
type LocalHome = Pick<HostDeclaration, 'id' | 'home'>;

async function startMinion(host: LocalHome, { minionCommand, log }: LocalCloudOptions): Promise<void> {
  const output = await open(logFile(host.home), 'a', 0o600);
  const [program, ...args] = minionCommand;
  // A process group of its own and files for output: it must outlive this master.
  const child = spawn(program, [...args, 'run', '--config', configFile(host.home)], {
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
    cwd: host.home,
    env: { ...process.env, EDGE_LOCAL_HOST: host.id },
  });
  await output.close();
  if (child.pid === undefined) {
    throw new EdgeError('EDGE_CLOUD_FAILED', `the minion of ${host.id} could not be started: ${program}`, {
      host: host.id,
    });
  }
  await writeProcess(pidFile(host.home), child.pid);
  child.unref();
  log.info('started a host of the local fleet', { host: host.id, pid: child.pid });
}

/** Waits until the minion answers, and gives up as soon as its process has ended. */
async function waitUp(
  host: LocalHome,
  deadlineMs: number,
  signal: AbortSignal,
  options: LocalCloudOptions,
): Promise<void> {
  const { clock, isUp, ask } = options;
  for (const giveUpAt = clock.now() + deadlineMs; clock.now() < giveUpAt; ) {
    if ((await isUp(host.id)) && (await ask(host.id, signal))) return;
    if (!(await isAlive(pidFile(host.home)))) throw await notUp(host, 'its minion has ended');
    await clock.sleep(POLL_MS, signal);
  }
  throw await notUp(host, `its minion did not answer within ${deadlineMs / 1000} s`);
}

async function notUp(host: LocalHome, why: string): Promise<EdgeError> {
  const log = logFile(host.home);
  const lines = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').slice(-LOG_TAIL_LINES);
  return new EdgeError(
    'EDGE_CLOUD_FAILED',
    `${host.id} did not come up: ${why}: ${lines.join(' | ')}`,
    { host: host.id, log },
    { hint: `Read ${log}.` },
  );
}

async function configText(host: HostDeclaration, access: LocalFleetAccess): Promise<string> {
  const config = {
    id: host.id,
    data_dir: join(host.home, MINION_FOLDER),
    ...(await accessConfig(host.id, access)),
    pillarenv: host.environment,
    services_dir: join(host.home, 'services'),
    services_run_dir: join(host.home, 'run'),
    grains: toPlain(declaredGrains(host)),
  };
  // JSON is YAML; no value can be misread.
  return `${JSON.stringify(config, null, 2)}\n`;
}

async function accessConfig(id: string, access: LocalFleetAccess): Promise<object> {
  return {
    servers: access.servers,
    trusted_keys: access.trustedKeys,
    ...(access.knock === undefined ? {} : { knock: access.knock, join_token: await access.joinToken(id) }),
    ...(access.credentials === undefined ? {} : { credentials: access.credentials }),
    ...(access.caFile === undefined ? {} : { tls: { ca_file: access.caFile } }),
  };
}

function configFile(home: string): string {
  return join(home, 'minion.yaml');
}

function pidFile(home: string): string {
  return join(home, 'minion.pid');
}

function logFile(home: string): string {
  return join(home, 'minion.log');
}

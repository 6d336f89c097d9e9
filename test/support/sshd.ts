import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

const SSHD = '/usr/sbin/sshd';

const COPY_ETC = `
mkdir "$EDGE_OVERLAY"; mount -t tmpfs edge "$EDGE_OVERLAY"; mkdir "$EDGE_OVERLAY/up" "$EDGE_OVERLAY/work"
mount -t overlay edge -o "lowerdir=/etc,upperdir=$EDGE_OVERLAY/up,workdir=$EDGE_OVERLAY/work" /etc`;

/** A sshd of our own: loopback only, keys and configuration in a private directory, ended by `stop`. */
export interface RunningSshd {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Who may log in: the user who runs the tests. */
  readonly user: string;
  readonly directory: string;
  /** Private key that is let in. */
  readonly keyFile: string;
  readonly knownHostsFile: string;
  /** `SHA256:…` of the host key. */
  readonly fingerprint: string;
  /** Kills the processes that serve connections; the listener goes on. */
  dropConnections(): void;
  stop(): Promise<void>;
}

/** What differs from a plain sshd. */
export interface SshdOptions {
  /** Lines put before ours; the first of a keyword wins. */
  readonly config?: readonly string[];
  /** Lines put after ours: `Match` blocks. */
  readonly match?: readonly string[];
  /** False leaves the file transfer out. */
  readonly sftp?: boolean;
  /**
   * sh run as root before sshd, in a mount namespace whose `/etc` is a copy that nobody else sees: users, passwords
   * and sudo rules come and go with it.
   */
  readonly privateEtc?: string;
  /** Makes files in its folder, where its keys are already; answers lines put before ours. */
  readonly prepare?: (directory: string) => Promise<readonly string[]>;
}

/** True where sshd is installed: tests skip with that reason. */
export function hasSshd(): boolean {
  return existsSync(SSHD);
}

/** Why `privateEtc` cannot be had here; undefined: it can. */
export function noPrivateEtcReason(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for a mount namespace';
  const { status } = spawnSync('unshare', ['-m', 'true']);
  return status === 0 ? undefined : 'mount namespaces are not allowed here';
}

/** Starts sshd. It lets in the user who runs the tests, by key. */
export async function startSshd({
  config = [],
  match = [],
  sftp = true,
  privateEtc,
  prepare,
}: SshdOptions = {}): Promise<RunningSshd> {
  const directory = await mkdtemp(join(tmpdir(), 'edge-sshd-'));
  // sshd reads authorized_keys as the user who logs in.
  await chmod(directory, 0o711);
  const port = await freePort();
  const { username } = userInfo();
  // sshd run by root wants this directory for the part of it that has no rights.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const home = join(directory, 'home');
  await mkdir(home, { recursive: true });
  const hostKey = join(directory, 'host_key');
  const keyFile = join(directory, 'id_ed25519');
  for (const file of [hostKey, keyFile]) await makeKey(file);
  await writeFile(join(directory, 'authorized_keys'), await readFile(`${keyFile}.pub`), { mode: 0o644 });
  const knownHostsFile = join(directory, 'known_hosts');
  const [type, key] = (await readFile(`${hostKey}.pub`, 'utf8')).split(' ');
  await writeFile(knownHostsFile, `[127.0.0.1]:${port} ${type} ${key}\n`);
  const lines = [
    ...((await prepare?.(directory)) ?? []),
    ...config,
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${hostKey}`,
    `PidFile ${join(directory, 'pid')}`,
    `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin yes',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    ...(sftp ? ['Subsystem sftp internal-sftp'] : []),
    'PrintMotd no',
    'LogLevel VERBOSE',
    ...match,
    // What this user's own shell does when it starts is none of the tests' business, and may stay broken when it is killed.
    `Match User ${username}`,
    `SetEnv HOME=${home}`,
    '',
  ];
  const configFile = join(directory, 'sshd_config');
  await writeFile(configFile, lines.join('\n'));
  const sshd = [SSHD, '-D', '-e', '-f', configFile];
  const line =
    privateEtc === undefined
      ? sshd
      : ['unshare', '-m', 'sh', '-ec', `${COPY_ETC}\n${privateEtc}\nexec "$@"`, 'sh', ...sshd];
  const env = { ...process.env, EDGE_OVERLAY: join(directory, 'etc') };
  const child = spawn(line[0]!, line.slice(1), { stdio: ['ignore', 'ignore', 'pipe'], env });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-20_000);
  });
  await answers(port, child, () => log);
  const fingerprint = execFileSync('ssh-keygen', ['-lf', `${hostKey}.pub`], { encoding: 'utf8' }).split(' ')[1] ?? '';
  const dropConnections = (): void => {
    for (const pid of descendants(child.pid!)) killIfThere(pid);
  };
  return {
    host: '127.0.0.1',
    port,
    user: username,
    directory,
    keyFile,
    knownHostsFile,
    fingerprint,
    dropConnections,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        dropConnections();
        child.kill('SIGKILL');
        await ended;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Makes an ed25519 key pair, with a passphrase where one is given. */
export async function makeKey(file: string, passphrase = ''): Promise<void> {
  const child = spawn('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'edge-test', '-f', file], {
    stdio: 'ignore',
  });
  await once(child, 'exit');
}

/** The sshd processes below the listener, but not the commands they run. */
function descendants(pid: number): readonly number[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid=,ppid=,comm='], { encoding: 'utf8' });
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const below = (parent: number): number[] =>
    rows
      .filter(([, ppid, name]) => Number(ppid) === parent && name?.startsWith('sshd'))
      .flatMap(([child]) => [Number(child), ...below(Number(child))]);
  return below(pid);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function answers(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`sshd ended with ${child.exitCode}: ${log()}`);
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  child.kill('SIGKILL');
  throw new Error(`sshd did not answer within 5 s: ${log()}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

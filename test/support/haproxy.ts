import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A HAProxy of our own: loopback only, a private directory, ended by `stop`. */
export interface RunningHaproxy {
  readonly version: string;
  /** Port of the frontend. */
  readonly port: number;
  /** Runtime socket of `level admin`. */
  readonly socketPath: string;
  /** Runtime socket of `level user`. */
  readonly userSocketPath: string;
  stop(): Promise<void>;
}

/** The installed HAProxy's version, or undefined: tests skip with that reason. */
export function haproxyVersion(): string | undefined {
  const { stdout, error } = spawnSync('haproxy', ['-v'], { encoding: 'utf8' });
  return error ? undefined : /version (\S+)/.exec(stdout)?.[1];
}

/**
 * Starts HAProxy with one backend `web`. `retries 0`: a request that hits a dead server fails and shows. A request
 * with the header `x-member` goes to that server; otherwise round robin with a persistence cookie `srv`.
 */
export async function startHaproxy(servers: readonly { id: string; port: number }[]): Promise<RunningHaproxy> {
  const directory = await mkdtemp(join(tmpdir(), 'edge-haproxy-'));
  const port = await freePort();
  const socketPath = join(directory, 'admin.sock');
  const userSocketPath = join(directory, 'user.sock');
  const lines = [
    'global',
    `  stats socket ${socketPath} mode 600 level admin`,
    `  stats socket ${userSocketPath} mode 600 level user`,
    'defaults',
    '  mode http',
    '  retries 0',
    '  timeout connect 2s',
    '  timeout client 60s',
    '  timeout server 60s',
    '  timeout tunnel 60s',
    'frontend entry',
    `  bind 127.0.0.1:${port}`,
    '  default_backend web',
    'backend web',
    '  balance roundrobin',
    '  cookie srv insert indirect nocache',
    '  option httpchk GET /health',
    ...servers.map(({ id }) => `  use-server ${id} if { req.hdr(x-member) ${id} }`),
    ...servers.map(
      ({ id, port: at }) => `  server ${id} 127.0.0.1:${at} cookie ${id} check inter 50ms fastinter 50ms rise 2 fall 2`,
    ),
    '',
  ];
  const configPath = join(directory, 'haproxy.cfg');
  await writeFile(configPath, lines.join('\n'));
  const child = spawn('haproxy', ['-db', '-f', configPath], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  await answers(socketPath, child, () => stderr);
  return {
    version: haproxyVersion() ?? '',
    port,
    socketPath,
    userSocketPath,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function answers(socketPath: string, child: ChildProcess, stderr: () => string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}: ${stderr()}`);
    const socket = connect(socketPath);
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error(`haproxy did not answer within 10 s: ${stderr()}`);
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

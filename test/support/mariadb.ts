import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { LocalHost } from '@edge-run/shared/host';

const FOLDERS = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/libexec', '/opt/homebrew/bin'];
const find = (name: string): string | undefined =>
  FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
const programs = { server: find('mariadbd'), install: find('mariadb-install-db') };

/** Whether a server of MariaDB is installed here. */
export const hasMariadb = Object.values(programs).every((program) => program !== undefined);

/** A server of MariaDB with data of its own in a directory, reached by its socket alone as `root` without a password. */
export async function startMariadb(
  host: LocalHost,
  dir: string,
): Promise<{ readonly socket: string; stop(): Promise<void> }> {
  const socket = `${dir}/s`;
  const common = ['--no-defaults', `--datadir=${dir}/data`, `--user=${userInfo().username}`];
  const made = await host.exec([
    programs.install!,
    ...common,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]);
  if (made.exitCode !== 0) throw new Error(made.stderr + made.stdout);
  const server = spawn(
    programs.server!,
    [...common, `--socket=${socket}`, '--skip-networking', '--innodb-buffer-pool-size=8M', '--skip-log-bin'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await saysReady(server);
  return {
    socket,
    async stop() {
      const end = once(server, 'exit');
      server.kill('SIGKILL');
      await end;
    },
  };
}

function saysReady(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stderr!.on('data', (bytes: Buffer) => {
      said += bytes.toString('utf8');
      if (said.includes('ready for connections')) resolve();
    });
    server.once('exit', (code) => reject(new Error(`mariadbd ended with ${code}: ${said}`)));
    server.once('error', reject);
  });
}

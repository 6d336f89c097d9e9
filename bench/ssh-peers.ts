import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** Hosts that every program of this bench reaches alike. */
export interface BenchHosts {
  readonly directory: string;
  readonly addresses: readonly string[];
  readonly port: number;
  readonly user: string;
  readonly keyFile: string;
  readonly knownHostsFile: string;
}

/** Another program that runs `true` on all hosts at once, over connections that are kept. */
export interface Peer {
  readonly name: string;
  /** Once on every host; the first time opens the connections. Milliseconds. */
  run(): Promise<number>;
}

/** The configuration of OpenSSH: one connection per host that is kept for a minute after its last use. */
export function writeSshConfig({ directory, port, user, keyFile, knownHostsFile }: BenchHosts): string {
  const file = join(directory, 'ssh_config');
  const lines = [
    'Host *',
    `Port ${port}`,
    `User ${user}`,
    `IdentityFile ${keyFile}`,
    'IdentitiesOnly yes',
    `UserKnownHostsFile ${knownHostsFile}`,
    'StrictHostKeyChecking no',
    'LogLevel ERROR',
    'BatchMode yes',
    'ControlMaster auto',
    `ControlPath ${directory}/%C`,
    'ControlPersist 60',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** Runs a program to its end and answers how long it took. @throws Error unless it exits 0 */
export async function timed(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const from = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000);
    });
  // Not `close`: a master connection that stays keeps the streams open.
  const [code] = await once(child, 'exit');
  const elapsedMs = performance.now() - from;
  child.stdout.destroy();
  child.stderr.destroy();
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${said}`);
  return elapsedMs;
}

/** The programs that are installed, and the names of those that are not. */
export function findPeers(hosts: BenchHosts): { readonly peers: readonly Peer[]; readonly missing: readonly string[] } {
  const config = writeSshConfig(hosts);
  const { addresses, directory, user, keyFile, port } = hosts;
  const list = addresses.join(',');
  const inventory = join(directory, 'inventory');
  writeFileSync(inventory, `[all]\n${addresses.join('\n')}\n`);
  const fabric = join(directory, 'fabric_bench.py');
  writeFileSync(fabric, FABRIC);
  const ansible = {
    ANSIBLE_PIPELINING: '1',
    ANSIBLE_FORKS: String(addresses.length),
    ANSIBLE_SSH_ARGS: `-F ${config}`,
    ANSIBLE_SSH_CONTROL_PATH: `${directory}/%C`,
    ANSIBLE_HOST_KEY_CHECKING: 'False',
    ANSIBLE_LOCAL_TEMP: join(directory, 'ansible'),
    ANSIBLE_HOME: join(directory, 'ansible'),
  };
  const clush = ['-S', '-q', '-f', String(addresses.length), '-w', list, '-o', `-F ${config}`, 'true'];
  const all: readonly (Peer & { readonly isInstalled: boolean })[] = [
    {
      name: 'clush',
      isInstalled: isThere('clush', ['--version']),
      run: () => timed('clush', clush),
    },
    {
      name: 'pdsh',
      isInstalled: isThere('pdsh', ['-V']),
      run: () => timed('pdsh', ['-S', '-R', 'ssh', '-w', list, 'true'], { PDSH_SSH_ARGS_APPEND: `-F ${config}` }),
    },
    {
      name: 'ansible raw',
      isInstalled: isThere('ansible', ['--version']),
      run: () => timed('ansible', ['all', '-i', inventory, '-m', 'raw', '-a', 'true'], ansible),
    },
    {
      name: 'fabric',
      isInstalled: isThere('/usr/bin/python3', ['-c', 'import fabric']),
      // It keeps no connections from one process to the next: one process opens them and says what the second time took.
      run: async () => {
        const { stdout } = await execFileAsync(
          '/usr/bin/python3',
          [fabric, user, String(port), keyFile, ...addresses],
          {
            timeout: 60_000,
          },
        );
        return Number(stdout);
      },
    },
  ];
  return {
    peers: all.filter(({ isInstalled }) => isInstalled),
    missing: all.filter(({ isInstalled }) => !isInstalled).map(({ name }) => name),
  };
}

function isThere(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

const FABRIC = `
import sys, time
from fabric import ThreadingGroup
user, port, key, *hosts = sys.argv[1:]
group = ThreadingGroup(*hosts, user=user, port=int(port), connect_timeout=20,
                       connect_kwargs={'key_filename': key, 'look_for_keys': False, 'allow_agent': False})
group.run('true', hide=True, in_stream=False)
start = time.perf_counter()
group.run('true', hide=True, in_stream=False)
print((time.perf_counter() - start) * 1000)
`;

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BASE_PACKAGES, findBase, LOOP_DEVICES } from './hosts-base.ts';
import { offerPort, type Relay } from './hosts-relay.ts';
import { eventually } from './processes.ts';
import { makeKey } from './sshd.ts';

export { noHostsReason, noLoopReason } from './hosts-base.ts';

/** What a command on a host answered. */
export interface ExecAnswer {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host with an address, a file system and a PID 1 of its own; root's, and no security boundary. */
export interface TestHost {
  readonly name: string;
  /** Its address in the network of its fellows: `10.77.0.11`. */
  readonly address: string;
  /** Runs a command as root inside it. Never throws for exit codes. @throws Error after `timeoutMs` (default 60 s) */
  exec(command: readonly string[], options?: { readonly timeoutMs?: number }): Promise<ExecAnswer>;
  /** Nothing comes through to the host any more, nor out of it. */
  cutCable(): Promise<void>;
  plugCable(): Promise<void>;
  /** Power off and on: every process ends at once, files stay, PID 1 starts anew. */
  reboot(): Promise<void>;
  /** How often it was turned on, by `shutdown -r` inside it too. */
  readonly boots: number;
}

/** Hosts on one network, which only they, and commands put there by `within`, can reach. */
export interface TestHosts {
  readonly host: (name: string) => TestHost;
  /** Private key that root's sshd on every host lets in. */
  readonly keyFile: string;
  /** Where it lies what the hosts are made of; gone after `stop`. */
  readonly directory: string;
  /** The command that runs `command` on this machine, but in the network of the hosts. */
  within(command: readonly string[]): readonly string[];
  /** Lets the hosts reach a port of this machine's loopback, at the same port of `GATEWAY`. */
  offer(port: number): Promise<void>;
  /** Ends every process of every host and removes their files. */
  stop(): Promise<void>;
}

/** Where the hosts reach what `offer` lets through. */
export const GATEWAY = '10.77.0.1';

/** How hosts are made. */
export interface HostsOptions {
  /** Debian packages beside the minimal system; another list is another cached base. */
  readonly packages?: readonly string[];
  /** Directory of this machine → where the hosts see it, read-only. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Give them this machine's loop devices; see `noLoopReason`. */
  readonly loop?: boolean;
}

const STARTED_WITHIN_MS = 20_000;
const ENDED_WITHIN_MS = 10_000;
/** What no test host has to do with: clock, modules, reboot of the machine, raw devices. */
const LESS = 'setpriv --bounding-set -sys_time,-sys_module,-sys_boot,-sys_rawio,-mknod';
/** How runsvdir exits when it was told to by SIGHUP: the host is to be turned on again. */
const REBOOT_EXIT_CODE = 111;
const HOST_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Lays a file system of its own over the base; it stays while the host reboots. */
const HOLD = `
mount -t tmpfs edge "$EDGE_HOST/disk"
mkdir "$EDGE_HOST/disk/up" "$EDGE_HOST/disk/work" "$EDGE_HOST/disk/root"
mount -t overlay edge -o "lowerdir=$EDGE_BASE,upperdir=$EDGE_HOST/disk/up,workdir=$EDGE_HOST/disk/work" "$EDGE_HOST/disk/root"
ip link set lo up
echo ready; exec sleep infinity`;

/** Becomes PID 1. Only after pivot_root is a path inside looked up: absolute symlinks would lead out before. */
const BOOT = `
read -r pid rest </proc/self/stat; echo "pid $pid"
root=$EDGE_HOST/disk/root
hostname "$EDGE_NAME"
mount --rbind "$root" "$root"
mount -t proc proc "$root/proc"; mount -t sysfs -o ro sysfs "$root/sys"; mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero full random urandom tty; do : >"$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
for node in $EDGE_LOOP; do : >"$root$node"; mount --bind "$node" "$root$node"; done
mkdir "$root/dev/pts" "$root/dev/shm"; mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"; ln -s /proc/self/fd "$root/dev/fd"
mkdir -p "$root/mnt/old" "$root/mnt/edge"
cd "$root"; pivot_root . mnt/old; cd /
bind() { mount --bind "/mnt/old$1" "$2"; mount -o remount,bind,ro "$2"; }
: >/usr/local/bin/node; bind "$EDGE_NODE" /usr/local/bin/node
while [ $# -gt 0 ]; do mkdir -p "$2"; bind "$1" "$2"; shift 2; done
install -D -m 600 "/mnt/old$EDGE_HOST/../id_ed25519.pub" /root/.ssh/authorized_keys
umount -l /mnt/old
mount -t tmpfs -o mode=755 run /run; mkdir -p /run/sshd /run/lock
[ -e /etc/ssh/own ] || { rm -f /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; : >/etc/ssh/own; }
printf '127.0.0.1 localhost %s\\n' "$EDGE_NAME" >/etc/hosts; echo "$EDGE_NAME" >/etc/hostname
service() { mkdir -p "/etc/edge-services/$1"; printf '#!/bin/sh\\nexec %s\\n' "$2" >"/etc/edge-services/$1/run"; chmod 755 "/etc/edge-services/$1/run"; }
service sshd '/usr/sbin/sshd -D -e -o UsePAM=no -o UseDNS=no'; service cron '/usr/sbin/cron -f'
cat >/usr/sbin/shutdown <<'END'
#!/bin/sh
case "$*" in
  '-r now') kill -HUP 1 ;;
  '-h now') kill -TERM 1 ;;
  *) echo "shutdown: not understood: $*" >&2; exit 1 ;;
esac
END
chmod 755 /usr/sbin/shutdown
rm -rf /etc/edge-services/*/supervise /etc/service; ln -s /etc/edge-services /etc/service
echo up
exec env -i PATH=${HOST_PATH} HOME=/root EDGE_HOST="$EDGE_HOST" ${LESS} runsvdir -P /etc/service >/dev/null 2>&1`;

/**
 * Starts hosts in network namespaces on one bridge, which is in a namespace too: the machine's own network is not
 * touched. The base they stand on is built at the first call (about a minute, over the network) and kept.
 */
export async function startHosts(names: readonly string[], options: HostsOptions = {}): Promise<TestHosts> {
  const base = await findBase(options.packages ?? BASE_PACKAGES);
  const directory = await mkdtemp(join(tmpdir(), 'edge-hosts-'));
  const started: Started[] = [];
  const relays: Relay[] = [];
  const stop = async (): Promise<void> => {
    for (const relay of relays) await relay.stop();
    for (const { child } of started.reverse()) await end(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    const keyFile = join(directory, 'id_ed25519');
    await makeKey(keyFile);
    const bridge = await start(['unshare', '-n', 'sh', '-ec', BRIDGE], { EDGE_HOST: directory }, 'ready');
    started.push(bridge);
    const within = (command: readonly string[]): string[] => {
      return ['nsenter', '-t', String(bridge.child.pid), '-n', '--', ...command];
    };
    const hosts = new Map<string, TestHost>();
    for (const [index, name] of names.entries()) {
      const host = new NamespaceHost(name, index, {
        base,
        directory,
        bridge,
        mounts: options.mounts ?? {},
        loop: options.loop ?? false,
        started,
      });
      await host.create();
      hosts.set(name, host);
    }
    return {
      keyFile,
      directory,
      stop,
      within,
      offer: async (port) => {
        const relay = await offerPort(port, directory);
        relays.push(relay);
        started.push(await start(within(relay.command(GATEWAY)), {}, 'ready'));
      },
      host: (name) => {
        const host = hosts.get(name);
        if (host === undefined) throw new Error(`no host ${name} among ${names.join(', ')}`);
        return host;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const BRIDGE = `
ip link set lo up; ip link add lan type bridge; ip address add 10.77.0.1/24 dev lan; ip link set lan up
echo ready; exec sleep infinity`;

interface Lab {
  readonly base: string;
  readonly directory: string;
  readonly bridge: Started;
  readonly mounts: Readonly<Record<string, string>>;
  readonly loop: boolean;
  /** Everything to end, in order of start. */
  readonly started: Started[];
}

class NamespaceHost implements TestHost {
  readonly name: string;
  readonly address: string;
  readonly #lab: Lab;
  readonly #port: string;
  #holder: Started | undefined;
  #machine: Started | undefined;
  /** PID 1 of the host, as this machine counts. */
  #init = '';
  #boots = 0;
  /** Why it did not come up again by itself; the next command tells. */
  #trouble: unknown;

  constructor(name: string, index: number, lab: Lab) {
    this.name = name;
    this.address = `10.77.0.${11 + index}`;
    this.#port = `port${index}`;
    this.#lab = lab;
  }

  /** Makes disk and cable, and turns the host on. */
  async create(): Promise<void> {
    const own = this.#own();
    await mkdir(join(own, 'disk'), { recursive: true });
    this.#holder = await start(['unshare', '-n', '-m', 'sh', '-ec', HOLD], this.#environment(), 'ready');
    this.#lab.started.push(this.#holder);
    const holder = String(this.#holder.child.pid);
    const port = this.#port;
    await this.#onBridge(['ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', holder]);
    await this.#onBridge(['ip', 'link', 'set', port, 'master', 'lan', 'up']);
    await run(['nsenter', '-t', holder, '-n', 'ip', 'address', 'add', `${this.address}/24`, 'dev', 'eth0']);
    await run(['nsenter', '-t', holder, '-n', 'ip', 'link', 'set', 'eth0', 'up']);
    await this.#boot();
  }

  get boots(): number {
    return this.#boots;
  }

  async exec(command: readonly string[], { timeoutMs = 60_000 } = {}): Promise<ExecAnswer> {
    if (this.#trouble !== undefined) throw this.#trouble;
    const inside = ['nsenter', '-t', this.#init, '-m', '-u', '-i', '-n', '-p', '-r', '-w', '--'];
    const environment = ['env', '-i', `PATH=${HOST_PATH}`, 'HOME=/root', 'LANG=C.UTF-8', `EDGE_HOST=${this.#own()}`];
    return answerOf([...inside, ...environment, ...LESS.split(' '), ...command], timeoutMs);
  }

  async cutCable(): Promise<void> {
    await this.#onBridge(['ip', 'link', 'set', this.#port, 'down']);
  }

  async plugCable(): Promise<void> {
    await this.#onBridge(['ip', 'link', 'set', this.#port, 'up']);
  }

  async reboot(): Promise<void> {
    const machine = this.#machine!;
    await end(machine.child);
    await this.#bootAfter(machine);
  }

  async #bootAfter(machine: Started): Promise<void> {
    this.#lab.started.splice(this.#lab.started.indexOf(machine), 1);
    await this.#boot();
  }

  async #boot(): Promise<void> {
    const mounts = Object.entries(this.#lab.mounts).flat();
    const enter = [
      'nsenter',
      '-t',
      String(this.#holder!.child.pid),
      '-m',
      // With the holder's root: where this is a chroot, that of the namespace lies outside.
      '-r',
      '-n',
      '--',
      'setpriv',
      '--pdeathsig',
      'KILL',
    ];
    const boot = ['unshare', '-m', '-p', '-f', '-u', '-i', '--kill-child', 'sh', '-ec', BOOT, 'sh', ...mounts];
    this.#machine = await start([...enter, ...boot], this.#environment(), 'up');
    const machine = this.#machine;
    this.#lab.started.push(machine);
    machine.child.once('exit', (code) => {
      if (code === REBOOT_EXIT_CODE)
        this.#bootAfter(machine).catch((error: unknown) => {
          this.#trouble = error;
        });
    });
    this.#init = /^pid (\d+)$/m.exec(this.#machine.output())![1]!;
    await eventually(
      async () => (await this.exec(['sv', 'check', 'sshd', 'cron'])).exitCode === 0,
      `${this.name} runs its services`,
      STARTED_WITHIN_MS,
    );
    this.#boots += 1;
  }

  #own(): string {
    return join(this.#lab.directory, this.name);
  }

  #environment(): Readonly<Record<string, string>> {
    const { base, loop } = this.#lab;
    const own = { EDGE_HOST: this.#own(), EDGE_NAME: this.name, EDGE_BASE: base, EDGE_NODE: process.execPath };
    return { ...own, EDGE_LOOP: loop ? LOOP_DEVICES.join(' ') : '' };
  }

  async #onBridge(command: readonly string[]): Promise<void> {
    await run(['nsenter', '-t', String(this.#lab.bridge.child.pid), '-n', ...command]);
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly output: () => string;
}

/** Starts something that says `word` when it is up, and that dies with this process. */
async function start(line: readonly string[], env: Readonly<Record<string, string>>, word: string): Promise<Started> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...line], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? HOST_PATH, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000);
    });
  }
  try {
    await eventually(
      () => {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`ended early: ${output}`);
        return output.split('\n').includes(word);
      },
      `${line.slice(0, 3).join(' ')} … says ${word}`,
      STARTED_WITHIN_MS,
    );
  } catch (error) {
    await end(child);
    throw new Error(`${(error as Error).message}\n${output}`, { cause: error });
  }
  return { child, output: () => output };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(ENDED_WITHIN_MS) });
  child.kill('SIGKILL');
  await ended;
}

async function run(line: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await answerOf(line, 10_000);
  if (exitCode !== 0) throw new Error(`${line.join(' ')} exited ${exitCode}: ${stderr}`);
}

async function answerOf([program, ...args]: readonly string[], timeoutMs: number): Promise<ExecAnswer> {
  try {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 } as const;
    return { exitCode: 0, ...(await promisify(execFile)(program!, args, options)) };
  } catch (error) {
    const {
      code,
      killed,
      stdout = '',
      stderr = '',
    } = error as { code?: unknown; killed?: boolean } & Partial<ExecAnswer>;
    if (typeof code !== 'number') {
      throw new Error(`${args.join(' ')}: ${killed === true ? `not within ${timeoutMs} ms` : String(error)}`, {
        cause: error,
      });
    }
    return { exitCode: code, stdout, stderr };
  }
}

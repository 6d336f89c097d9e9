import { dirname } from 'node:path/posix';
import type { Command, Host, HostReader } from '../../../host/index.ts';
import { EdgeError, systemClock } from '../../../kernel/index.ts';
import type { ModuleContext } from '../../contract/index.ts';
import { makeDirectories, mustRun, readIfPresent } from '../../operations/index.ts';
import { enabledMarker, findDefinition, listDefinitions, type ServiceDefinition } from './definition.ts';
import type { ServiceProvider } from './provider.ts';
import { isReady } from './ready.ts';

const POLL_MS = 100;
/** How long a service without a `ready` rule must stay alive to count as started. */
const SETTLE_MS = 300;
const KILLED_MS = 5_000;
const LOG_TAIL_CHARACTERS = 1_500;

/*
 * In a session of its own, so that it outlives the agent and its process group can be signalled as a whole. The shell
 * records the process before anything else happens: a crash of the agent right after the start loses nothing.
 * Arguments: pid file, log file, program…
 */
const START = `pidfile=$1; log=$2; shift 2
setsid "$@" </dev/null >>"$log" 2>&1 &
pid=$!
stat=$(cat "/proc/$pid/stat" 2>/dev/null); rest=\${stat##*) }
set -- $rest
printf '%s\\n%s\\n%s\\n' "$pid" "\${20}" "$(cat /proc/sys/kernel/random/boot_id)" >"$pidfile"`;
const PROCESSES: Command = ['sh', '-c', 'cat /proc/sys/kernel/random/boot_id; cat /proc/[0-9]*/stat 2>/dev/null; true'];

/** A process as the kernel lists it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly state: string;
  readonly group: number;
  /** Clock ticks since boot: with the pid, the identity of a process. */
  readonly startTicks: string;
}

/** Reads the boot id and `/proc/PID/stat` lines. Names of programs may hold anything, closing brackets too. */
export function parseProcesses(output: string): { bootId: string; processes: readonly ProcessEntry[] } {
  const [bootId = '', ...lines] = output.split('\n');
  const processes = lines.flatMap((line) => {
    const end = line.lastIndexOf(') ');
    const fields = line.slice(end + 2).split(' ');
    if (end === -1 || fields.length < 20) return [];
    return [{ pid: Number.parseInt(line, 10), state: fields[0]!, group: Number(fields[2]), startTicks: fields[19]! }];
  });
  return { bootId, processes };
}

/**
 * Services of hosts without an init system: started detached, recorded in a pid file together with start time and boot
 * id, so that a number the kernel gave to somebody else is never taken for the service.
 */
export const pidFileProvider: ServiceProvider = {
  kind: 'pid-file',
  async look(ctx, name) {
    const definition = await findDefinition(ctx, name);
    if (definition === undefined) return { known: false, running: false, enabled: false };
    return {
      known: true,
      running: (await findProcess(ctx.host, definition)) !== undefined,
      enabled: (await ctx.host.stat(enabledMarker(ctx, name))) !== undefined,
    };
  },
  list: listDefinitions,
  async act(ctx, name, action) {
    const definition = await findDefinition(ctx, name);
    if (definition === undefined)
      throw new EdgeError('EDGE_BAD_ARGUMENT', `no service ${name} on ${ctx.host.id}`, { name });
    if (action === 'reload') return await reload(ctx, definition);
    if (action !== 'start') await stop(ctx, definition);
    if (action !== 'stop') await start(ctx, definition);
  },
  async setEnabled(ctx, name, enabled) {
    const marker = enabledMarker(ctx, name);
    if (!enabled) return await ctx.host.remove(marker);
    await makeDirectories(ctx.host, dirname(marker));
    await ctx.host.writeFile(marker, new Uint8Array(), { mode: 0o644 });
  },
};

async function start(ctx: ModuleContext<Host>, definition: ServiceDefinition): Promise<void> {
  const { host, signal } = ctx;
  if ((await findProcess(host, definition)) !== undefined) return;
  const owner = definition.user === undefined ? {} : { owner: definition.user };
  await makeDirectories(host, dirname(definition.pidfile));
  await makeDirectories(host, dirname(definition.log));
  // Both belong to the service's user, who need not be allowed to make files there.
  await host.writeFile(definition.pidfile, new Uint8Array(), { mode: 0o644, ...owner });
  if ((await host.stat(definition.log)) === undefined)
    await host.writeFile(definition.log, new Uint8Array(), { mode: 0o640, ...owner });
  const logStart = (await host.stat(definition.log))?.sizeBytes ?? 0;
  const { command } = definition;
  const program = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  await mustRun(host, ['sh', '-c', START, 'sh', definition.pidfile, definition.log, ...program], {
    cwd: definition.cwd,
    env: Object.fromEntries(Object.entries(definition.env).map(([key, value]) => [key, String(value)])),
    ...(definition.user === undefined ? {} : { runAs: definition.user }),
  });
  await awaitReady(host, definition, logStart, signal);
}

async function awaitReady(
  host: Host,
  definition: ServiceDefinition,
  logStart: number,
  signal: AbortSignal,
): Promise<void> {
  const { name, ready } = definition;
  const limitMs = ready === undefined ? SETTLE_MS : ready.timeout_s * 1000;
  const giveUpAt = systemClock.now() + limitMs;
  for (;;) {
    if ((await findProcess(host, definition)) === undefined)
      throw new EdgeError(
        'EDGE_COMMAND_FAILED',
        `service ${name} ended right after its start on ${host.id}${await logTail(host, definition, logStart)}`,
        { name },
        {
          hint: `Read ${definition.log} on ${host.id}.`,
        },
      );
    const isOver = systemClock.now() >= giveUpAt;
    if (ready === undefined ? isOver : await isReady(host, definition)) return;
    if (isOver)
      throw new EdgeError(
        'EDGE_DEADLINE',
        `service ${name} was not ready within ${limitMs} ms on ${host.id}${await logTail(host, definition, logStart)}`,
        { name, timeoutMs: limitMs },
        {
          hint: `Read ${definition.log} on ${host.id}, or raise ready.timeout_s.`,
        },
      );
    await systemClock.sleep(POLL_MS, signal);
  }
}

async function stop({ host, signal }: ModuleContext<Host>, definition: ServiceDefinition): Promise<void> {
  const leader = await findProcess(host, definition);
  if (leader !== undefined) {
    await signalGroup(host, definition.stop_signal, leader.pid);
    const isGone = await awaitGroupEnd(host, leader.group, definition.stop_timeout_s * 1000, signal);
    if (!isGone) {
      await signalGroup(host, 'KILL', leader.pid);
      if (!(await awaitGroupEnd(host, leader.group, KILLED_MS, signal)))
        throw new EdgeError('EDGE_DEADLINE', `service ${definition.name} is still there after SIGKILL on ${host.id}`, {
          pid: leader.pid,
        });
    }
  }
  await host.remove(definition.pidfile);
}

async function reload(
  { host }: ModuleContext<Host>,
  { name, reload_signal, ...rest }: ServiceDefinition,
): Promise<void> {
  if (reload_signal === undefined)
    throw new EdgeError(
      'EDGE_NOT_SUPPORTED',
      `service ${name} on ${host.id} cannot be reloaded`,
      { name },
      {
        hint: 'Give its definition a reload_signal, or restart it.',
      },
    );
  const leader = await findProcess(host, rest);
  if (leader === undefined)
    throw new EdgeError('EDGE_COMMAND_FAILED', `service ${name} does not run on ${host.id}`, { name });
  await mustRun(host, ['sh', '-c', 'kill -s "$1" "$2"', 'sh', reload_signal, String(leader.pid)]);
}

/** The recorded process, if it really is that one and alive. */
async function findProcess(
  host: HostReader,
  { pidfile }: Pick<ServiceDefinition, 'pidfile'>,
): Promise<ProcessEntry | undefined> {
  const record = await readIfPresent(host, pidfile);
  if (record === undefined) return undefined;
  const [pid, startTicks, bootId] = Buffer.from(record).toString('utf8').split('\n');
  const now = parseProcesses((await host.probe(PROCESSES)).stdout);
  const found = now.processes.find((entry) => entry.pid === Number(pid));
  return found !== undefined && now.bootId === bootId && found.startTicks === startTicks && isAlive(found)
    ? found
    : undefined;
}

async function awaitGroupEnd(host: HostReader, group: number, limitMs: number, signal: AbortSignal): Promise<boolean> {
  const giveUpAt = systemClock.now() + limitMs;
  for (;;) {
    const { processes } = parseProcesses((await host.probe(PROCESSES)).stdout);
    if (!processes.some((entry) => entry.group === group && isAlive(entry))) return true;
    if (systemClock.now() >= giveUpAt) return false;
    await systemClock.sleep(POLL_MS, signal);
  }
}

async function signalGroup(host: Host, name: string, pid: number): Promise<void> {
  // Somebody may have been faster: a group that is gone is what was wanted.
  await host.exec(['sh', '-c', 'kill -s "$1" -- "-$2"', 'sh', name, String(pid)]);
}

/** A zombie only waits for its parent to notice. */
function isAlive({ state }: ProcessEntry): boolean {
  return state !== 'Z' && state !== 'X';
}

async function logTail(host: HostReader, { log }: ServiceDefinition, from: number): Promise<string> {
  const content = (await readIfPresent(host, log)) ?? new Uint8Array();
  const tail = Buffer.from(content.subarray(from)).toString('utf8').trim().slice(-LOG_TAIL_CHARACTERS);
  return tail === '' ? '' : `: ${tail}`;
}

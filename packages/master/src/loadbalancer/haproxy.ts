import { EdgeError, systemClock } from '@edge-run/shared/kernel';
import { memberNotUp, unknownMember, unknownPool } from './errors.ts';
import { type HaproxyServer, parseBackends, parseServersState, parseStat, toServers } from './haproxy-answers.ts';
import type {
  AdminState,
  LoadBalancer,
  LoadBalancerCapabilities,
  MemberHealth,
  PollOptions,
  PoolMember,
  WaitOptions,
} from './loadbalancer.ts';
import { poll } from './wait.ts';

/** One HAProxy process and the way to its runtime API: a socket of this machine, or a function on a host. */
export interface HaproxyProcess {
  /** How errors name it: the socket's path, or the host. */
  readonly name: string;
  /** Sends one command line and gives the whole answer. @throws EdgeError `EDGE_LB_UNREACHABLE` */
  command(text: string, signal?: AbortSignal): Promise<string>;
}

/** What a HAProxy load balancer is made of. */
export interface HaproxyOptions extends Partial<PollOptions> {
  /** Every process that serves the pools; each of them is told. At least one. */
  readonly processes: readonly HaproxyProcess[];
}

/**
 * Drives HAProxy by its runtime API. A drain ends when open and queued sessions are gone in every process. HAProxy
 * sends clients to a server as soon as it is made ready, before a check has passed, and with `fall 1` it even says
 * `UP` at once (seen on 2.6): probe the server yourself before `enable`, and use `fall 2` or more.
 */
export function haproxyLoadBalancer({ processes, clock = systemClock, pollMs = 200 }: HaproxyOptions): LoadBalancer {
  if (processes.length === 0) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      'a HAProxy load balancer without a process',
      {},
      {
        hint: 'Name the runtime socket of at least one HAProxy process.',
      },
    );
  }
  return new Haproxy(processes, { clock, pollMs });
}

class Haproxy implements LoadBalancer {
  readonly kind = 'haproxy';
  readonly capabilities: LoadBalancerCapabilities = {
    countsSessions: true,
    cutsSessions: true,
    drainAdmitsBoundClients: true,
    keepsStateOverReload: false,
  };
  readonly #processes: readonly HaproxyProcess[];
  readonly #poll: PollOptions;

  constructor(processes: readonly HaproxyProcess[], pollOptions: PollOptions) {
    this.#processes = processes;
    this.#poll = pollOptions;
  }

  async members(pool: string, signal?: AbortSignal): Promise<readonly PoolMember[]> {
    return merge(await this.#all((process) => readServers(process, pool, signal)));
  }

  async drain(pool: string, member: string, options: WaitOptions): Promise<'drained' | 'deadline'> {
    await this.#all(async (process) => {
      const { admin } = await readServer(process, pool, member, options.signal);
      // `drain` would let bound clients into a server in maintenance again.
      if (admin === 'enabled') await setState(process, pool, member, 'drain', options.signal);
    });
    const drained = await poll(
      async () => {
        const seen = await this.#all((process) => readServer(process, pool, member, options.signal));
        return seen.every(({ sessions }) => sessions === 0) ? 'drained' : undefined;
      },
      options,
      this.#poll,
    );
    return drained ?? 'deadline';
  }

  async disable(
    pool: string,
    member: string,
    { force = false, signal }: { force?: boolean; signal?: AbortSignal } = {},
  ): Promise<void> {
    await this.#all(async (process) => {
      await setState(process, pool, member, 'maint', signal);
      if (force) await change(process, `shutdown sessions server ${pool}/${member}`, pool, member, signal);
    });
  }

  async enable(pool: string, member: string, options: WaitOptions): Promise<void> {
    await this.#all((process) => setState(process, pool, member, 'ready', options.signal));
    let last: readonly HaproxyServer[] = [];
    const up = await poll(
      async () => {
        last = await this.#all((process) => readServer(process, pool, member, options.signal));
        return last.every(({ admin, health }) => admin === 'enabled' && health === 'up') ? true : undefined;
      },
      options,
      this.#poll,
    );
    if (up === undefined) throw this.#notUp(pool, member, last);
  }

  #notUp(pool: string, member: string, last: readonly HaproxyServer[]): EdgeError {
    const index = last.findIndex(({ admin, health }) => admin !== 'enabled' || health !== 'up');
    const server = last[index];
    const process = this.#processes[index]?.name ?? '';
    const check = server?.lastCheck ? `, last check ${server.lastCheck}` : '';
    return memberNotUp(
      pool,
      member,
      `\`${server?.status}\`${check} (${process})`,
      { process, status: server?.status, lastCheck: server?.lastCheck, weight: server?.weight },
      server?.weight === 0
        ? `Its weight is 0, so it gets no clients: set server ${pool}/${member} weight 100%.`
        : `See why its health check fails: ask ${server?.address} for what the check asks for.`,
    );
  }

  /** Every process is asked, even when one fails: those that can be told must know. */
  async #all<T>(work: (process: HaproxyProcess) => Promise<T>): Promise<readonly T[]> {
    const settled = await Promise.allSettled(this.#processes.map(work));
    return settled.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }
}

async function readServers(
  process: HaproxyProcess,
  pool: string,
  signal: AbortSignal | undefined,
): Promise<readonly HaproxyServer[]> {
  checkName(pool, 'backend');
  const answer = await process.command(`show servers state ${pool}`, signal);
  if (answer.startsWith("Can't find backend")) throw await poolError(process, pool, signal);
  const states = parseServersState(answer);
  if (states === undefined) throw refused(process, `show servers state ${pool}`, answer);
  const command = `show stat ${pool} 4 -1`;
  const statAnswer = await process.command(command, signal);
  const stats = parseStat(statAnswer);
  if (stats === undefined) throw refused(process, command, statAnswer);
  return toServers(states, stats);
}

async function readServer(
  process: HaproxyProcess,
  pool: string,
  member: string,
  signal: AbortSignal | undefined,
): Promise<HaproxyServer> {
  const servers = await readServers(process, pool, signal);
  const server = servers.find(({ id }) => id === member);
  if (server === undefined) throw unknownMember(process.name, pool, member, names(servers));
  return server;
}

function setState(
  process: HaproxyProcess,
  pool: string,
  member: string,
  state: 'drain' | 'maint' | 'ready',
  signal: AbortSignal | undefined,
): Promise<void> {
  return change(process, `set server ${pool}/${member} state ${state}`, pool, member, signal);
}

/** Sends a command that changes something: the only good answer is an empty line. */
async function change(
  process: HaproxyProcess,
  command: string,
  pool: string,
  member: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  checkName(pool, 'backend');
  checkName(member, 'server');
  const answer = await process.command(command, signal);
  if (answer.trim() === '') return;
  if (answer.startsWith('No such backend')) throw await poolError(process, pool, signal);
  if (answer.startsWith('No such server')) {
    // HAProxy before 2.2 says so for an unknown backend too; reading tells which.
    throw unknownMember(process.name, pool, member, names(await readServers(process, pool, signal)));
  }
  throw refused(process, command, answer);
}

async function poolError(process: HaproxyProcess, pool: string, signal: AbortSignal | undefined): Promise<EdgeError> {
  return unknownPool(process.name, pool, parseBackends(await process.command('show backend', signal)));
}

function refused(process: HaproxyProcess, command: string, answer: string): EdgeError {
  const text = answer.trim().split('\n')[0] ?? '';
  return new EdgeError(
    'EDGE_LB_REFUSED',
    `${process.name} answered \`${command}\` with \`${text.slice(0, 200)}\``,
    { process: process.name, command, answer: answer.slice(0, 2_000) },
    {
      hint: text.startsWith('Permission denied')
        ? 'Give the runtime socket `level admin` in the `stats socket` line of its configuration.'
        : 'Try the same line by hand on the runtime socket; this HAProxy may be older than 2.0.',
    },
  );
}

/** A name goes into a command line; HAProxy splits commands at `;` and words at blanks. */
function checkName(name: string, what: string): void {
  if (/^[\w.:-]+$/.test(name)) return;
  throw new EdgeError(
    'EDGE_BAD_ARGUMENT',
    `\`${name}\` cannot be the name of a HAProxy ${what}`,
    { [what]: name },
    {
      hint: 'HAProxy names have letters, digits, `-`, `_`, `.` and `:` only.',
    },
  );
}

const names = (servers: readonly HaproxyServer[]): readonly string[] => servers.map(({ id }) => id);

const OPENNESS: readonly AdminState[] = ['disabled', 'draining', 'enabled'];
const WORST: readonly MemberHealth[] = ['up', 'unknown', 'checking', 'down'];

/** One view of several processes: traffic still reaches a member that any of them lets in. */
function merge(views: readonly (readonly HaproxyServer[])[]): readonly PoolMember[] {
  const members = new Map<string, PoolMember>();
  for (const { id, address, admin, health, sessions } of views.flat()) {
    const known = members.get(id);
    members.set(id, {
      id,
      address: known?.address ?? address,
      admin: later(OPENNESS, known?.admin, admin),
      health: later(WORST, known?.health, health),
      sessions: (known?.sessions ?? 0) + sessions,
    });
  }
  return [...members.values()];
}

function later<T>(order: readonly T[], one: T | undefined, other: T): T {
  return one !== undefined && order.indexOf(one) > order.indexOf(other) ? one : other;
}

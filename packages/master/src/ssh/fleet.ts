import { isDeepStrictEqual } from 'node:util';
import { type Clock, EdgeError, type Logger, Slots, silentLogger, systemClock } from '@edge-run/shared/kernel';
import { didYouMean } from '@edge-run/shared/schema';
import type { DefaultCredentials } from './auth.ts';
import { type CheckStep, checkHost } from './check-host.ts';
import { Connection } from './connection.ts';
import { directRoute, type HandshakeContext, type Route } from './handshake.ts';
import { type HostKeyOptions, HostKeys } from './host-keys.ts';
import { SshHost } from './ssh-host.ts';
import { type SshTarget, sshTarget } from './target.ts';

/** What a fleet is made of. */
export interface SshFleetOptions {
  readonly roster: readonly SshTarget[];
  readonly hostKeys: HostKeyOptions;
  /** Credentials beside those of the roster. */
  readonly credentials?: DefaultCredentials;
  /** Channels open at once on one host; sshd's MaxSessions is 10 by default. Default 8. */
  readonly maxSessions?: number;
  /** Handshakes going on at once over the whole fleet. Default 16. */
  readonly maxHandshakes?: number;
  /** A connection is dead after `missed` unanswered questions, one each `intervalMs`. Default 3 of 5,000. */
  readonly keepAlive?: { readonly intervalMs: number; readonly missed: number };
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly log?: Logger;
}

/** The hosts of a roster, each with one connection that is kept and shared. */
export interface SshFleet {
  /** In the order of the roster. */
  ids(): readonly string[];
  has(id: string): boolean;
  /** The roster's entry. @throws EdgeError `EDGE_SSH_NO_SUCH_HOST` */
  target(id: string): SshTarget;
  /** The host, connected. @throws EdgeError `EDGE_SSH_NO_SUCH_HOST`, and a code for each way connecting fails */
  host(id: string, signal?: AbortSignal): Promise<SshHost>;
  /** Logs in anew and says how each step went; nothing is thrown. @throws EdgeError `EDGE_SSH_NO_SUCH_HOST` */
  check(id: string, signal?: AbortSignal): Promise<readonly CheckStep[]>;
  /** Takes another roster; hosts that changed or are gone lose their connections. Answers the ids of those. */
  update(roster: readonly SshTarget[]): Promise<readonly string[]>;
  /** Ends every connection. */
  close(): Promise<void>;
}

/** Makes a fleet; nothing is connected before a host is asked for. */
export function createSshFleet(options: SshFleetOptions): SshFleet {
  return new Fleet(options);
}

/** sshd drops some of those beyond ten that are not done yet (MaxStartups 10:30:100); others knock there too. */
const MAX_HANDSHAKES_PER_SERVER = 8;

class Fleet implements SshFleet {
  #targets: ReadonlyMap<string, SshTarget>;
  readonly #context: HandshakeContext;
  readonly #maxSessions: number;
  readonly #connections = new Map<string, Connection>();
  readonly #hosts = new Map<string, SshHost>();
  /** The way to a server → its bound; ids may share one. */
  readonly #handshakes = new Map<string, Slots>();

  constructor(options: SshFleetOptions) {
    this.#targets = new Map(options.roster.map((target) => [target.id, target]));
    this.#maxSessions = options.maxSessions ?? 8;
    this.#context = {
      hostKeys: new HostKeys(options.hostKeys, options.clock),
      credentials: options.credentials ?? {},
      handshakes: new Slots(options.maxHandshakes ?? 16),
      keepAlive: options.keepAlive ?? { intervalMs: 5_000, missed: 3 },
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      log: options.log ?? silentLogger,
    };
  }

  ids(): readonly string[] {
    return [...this.#targets.keys()];
  }

  has(id: string): boolean {
    return this.#targets.has(id);
  }

  target(id: string): SshTarget {
    const target = this.#targets.get(id);
    if (target !== undefined) return target;
    throw new EdgeError(
      'EDGE_SSH_NO_SUCH_HOST',
      `the roster has no host \`${id}\``,
      { host: id },
      { hint: didYouMean(id, this.#targets.keys()) || 'Add it to the roster.' },
    );
  }

  async host(id: string, signal?: AbortSignal): Promise<SshHost> {
    const connection = this.#connection(this.target(id), []);
    await connection.ready(signal);
    const known = this.#hosts.get(id);
    if (known !== undefined) return known;
    const host = new SshHost(connection);
    this.#hosts.set(id, host);
    return host;
  }

  async check(id: string, signal?: AbortSignal): Promise<readonly CheckStep[]> {
    const target = this.target(id);
    return checkHost({
      target,
      context: this.#context,
      route: () => this.#route(target),
      host: () => this.host(id, signal),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async update(roster: readonly SshTarget[]): Promise<readonly string[]> {
    const next = new Map(roster.map((target) => [target.id, target]));
    const changed = [...this.#targets.values()].filter(
      (target) => !isDeepStrictEqual(withoutOrigin(next.get(target.id)), withoutOrigin(target)),
    );
    this.#targets = next;
    for (const target of changed) {
      this.#hosts.get(target.id)?.close();
      this.#hosts.delete(target.id);
      const key = connectionKey(target);
      await this.#connections.get(key)?.close();
      this.#connections.delete(key);
    }
    return changed.map(({ id }) => id);
  }

  async close(): Promise<void> {
    for (const host of this.#hosts.values()) host.close();
    // Those that go through others first.
    for (const connection of [...this.#connections.values()].reverse()) await connection.close();
    this.#connections.clear();
    this.#hosts.clear();
  }

  /** `through`: ids on the way to here, to find a circle. */
  #connection(target: SshTarget, through: readonly string[]): Connection {
    const key = connectionKey(target);
    const known = this.#connections.get(key);
    if (known !== undefined) return known;
    if (through.includes(key)) {
      throw new EdgeError(
        'EDGE_CONFIG_INVALID',
        `the jump hosts of ${target.id} go in a circle: ${[...through, key].join(' → ')}`,
        { host: target.id },
        { hint: 'Look at `ProxyJump` in the roster.' },
      );
    }
    const via = this.#lastJump(target, [...through, key]);
    const connection = new Connection(target, this.#context, {
      maxSessions: this.#maxSessions,
      handshakes: this.#handshakesOf(target),
      ...(via === undefined ? {} : { via }),
    });
    this.#connections.set(key, connection);
    return connection;
  }

  #handshakesOf({ host, port, proxyJump }: SshTarget): Slots {
    const server = [...proxyJump, `${host}:${port}`].join(',');
    const known = this.#handshakes.get(server);
    if (known !== undefined) return known;
    const slots = new Slots(MAX_HANDSHAKES_PER_SERVER);
    this.#handshakes.set(server, slots);
    return slots;
  }

  #route(target: SshTarget): Route {
    const via = this.#lastJump(target, [connectionKey(target)]);
    if (via === undefined) return directRoute(target);
    return { prepare: (signal) => via.ready(signal), open: (signal) => via.forwardTcp(target, signal) };
  }

  #lastJump(target: SshTarget, through: readonly string[]): Connection | undefined {
    let via: Connection | undefined;
    for (const [index, hop] of target.proxyJump.entries()) {
      const jump = typeof hop === 'string' ? (this.#targets.get(hop) ?? parseJump(hop, target)) : hop;
      // The second jump host is reached through the first, whatever the roster says about it.
      const path = target.proxyJump.slice(0, index);
      via = this.#connection(path.length === 0 ? jump : { ...jump, proxyJump: path }, through);
    }
    return via;
  }
}

/** Connections are shared by whoever goes the same way to the same account. */
function connectionKey({ id, user, host, port, proxyJump }: SshTarget): string {
  const hops = proxyJump.map((hop) => (typeof hop === 'string' ? hop : `${hop.user}@${hop.host}:${hop.port}`));
  return `${id}=${[...hops, `${user}@${host}:${port}`].join(',')}`;
}

/** `[user@]host[:port]`; the user is the target's where none is given. */
function parseJump(text: string, target: SshTarget): SshTarget {
  const match = /^(?:([^@]+)@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text);
  if (match === null) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `\`${text}\` is no jump host of ${target.id}`,
      { host: target.id, jump: text },
      { hint: 'Write an id of the roster, or [user@]host[:port].' },
    );
  }
  const [, user = target.user, v6, name, port] = match;
  const host = v6 ?? name ?? '';
  // The password is for the target alone, as are the names its key is known by.
  const { keyFiles, certificateFiles, passphrase, identitiesOnly, agentSocket, connectTimeoutMs } = target;
  return sshTarget({
    ...{ id: host, host, user, port: Number(port ?? 22), keyFiles, certificateFiles, identitiesOnly, connectTimeoutMs },
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(agentSocket === undefined ? {} : { agentSocket }),
  });
}

function withoutOrigin(target: SshTarget | undefined): unknown {
  if (target === undefined) return undefined;
  const { origin: _, password, passphrase, sudoPassword, ...rest } = target;
  return { ...rest, secrets: [password, passphrase, sudoPassword].map((secret) => secret?.reveal()) };
}

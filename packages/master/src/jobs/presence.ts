import type { Bus } from '@edge-run/shared/bus';
import { type Clock, errorMessage, type InstantMs, type Logger } from '@edge-run/shared/kernel';
import { z } from 'zod';

/** What is known of one minion's connection. */
export interface MinionPresence {
  readonly id: string;
  readonly connected: boolean;
  /** When its connection last came or went. */
  readonly changedAt: InstantMs;
  /** When it was last heard of. */
  readonly seenAt: InstantMs;
}

/** Who is connected, from the server's own events and from what minions send. */
export interface Presence {
  /** Since when the minion has had no connection; undefined when that is not known. */
  goneSince(id: string): InstantMs | undefined;
  /** Undefined for one that was never heard of. */
  find(id: string): MinionPresence | undefined;
  list(): readonly MinionPresence[];
  /** A sign of life that came another way. */
  seen(id: string): void;
}

const connectionEvent = z.object({
  server: z.object({ id: z.string() }),
  client: z.object({ id: z.number(), user: z.string().optional() }),
});

/** One page of a server's answer to who is connected (nats-server `connz`). */
const connectionPage = z.object({
  server: z.object({ id: z.string() }),
  data: z.object({
    total: z.number(),
    connections: z.array(z.object({ cid: z.number(), authorized_user: z.string().optional() })),
  }),
});

const PAGE_SIZE = 1_000;
const ASK_WITHIN_MS = 5_000;

interface Known {
  /** `<server>/<connection>`; more than one while a minion reconnects. */
  readonly connections: ReadonlySet<string>;
  readonly changedAt: InstantMs;
  readonly seenAt: InstantMs;
}

/**
 * Follows connections coming and going until `signal` aborts. `system` is a connection of the system account; without
 * one (a server that is not ours) only signs of life count. Who was connected before, or came while this end had no
 * connection itself, is asked of the server each time this end is connected.
 */
export function trackPresence(options: {
  readonly system?: Bus;
  readonly account: string;
  /** Id of a minion's public key. */
  readonly idOf: (publicKey: string) => string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onChange?: (id: string, connected: boolean) => void;
}): Presence {
  const { system, account, idOf, clock, log, signal, onChange } = options;
  const known = new Map<string, Known>();
  /** Whose keys were seen: a key that was deleted since must still be known when its connection ends. */
  const owners = new Map<string, string>();
  const from = clock.now();
  const ownerOf = (publicKey: string | undefined): string | undefined => {
    const id = publicKey === undefined ? undefined : (idOf(publicKey) ?? owners.get(publicKey));
    if (id !== undefined) owners.set(publicKey!, id);
    return id;
  };
  const note = (id: string, connections: ReadonlySet<string>): void => {
    const now = clock.now();
    known.set(id, { connections, changedAt: now, seenAt: now });
    onChange?.(id, connections.size > 0);
  };
  const follow = async (bus: Bus, kind: 'CONNECT' | 'DISCONNECT'): Promise<void> => {
    for await (const { body } of bus.subscribe(`$SYS.ACCOUNT.${account}.${kind}`, { signal })) {
      const event = connectionEvent.safeParse(body);
      const id = event.success ? ownerOf(event.data.client.user) : undefined;
      if (!event.success || id === undefined) continue;
      const connections = new Set(known.get(id)?.connections);
      connections.delete(HEARD);
      const connection = `${event.data.server.id}/${event.data.client.id}`;
      if (kind === 'CONNECT') connections.add(connection);
      else connections.delete(connection);
      note(id, connections);
    }
  };
  const lookAround = async (bus: Bus): Promise<void> => {
    for await (const { kind } of bus.status(signal)) {
      if (kind !== 'connected') continue;
      try {
        const found = await connectionsNow(bus, account, ownerOf);
        const gone = [...known].filter(([id, { connections }]) => connections.size > 0 && !found.has(id));
        for (const [id] of gone) note(id, new Set());
        for (const [id, connections] of found) note(id, connections);
      } catch (error) {
        if (!signal.aborted) log.warn(`the server does not say who is connected: ${errorMessage(error)}`);
      }
    }
  };
  if (system !== undefined) {
    // Subscribed first: who connects while the server is asked is heard of.
    for (const following of [follow(system, 'CONNECT'), follow(system, 'DISCONNECT'), lookAround(system)]) {
      following.catch((error: unknown) => log.error(`presence stopped: ${errorMessage(error)}`));
    }
  }
  return {
    goneSince: (id) => {
      if (system === undefined) return undefined;
      const entry = known.get(id);
      if (entry === undefined) return from;
      return entry.connections.size === 0 ? entry.changedAt : undefined;
    },
    find: (id) => {
      const entry = known.get(id);
      return entry === undefined ? undefined : presenceOf(id, entry);
    },
    list: () => [...known].map(([id, entry]) => presenceOf(id, entry)),
    seen: (id) => {
      const now = clock.now();
      const before = known.get(id);
      const connections = before?.connections.size ? before.connections : new Set([HEARD]);
      known.set(id, { connections, changedAt: before?.changedAt ?? now, seenAt: now });
    },
  };
}

function presenceOf(id: string, { connections, changedAt, seenAt }: Known): MinionPresence {
  return { id, connected: connections.size > 0, changedAt, seenAt };
}

/** Stands for the connection of a minion that was heard of but not seen to connect. */
const HEARD = 'heard';

/** Minion id → its connections, as the server knows them. */
async function connectionsNow(
  bus: Bus,
  account: string,
  ownerOf: (publicKey: string | undefined) => string | undefined,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, Set<string>>();
  for (let offset = 0, total = 1; offset < total; offset += PAGE_SIZE) {
    const asked = { acc: account, auth: true, limit: PAGE_SIZE, offset };
    const answer = await bus.request('$SYS.REQ.SERVER.PING.CONNZ', asked, { timeoutMs: ASK_WITHIN_MS });
    const { server, data } = connectionPage.parse(answer);
    total = data.total;
    for (const { cid, authorized_user } of data.connections) {
      const id = ownerOf(authorized_user);
      if (id !== undefined) found.set(id, new Set([...(found.get(id) ?? []), `${server.id}/${cid}`]));
    }
  }
  return found;
}

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
  list(): readonly MinionPresence[];
  /** A sign of life that came another way. */
  seen(id: string): void;
}

const connectionEvent = z.object({ client: z.object({ user: z.string().optional() }) });

/**
 * Follows connections coming and going until `signal` aborts. `system` is a connection of the system account; without
 * one (a server that is not ours) only signs of life count.
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
  const known = new Map<string, { connections: number; changedAt: InstantMs; seenAt: InstantMs }>();
  /** Whose keys were seen: a key that was deleted since must still be known when its connection ends. */
  const owners = new Map<string, string>();
  const from = clock.now();
  const note = (id: string, step: 1 | -1): void => {
    const before = known.get(id);
    // A connection made before we looked is first heard of when it ends.
    const connections = Math.max(0, (before?.connections ?? (step === 1 ? 0 : 1)) + step);
    const now = clock.now();
    known.set(id, { connections, changedAt: now, seenAt: now });
    onChange?.(id, connections > 0);
  };
  const follow = async (bus: Bus, kind: 'CONNECT' | 'DISCONNECT'): Promise<void> => {
    for await (const { body } of bus.subscribe(`$SYS.ACCOUNT.${account}.${kind}`, { signal })) {
      const event = connectionEvent.safeParse(body);
      const publicKey = event.success ? event.data.client.user : undefined;
      const id = publicKey === undefined ? undefined : (idOf(publicKey) ?? owners.get(publicKey));
      if (id === undefined || publicKey === undefined) continue;
      owners.set(publicKey, id);
      note(id, kind === 'CONNECT' ? 1 : -1);
    }
  };
  if (system !== undefined) {
    for (const kind of ['CONNECT', 'DISCONNECT'] as const) {
      follow(system, kind).catch((error: unknown) => log.error(`presence stopped: ${errorMessage(error)}`));
    }
  }
  return {
    goneSince: (id) => {
      if (system === undefined) return undefined;
      const entry = known.get(id);
      if (entry === undefined) return from;
      return entry.connections === 0 ? entry.changedAt : undefined;
    },
    list: () =>
      [...known].map(([id, { connections, changedAt, seenAt }]) => ({
        id,
        connected: connections > 0,
        changedAt,
        seenAt,
      })),
    seen: (id) => {
      const now = clock.now();
      const before = known.get(id);
      known.set(id, {
        connections: Math.max(1, before?.connections ?? 1),
        changedAt: before?.changedAt ?? now,
        seenAt: now,
      });
    },
  };
}

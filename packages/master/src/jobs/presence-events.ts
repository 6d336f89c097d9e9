import { type Clock, errorMessage, type JsonValue, type Logger } from '@edge-run/shared/kernel';
import type { Presence } from './presence.ts';

/** What telling of connections needs. */
export interface PresenceEventsOptions {
  readonly presence: Pick<Presence, 'list'>;
  /** Id of this master. */
  readonly master: string;
  /** Ids of the masters that live: the first of them tells. */
  alive(): Promise<ReadonlySet<string>>;
  send(tag: string, data: JsonValue): Promise<unknown>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

const LOOK_MS = 1_000;
/** One that is back within this time was restarted, not lost. */
const GRACE_MS = 3_000;
/** Who comes within this time after the start of a master was there before. */
const SETTLE_MS = 5_000;

/**
 * Tells of minions whose connection came or went, together those of a second, by Salt's event `salt/presence/change`:
 * `new` and `lost` are ids. Who was connected when the master started is no news. Resolves when `signal` aborts.
 */
export async function tellOfPresence(options: PresenceEventsOptions): Promise<void> {
  const { presence, master, alive, send, clock, log, signal } = options;
  const settledAt = clock.now() + SETTLE_MS;
  const known = new Map<string, boolean>();
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, signal).catch(() => undefined); // it only ends the wait
    if (signal.aborted) return;
    const now = clock.now();
    const news = { new: [] as string[], lost: [] as string[] };
    for (const { id, connected, changedAt } of presence.list()) {
      const was = known.get(id) ?? false;
      if (connected === was || (!connected && now - changedAt < GRACE_MS)) continue;
      known.set(id, connected);
      (connected ? news.new : news.lost).push(id);
    }
    if (now < settledAt || news.new.length + news.lost.length === 0) continue;
    try {
      const [first] = [...(await alive())].sort();
      if (first === undefined || first === master)
        await send('salt/presence/change', { new: news.new.sort(), lost: news.lost.sort() });
    } catch (error) {
      log.warn(`cannot tell whose connections came or went: ${errorMessage(error)}`, news);
    }
  }
}

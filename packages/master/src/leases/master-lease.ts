import { type Clock, EdgeError, errorMessage, type InstantMs, type Logger, newId } from '@edge-run/shared/kernel';
import { idFromToken, idToken } from '@edge-run/shared/protocol';
import type { KV } from '@nats-io/kv';
import { z } from 'zod';

/** A lease is renewed so many times before it runs out: two renewals may be lost. */
const RENEWALS = 4;
/** What cannot be fenced is begun only while at least this share of the lease is left. */
const MARGIN = 0.25;
/** A watch ends with the server it was asked of. */
const WATCH_AGAIN_MS = 1_000;

const leaseBody = z.object({ at: z.number(), boot: z.string(), signer: z.string().optional() });
type LeaseBody = z.infer<typeof leaseBody>;

/** Which masters are alive. */
export interface MasterLease {
  /** This start of this master: a namesake that is started later has another. */
  readonly boot: string;
  /** Resolves while enough of the lease is left to begin what cannot be taken back. @throws EdgeError when `signal` aborts */
  holds(signal: AbortSignal): Promise<void>;
  /** Ids of the masters whose lease has not run out, this one among them. */
  alive(): Promise<ReadonlySet<string>>;
  /** The starts of the masters that are alive. */
  boots(): Promise<ReadonlySet<string>>;
  /** Public keys that masters sign their jobs with: this one's, and those of all that showed a sign of life since. */
  readonly signers: ReadonlySet<string>;
  /** Gives the lease back, so that others need not wait for it to run out. */
  end(): Promise<void>;
}

/** What a lease is kept with. */
export interface MasterLeaseOptions {
  readonly id: string;
  /** Public key that this master signs its jobs with. */
  readonly signer: string;
  /** How long after its last sign of life a master counts as gone. */
  readonly leaseMs: number;
  /** A bucket whose entries expire after `leaseMs`. */
  readonly bucket: Pick<KV, 'put' | 'delete' | 'get' | 'watch'>;
  /** Keys of the bucket. Its own list of keys waits for ever for one that expires while it is read. */
  readonly tokens: () => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Takes and keeps a lease until `end`. Others take a master's runs over only when its lease has run out. */
export async function keepLease({
  id,
  signer,
  leaseMs,
  bucket,
  tokens,
  clock,
  log,
}: MasterLeaseOptions): Promise<MasterLease> {
  const key = idToken(id);
  const boot = newId();
  const stopped = new AbortController();
  let renewedAt: InstantMs = Number.NEGATIVE_INFINITY;
  const renew = async (): Promise<void> => {
    const at = clock.now();
    await bucket.put(key, JSON.stringify({ at, boot, signer } satisfies LeaseBody));
    renewedAt = at;
  };
  await renew();
  const renewing = (async () => {
    while (!stopped.signal.aborted) {
      await clock.sleep(leaseMs / RENEWALS, stopped.signal).catch(() => undefined);
      if (stopped.signal.aborted) return;
      await renew().catch((error: unknown) =>
        log.warn('the lease of this master could not be renewed', { reason: errorMessage(error) }),
      );
    }
  })();
  const signers = new Set([signer]);
  const watchOnce = async (): Promise<void> => {
    const watch = await bucket.watch();
    const stop = (): void => watch.stop();
    stopped.signal.addEventListener('abort', stop, { once: true });
    if (stopped.signal.aborted) stop();
    for await (const entry of watch)
      if (entry.operation === 'PUT') signers.add(leaseBody.parse(entry.json()).signer ?? signer);
  };
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      await watchOnce().catch((error: unknown) =>
        log.debug('the leases of the masters cannot be watched now', { reason: errorMessage(error) }),
      );
      await clock.sleep(WATCH_AGAIN_MS, stopped.signal).catch(() => undefined);
    }
  })();
  const leases = async (): Promise<ReadonlyMap<string, LeaseBody>> => {
    const alive = new Map<string, LeaseBody>();
    for (const token of await tokens()) {
      const entry = await bucket.get(token);
      if (entry?.operation === 'PUT') alive.set(idFromToken(token), leaseBody.parse(entry.json()));
    }
    return alive;
  };
  return {
    boot,
    async holds(signal) {
      while (clock.now() - renewedAt > leaseMs * (1 - MARGIN)) {
        signal.throwIfAborted();
        await clock.sleep(100, signal);
      }
    },
    alive: async () => new Set((await leases()).keys()),
    signers,
    boots: async () => new Set([...(await leases()).values()].map((body) => body.boot)),
    async end() {
      stopped.abort();
      await Promise.all([renewing, watching]);
      const entry = await bucket.get(key);
      // A namesake may have the lease by now.
      if (entry !== null && entry.operation === 'PUT' && leaseBody.parse(entry.json()).boot === boot)
        await bucket.delete(key);
    },
  };
}

/** A lease of a master that is alone: simulations and tests. */
export function soleLease(id: string): MasterLease {
  return {
    holds: async (signal) => {
      if (signal.aborted) throw new EdgeError('EDGE_CANCELLED', 'cancelled', {}, { cause: signal.reason });
    },
    ...{ boot: id, alive: async () => new Set([id]), boots: async () => new Set([id]), signers: new Set() },
    end: async () => {},
  };
}

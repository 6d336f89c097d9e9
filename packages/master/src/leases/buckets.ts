import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';

const MASTERS_STREAM = 'KV_EDGE_MASTERS';
const MASTERS_PREFIX = '$KV.EDGE_MASTERS.';

/** Where masters keep what they hold: who is alive, and which run has which lock. */
export interface LeaseBuckets {
  /** Entries expire by themselves when a master no longer renews them. */
  readonly masters: KV;
  /** Keys of `masters` that there are just now. */
  readonly masterTokens: () => Promise<readonly string[]>;
  readonly locks: KV;
}

/**
 * Opens the buckets `EDGE_MASTERS` and `EDGE_LOCKS`, making them where they do not exist. All masters must say the same
 * `leaseMs`: the one that starts last decides.
 */
export async function openLeaseBuckets(connection: NatsConnection, leaseMs: number): Promise<LeaseBuckets> {
  const buckets = new Kvm(jetstream(connection, { timeout: 3_000 }));
  const masters = await buckets.create('EDGE_MASTERS', { ttl: leaseMs, history: 1 });
  const manager = await jetstreamManager(connection, { timeout: 3_000 });
  if ((await masters.status()).ttl !== leaseMs)
    await manager.streams.update(MASTERS_STREAM, { max_age: leaseMs * 1_000_000 });
  return {
    masters,
    masterTokens: async () => {
      const { state } = await manager.streams.info(MASTERS_STREAM, { subjects_filter: `${MASTERS_PREFIX}>` });
      return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(MASTERS_PREFIX.length));
    },
    locks: await buckets.create('EDGE_LOCKS', { history: 1 }),
  };
}

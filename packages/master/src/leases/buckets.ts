import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';

/** Where masters keep what they hold: who is alive, and which run has which lock. */
export interface LeaseBuckets {
  /** Entries expire by themselves when a master no longer renews them. */
  readonly masters: KV;
  readonly locks: KV;
}

/**
 * Opens the buckets `EDGE_MASTERS` and `EDGE_LOCKS`, making them where they do not exist. All masters must say the same
 * `leaseMs`: the one that starts last decides.
 */
export async function openLeaseBuckets(connection: NatsConnection, leaseMs: number): Promise<LeaseBuckets> {
  const buckets = new Kvm(jetstream(connection, { timeout: 3_000 }));
  const masters = await buckets.create('EDGE_MASTERS', { ttl: leaseMs, history: 1 });
  if ((await masters.status()).ttl !== leaseMs) {
    const manager = await jetstreamManager(connection, { timeout: 3_000 });
    await manager.streams.update('KV_EDGE_MASTERS', { max_age: leaseMs * 1_000_000 });
  }
  return {
    masters,
    locks: await buckets.create('EDGE_LOCKS', { history: 1 }),
  };
}

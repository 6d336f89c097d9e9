import { jetstream } from '@nats-io/jetstream';
import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { LEASE_MS } from './master-lease.ts';

/** Where masters keep what they hold: who is alive, and which run has which lock. */
export interface LeaseBuckets {
  /** Entries expire by themselves when a master no longer renews them. */
  readonly masters: KV;
  readonly locks: KV;
}

/** Opens the buckets `EDGE_MASTERS` and `EDGE_LOCKS`, making them where they do not exist. */
export async function openLeaseBuckets(connection: NatsConnection): Promise<LeaseBuckets> {
  const buckets = new Kvm(jetstream(connection, { timeout: 3_000 }));
  return {
    masters: await buckets.create('EDGE_MASTERS', { ttl: LEASE_MS, history: 1 }),
    locks: await buckets.create('EDGE_LOCKS', { history: 1 }),
  };
}

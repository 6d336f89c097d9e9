import type { Clock } from '@edge-run/shared/kernel';
import { jetstreamManager } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { onceReady, openBucket } from '../jetstream/index.ts';

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
export async function openLeaseBuckets(
  connection: NatsConnection,
  clock: Clock,
  leaseMs: number,
): Promise<LeaseBuckets> {
  const masters = await openBucket(connection, clock, 'EDGE_MASTERS', { ttl: leaseMs });
  const manager = await jetstreamManager(connection, { timeout: 3_000 });
  await onceReady(clock, 'the leases of masters', async () => {
    if ((await masters.status()).ttl !== leaseMs)
      await manager.streams.update(MASTERS_STREAM, { max_age: leaseMs * 1_000_000 });
  });
  return {
    masters,
    masterTokens: async () => {
      const { state } = await manager.streams.info(MASTERS_STREAM, { subjects_filter: `${MASTERS_PREFIX}>` });
      return Object.keys(state.subjects ?? {}).map((subject) => subject.slice(MASTERS_PREFIX.length));
    },
    locks: await openBucket(connection, clock, 'EDGE_LOCKS'),
  };
}

import type { Clock } from '@edge-run/shared/kernel';
import { jetstream } from '@nats-io/jetstream';
import { type KV, Kvm, type KvOptions } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import { onceReady } from './once-ready.ts';

/** How long one read or write of a bucket waits for its answer. */
const ANSWER_WITHIN_MS = 3_000;

/** Opens a bucket of one version for each key, made where it does not exist. @throws EdgeError `EDGE_BROKER_NOT_READY` */
export function openBucket(
  connection: NatsConnection,
  clock: Clock,
  name: string,
  options: Partial<KvOptions> = {},
): Promise<KV> {
  const buckets = new Kvm(jetstream(connection, { timeout: ANSWER_WITHIN_MS }));
  return onceReady(clock, `the bucket ${name}`, () => buckets.create(name, { history: 1, ...options }));
}

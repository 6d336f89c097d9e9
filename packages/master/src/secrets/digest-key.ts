import { randomBytes } from 'node:crypto';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';

const BUCKET = 'EDGE_SECRETS';
const NAME = 'digest-key';
const KEY_BYTES = 32;

/**
 * The key under which masters of one bus tell whether secrets have changed: the same for all of them, made by the first,
 * readable by masters alone. Who has a digest and not the key cannot try what the secrets are.
 */
export async function openDigestKey(connection: NatsConnection): Promise<Uint8Array> {
  const bucket = await new Kvm(jetstream(connection, { timeout: 3_000 })).create(BUCKET, { history: 1 });
  const known = await bucket.get(NAME);
  if (known !== null && known.length === KEY_BYTES) return known.value;
  const key = randomBytes(KEY_BYTES);
  try {
    await bucket.create(NAME, key);
    return key;
  } catch (error) {
    // Another master has made one meanwhile.
    const theirs = await bucket.get(NAME);
    if (theirs === null) throw error;
    return theirs.value;
  }
}

import { randomBytes } from 'node:crypto';
import type { Clock } from '@edge-run/shared/kernel';
import type { NatsConnection } from '@nats-io/transport-node';
import { openBucket } from '../jetstream/index.ts';

const BUCKET = 'EDGE_SECRETS';
const NAME = 'digest-key';
const KEY_BYTES = 32;

/**
 * The key under which masters of one bus tell whether secrets have changed: the same for all of them, made by the first,
 * readable by masters alone. Who has a digest and not the key cannot try what the secrets are.
 */
export async function openDigestKey(connection: NatsConnection, clock: Clock): Promise<Uint8Array> {
  const bucket = await openBucket(connection, clock, BUCKET);
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

import { type Clock, errorMessage, type JsonValue, type Logger } from '@edge-run/shared/kernel';
import { idFromToken, idToken } from '@edge-run/shared/protocol';
import { decodeValue, encodeValue, PyMap, valuesEqual } from '@edge-run/shared/values';
import type { NatsConnection } from '@nats-io/transport-node';
import { openBucket } from '../jetstream/index.ts';
import type { FactsStore } from './facts-store.ts';

/**
 * Shares the facts of hosts among masters, in the bucket `EDGE_FACTS`: a host tells one of them, and all know. Resolves
 * once what the others know is known here too; goes on until `signal` aborts.
 */
export async function shareFacts(
  store: FactsStore,
  connection: NatsConnection,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const bucket = await openBucket(connection, clock, 'EDGE_FACTS');
  const watch = await bucket.watch();
  signal.addEventListener('abort', () => watch.stop(), { once: true });
  /** Host id → what the bucket holds, so that it is not told what it told us. */
  const shared = new Map<string, PyMap>();
  const known = await bucket.keys();
  let missing = 0;
  for await (const _ of known) missing += 1;
  await new Promise<void>((caughtUp) => {
    if (missing === 0) caughtUp();
    void (async () => {
      for await (const entry of watch) {
        const id = idFromToken(entry.key);
        if (entry.operation === 'PUT') {
          const facts = decodeValue(entry.json<JsonValue>());
          if (facts instanceof PyMap) {
            shared.set(id, facts);
            if (!sameFacts(store.get(id), facts)) await store.set(id, facts);
          }
        } else {
          shared.delete(id);
          if (store.get(id) !== undefined) await store.delete(id);
        }
        missing -= 1;
        if (missing <= 0) caughtUp();
      }
    })().catch((error: unknown) => {
      log.warn('facts that other masters hear are no longer known here', { reason: errorMessage(error) });
      caughtUp();
    });
  });
  const share = async (id: string, facts: PyMap | undefined): Promise<void> => {
    try {
      if (facts === undefined) {
        if (shared.delete(id)) await bucket.delete(idToken(id));
      } else if (!sameFacts(shared.get(id), facts)) {
        shared.set(id, facts);
        await bucket.put(idToken(id), JSON.stringify(encodeValue(facts)));
      }
    } catch (error) {
      log.warn('facts of a host were not shared with other masters', { id, reason: errorMessage(error) });
    }
  };
  store.onChange((id, facts) => void share(id, facts));
  for (const id of store.ids()) await share(id, store.get(id));
}

function sameFacts(one: PyMap | undefined, other: PyMap): boolean {
  return one !== undefined && valuesEqual(one, other);
}

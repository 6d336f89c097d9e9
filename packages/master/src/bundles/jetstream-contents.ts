import { contentDigest } from '@edge-run/shared/files';
import type { Clock } from '@edge-run/shared/kernel';
import { STREAMS, SUBJECTS } from '@edge-run/shared/protocol';
import {
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { ensureStream, onceReady } from '../jetstream/index.ts';
import type { Contents } from './contents.ts';

/** How long a content is kept after it was last stored. */
const KEPT_FOR_MS = 14 * 24 * 3_600_000;
/** One that is older is stored again when it is wanted, so that no run loses it in its first week. */
const RENEW_AFTER_MS = KEPT_FOR_MS / 2;
/** Below what a message holds. */
const PART_BYTES = 512 * 1024;

/** Contents in the stream `EDGE_FILES`, a message for each half megabyte. Makes the stream where it does not exist. */
export async function openJetStreamContents(connection: NatsConnection, clock: Clock): Promise<Contents> {
  return onceReady(clock, 'the store of bundles', async () => {
    const manager = await jetstreamManager(connection);
    await ensureStream(manager, STREAMS.files, {
      discard: DiscardPolicy.Old,
      max_msgs_per_subject: 1,
      max_age: nanos(KEPT_FOR_MS),
      allow_direct: true,
    });
    return new JetStreamContents(jetstream(connection), manager, clock);
  });
}

class JetStreamContents implements Contents {
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #clock: Clock;
  /** Digest, as in subjects → when it was stored. Asked of the stream once, then kept by what is stored here. */
  #stored: Promise<Map<string, number>> | undefined;

  constructor(client: JetStreamClient, manager: JetStreamManager, clock: Clock) {
    this.#client = client;
    this.#manager = manager;
    this.#clock = clock;
  }

  async keep(digest: string, content: () => Promise<Uint8Array>): Promise<void> {
    const stored = await this.#times();
    const now = this.#clock.now();
    if (now - (stored.get(digest) ?? Number.NEGATIVE_INFINITY) < RENEW_AFTER_MS) return;
    const bytes = await content();
    // The first part last: a content whose first part is there is there as a whole.
    for (let part = partsOf(bytes.length) - 1; part >= 0; part -= 1)
      await this.#client.publish(
        SUBJECTS.filePart(digest, String(part)),
        bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES),
      );
    stored.set(digest, now);
  }

  async read(digest: string): Promise<Uint8Array | undefined> {
    const parts: Uint8Array[] = [];
    do {
      const last_by_subj = SUBJECTS.filePart(digest, String(parts.length));
      const message = await this.#manager.direct.getMessage(STREAMS.files.name, { last_by_subj });
      if (message === null) return undefined;
      parts.push(message.data);
    } while (parts.at(-1)!.length === PART_BYTES);
    const content = Buffer.concat(parts);
    return contentDigest(content) === digest ? content : undefined;
  }

  #times(): Promise<Map<string, number>> {
    this.#stored ??= this.#readTimes().catch((error: unknown) => {
      this.#stored = undefined; // the next use asks again
      throw error;
    });
    return this.#stored;
  }

  /** When the first part of each content was stored. */
  async #readTimes(): Promise<Map<string, number>> {
    const stored = new Map<string, number>();
    const { state } = await this.#manager.streams.info(STREAMS.files.name);
    if (state.messages === 0) return stored;
    const consumer = await this.#client.consumers.get(STREAMS.files.name, {
      deliver_policy: DeliverPolicy.All,
      headers_only: true,
    });
    for await (const { subject, seq, info } of await consumer.consume()) {
      const [, , hex, part] = subject.split('.');
      if (part === '0') stored.set(`sha256:${hex}`, info.timestampNanos / 1_000_000);
      if (seq >= state.last_seq || info.pending === 0) break;
    }
    return stored;
  }
}

/** The last part is shorter than the others, if need be empty: that is how a reader knows it. */
function partsOf(sizeBytes: number): number {
  return Math.floor(sizeBytes / PART_BYTES) + 1;
}

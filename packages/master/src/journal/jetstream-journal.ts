import { contentDigest } from '@edge-run/shared/files';
import { type Clock, EdgeError, type JsonValue, newId } from '@edge-run/shared/kernel';
import { STREAMS, SUBJECTS } from '@edge-run/shared/protocol';
import {
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { type ObjectStore, Objm } from '@nats-io/obj';
import type { NatsConnection } from '@nats-io/transport-node';
import { ensureStream, isWrittenByAnother, onceReady } from '../jetstream/index.ts';
import { isDamaged } from './damaged.ts';
import type { Journal, JournalEntry, Revision } from './journal.ts';
import { journalConflict } from './memory-journal.ts';

/** Entries above this many bytes are kept as an object and journaled by digest: a message holds at most 1 MiB. */
const LARGE_ENTRY_BYTES = 500_000;
/** How long an append is retried while the broker is away or elects a leader. */
const APPEND_PATIENCE_MS = 30_000;
const RETRY_PAUSE_MS = 100;
const OBJECT_BUCKET = 'EDGE_JOURNAL_OBJECTS';

interface Stored<E> {
  readonly events?: readonly E[];
  /** `sha256:<hex>`, the name of the object that holds the events. */
  readonly object?: string;
}

/** Where the journal's stream is, and how it is kept. */
export interface JetStreamJournalOptions {
  readonly connection: NatsConnection;
  readonly clock: Clock;
  /** Copies of the stream; above 1 only on nats-server 2.10 or newer. Default 1. */
  readonly replicas?: number;
}

/**
 * The journal on JetStream: one stream, one subject per run, appends with the expected last sequence of the subject.
 * Creates its stream where it does not exist.
 *
 * @throws EdgeError `EDGE_BROKER_TOO_OLD` for replicas above 1 on a server whose replicated compare-and-set is broken,
 *   `EDGE_BROKER_NOT_READY`
 */
export async function openJetStreamJournal<E extends JsonValue>(options: JetStreamJournalOptions): Promise<Journal<E>> {
  const { connection, clock, replicas = 1 } = options;
  refuseBrokenReplication(connection, replicas);
  return onceReady(clock, 'the journal', async () => {
    const manager = await jetstreamManager(connection);
    await ensureStream(manager, STREAMS.journal, { num_replicas: replicas });
    const objects = await new Objm(connection).create(OBJECT_BUCKET, { replicas });
    return new JetStreamJournal<E>(jetstream(connection), manager, objects, clock);
  });
}

class JetStreamJournal<E extends JsonValue> implements Journal<E> {
  readonly #client: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #objects: ObjectStore;
  readonly #clock: Clock;

  constructor(client: JetStreamClient, manager: JetStreamManager, objects: ObjectStore, clock: Clock) {
    this.#client = client;
    this.#manager = manager;
    this.#objects = objects;
    this.#clock = clock;
  }

  async append(run: string, expected: Revision, events: readonly E[]): Promise<Revision> {
    const body = await this.#pack(events);
    const options = {
      // One id for this call: its own repetitions are duplicates, another append at the same revision is not.
      msgID: `${run}/${expected}/${newId()}`,
      expect: { lastSubjectSequence: expected },
      timeout: 2_000,
    };
    const giveUpAt = this.#clock.now() + APPEND_PATIENCE_MS;
    for (;;) {
      try {
        const ack = await this.#client.publish(SUBJECTS.run(run), body, options);
        return ack.seq;
      } catch (error) {
        if (isWrittenByAnother(error)) throw journalConflict(run, expected);
        if (this.#clock.now() > giveUpAt) {
          throw new EdgeError(
            'EDGE_JOURNAL_UNAVAILABLE',
            `run ${run}: the journal could not be written for ${APPEND_PATIENCE_MS / 1000} s`,
            { run, expected },
            { cause: error, hint: "See whether nats-server is up: 'edge-run status'. The run goes on once it is." },
          );
        }
        // Lost answers and elections: the message id makes the repetition harmless.
        await this.#clock.sleep(RETRY_PAUSE_MS);
      }
    }
  }

  async read(run: string): Promise<readonly JournalEntry<E>[]> {
    const subject = SUBJECTS.run(run);
    const last = await this.#manager.streams.getMessage(STREAMS.journal.name, { last_by_subj: subject });
    if (last === null) return [];
    return this.#collect(subject, DeliverPolicy.All, last.seq, (...message) => this.#unpack(...message));
  }

  async latest(): Promise<readonly JournalEntry<E>[]> {
    const { state } = await this.#manager.streams.info(STREAMS.journal.name);
    if (state.messages === 0) return [];
    const unpackEach: Unpack<E> = (...message) => this.#unpackOrEmpty(...message);
    return this.#collect(SUBJECTS.runs, DeliverPolicy.LastPerSubject, state.last_seq, unpackEach);
  }

  async *tail(signal: AbortSignal): AsyncIterable<JournalEntry<E>> {
    const consumer = await this.#client.consumers.get(STREAMS.journal.name, { deliver_policy: DeliverPolicy.All });
    const messages = await consumer.consume();
    const stop = (): void => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    for await (const message of messages) {
      yield await this.#unpackOrEmpty(message.subject, message.seq, message.data);
    }
  }

  async #collect(
    subject: string,
    policy: DeliverPolicy,
    lastSequence: number,
    unpackEach: Unpack<E>,
  ): Promise<JournalEntry<E>[]> {
    const entries: JournalEntry<E>[] = [];
    const consumer = await this.#client.consumers.get(STREAMS.journal.name, {
      filter_subjects: subject,
      deliver_policy: policy,
    });
    const messages = await consumer.consume();
    for await (const message of messages) {
      entries.push(await unpackEach(message.subject, message.seq, message.data));
      if (message.seq >= lastSequence || message.info.pending === 0) break;
    }
    return entries;
  }

  async #pack(events: readonly E[]): Promise<string> {
    const text = JSON.stringify({ events } satisfies Stored<E>);
    if (Buffer.byteLength(text) <= LARGE_ENTRY_BYTES) return text;
    const content = JSON.stringify(events);
    const name = contentDigest(content);
    await this.#objects.putBlob({ name }, new TextEncoder().encode(content));
    return JSON.stringify({ object: name } satisfies Stored<E>);
  }

  #unpack(subject: string, revision: Revision, data: Uint8Array): Promise<JournalEntry<E>> {
    return unpack(this.#objects, { subject, seq: revision, data });
  }

  /** One damaged run is no reason to keep the others from being followed. */
  async #unpackOrEmpty(subject: string, revision: Revision, data: Uint8Array): Promise<JournalEntry<E>> {
    try {
      return await this.#unpack(subject, revision, data);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      return { run: runOf(subject), revision, events: [] };
    }
  }
}

type Unpack<E> = (subject: string, revision: Revision, data: Uint8Array) => Promise<JournalEntry<E>>;

/** A message of the journal's stream. */
interface JournalMessage {
  readonly subject: string;
  readonly seq: number;
  readonly data: Uint8Array;
}

/** Reads messages of the journal's stream for a consumer of its own; the journal must have been opened before. */
export async function openEntryReader<E>(
  connection: NatsConnection,
): Promise<(message: JournalMessage) => Promise<JournalEntry<E>>> {
  const objects = await new Objm(connection).open(OBJECT_BUCKET);
  return (message) => unpack(objects, message);
}

/** @throws EdgeError `EDGE_JOURNAL_DAMAGED` when the entry is no JSON, or its object is gone */
async function unpack<E>(objects: ObjectStore, { subject, seq, data }: JournalMessage): Promise<JournalEntry<E>> {
  const run = runOf(subject);
  const damaged = (why: string): EdgeError =>
    new EdgeError('EDGE_JOURNAL_DAMAGED', `run ${run}: ${why}`, { run, revision: seq });
  const parsed = <T>(bytes: Uint8Array): T => {
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as T;
    } catch {
      throw damaged(`entry ${seq} is no JSON`);
    }
  };
  const stored = parsed<Stored<E>>(data);
  if (stored.object === undefined) return { run, revision: seq, events: stored.events ?? [] };
  const content = await objects.getBlob(stored.object);
  if (content === null) throw damaged(`the object ${stored.object} of entry ${seq} is gone`);
  return { run, revision: seq, events: parsed<E[]>(content) };
}

function runOf(subject: string): string {
  return subject.slice(SUBJECTS.run('').length);
}

/** On 2.9 replicated compare-and-set lets several writers win. */
function refuseBrokenReplication(connection: NatsConnection, replicas: number): void {
  const version = connection.info?.version ?? '0.0.0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (replicas > 1 && (major < 2 || (major === 2 && minor < 10))) {
    throw new EdgeError(
      'EDGE_BROKER_TOO_OLD',
      `nats-server ${version} cannot keep ${replicas} copies of the journal safely`,
      { version, replicas },
      { hint: 'Upgrade to nats-server 2.10 or newer, or set journal.replicas to 1.' },
    );
  }
}

import { type Bus, decodeBody } from '@edge-run/shared/bus';
import { type Clock, type InstantMs, type JsonValue, type Logger, newId } from '@edge-run/shared/kernel';
import { type EdgeEvent, edgeEvent, eventSubject, STREAMS, SUBJECTS } from '@edge-run/shared/protocol';
import { compileGlob, isGlob } from '@edge-run/shared/target';
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { ensureStream, onceReady } from '../jetstream/index.ts';
import { EventHub } from './hub.ts';

/** How long events are kept. */
const KEPT_FOR_MS = 7 * 24 * 3_600_000;
const KEPT_BYTES = 1024 ** 3;
/** Kept events that a listener is told first, at most: the last ones. */
const CAUGHT_UP = 10_000;

/** An event to be sent; id, time and source are added. */
export interface NewEvent {
  readonly tag: string;
  /** Encoded. */
  readonly data: JsonValue;
  /** Given where the same event may be sent twice, so that watchers drop the second. */
  readonly id?: string;
  readonly at?: number;
  readonly source?: string;
  readonly causedBy?: string;
  readonly depth?: number;
}

/** The events of the installation: sent to everybody who watches, and kept in a stream. */
export interface Events {
  send(event: NewEvent): Promise<EdgeEvent>;
  /**
   * Every event whose tag the glob matches, until `signal` aborts: from `since` on, the kept ones first, or from now on. The
   * subscription stands when the promise resolves.
   */
  listen(
    signal: AbortSignal,
    wanted: { readonly glob: string; readonly since?: InstantMs | undefined },
  ): Promise<AsyncIterable<EdgeEvent>>;
  /** Kept events since an instant, oldest first, at most the last `limit`. */
  recent(options: {
    readonly since?: number;
    readonly limit: number;
    readonly tag?: (tag: string) => boolean;
  }): Promise<readonly EdgeEvent[]>;
}

/** What events are published and kept through. */
export interface EventsOptions {
  readonly bus: Bus;
  readonly connection: NatsConnection;
  readonly clock: Clock;
  readonly log: Logger;
  /** `master:<id>`. */
  readonly source: string;
}

/** Opens the events of an installation; makes their stream where it does not exist. */
export async function openEvents(options: EventsOptions): Promise<Events> {
  const { bus, connection, clock, source } = options;
  await onceReady(clock, 'the stream of events', async () => {
    await ensureStream(await jetstreamManager(connection), STREAMS.events, {
      max_age: nanos(KEPT_FOR_MS),
      max_bytes: KEPT_BYTES,
    });
  });
  const hub = new EventHub(bus, options.log);
  return {
    async send({ id = newId(), at = clock.now(), ...rest }) {
      const event: EdgeEvent = { source, ...rest, id, at };
      await bus.publish(eventSubject(event.tag), event);
      return event;
    },
    async listen(signal, { glob, since }) {
      const tag = compileGlob(glob);
      const live = await hub.listen(signal, tag);
      if (since === undefined) return live;
      return joined(await readRecent(connection, { since, limit: CAUGHT_UP, tag }, subjectOf(glob)), live);
    },
    recent: (query) => readRecent(connection, query),
  };
}

/** A subject that every tag of the glob travels on. */
function subjectOf(glob: string): string {
  if (!isGlob(glob)) return eventSubject(glob);
  const parts = glob.split('/');
  const literal = parts.slice(0, parts.findIndex(isGlob));
  return literal.length === 0 ? SUBJECTS.events : `${eventSubject(literal.join('/'))}.>`;
}

/** Kept events, and then those that come, each once. */
async function* joined(kept: readonly EdgeEvent[], live: AsyncIterable<EdgeEvent>): AsyncGenerator<EdgeEvent> {
  yield* kept;
  const known = new Set(kept.map(({ id }) => id));
  for await (const event of live) if (!known.has(event.id)) yield event;
}

async function readRecent(
  connection: NatsConnection,
  { since, limit, tag = () => true }: Parameters<Events['recent']>[0],
  subject: string = SUBJECTS.events,
): Promise<readonly EdgeEvent[]> {
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(STREAMS.events.name);
  if (state.messages === 0) return [];
  const consumer = await jetstream(connection).consumers.get(STREAMS.events.name, {
    filter_subjects: subject,
    ...(since === undefined
      ? { deliver_policy: DeliverPolicy.All }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(since).toISOString() }),
  });
  const found: EdgeEvent[] = [];
  try {
    if ((await consumer.info()).num_pending === 0) return found;
    const messages = await consumer.consume();
    for await (const message of messages) {
      const event = edgeEvent.safeParse(decodeBody(message.data));
      if (event.success && tag(event.data.tag)) found.push(event.data);
      if (found.length > limit) found.shift();
      if (message.seq >= state.last_seq || message.info.pending === 0) break;
    }
    return found;
  } finally {
    await consumer.delete().catch(() => false); // it goes by itself after five minutes
  }
}

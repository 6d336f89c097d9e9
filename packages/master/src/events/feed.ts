import { decodeBody } from '@edge-run/shared/bus';
import type { Logger } from '@edge-run/shared/kernel';
import { type EdgeEvent, edgeEvent, eventSubject, STREAMS, SUBJECTS } from '@edge-run/shared/protocol';
import { DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/**
 * A place in the stream of events, as text that nobody needs to read: which stream it is a place of, and the number of
 * the last event that was seen.
 */
export type EventCursor = string;

/** Where reading begins. */
export type FeedStart =
  | { readonly kind: 'now' }
  | { readonly kind: 'after'; readonly cursor: EventCursor }
  | { readonly kind: 'since'; readonly at: number };

/** An event and the place behind it. */
export interface FedEvent {
  readonly event: EdgeEvent;
  readonly cursor: EventCursor;
  /** True when nothing that is kept comes after it: what follows has just happened. */
  readonly isLast: boolean;
}

/** Events from a place on. */
export interface OpenFeed {
  /** Where it begins. */
  readonly cursor: EventCursor;
  /** Why events are missing between the place that was asked for and this one; absent where none are. */
  readonly gap?: string;
  /** True when no kept event is before it: it begins with what happens now. */
  readonly isLive: boolean;
  /** In order, each once, without end until the signal aborts. */
  readonly events: AsyncIterable<FedEvent>;
}

/** The kept events of the installation, to be read from any place without missing one or having one twice. */
export interface EventFeed {
  /** The place behind the last event that is kept now. */
  position(): Promise<EventCursor>;
  /** Opens a feed of the events below these tags (`run/01K9`; all when absent) that ends when `signal` aborts. */
  open(options: {
    readonly start: FeedStart;
    readonly below?: string;
    readonly signal: AbortSignal;
  }): Promise<OpenFeed>;
}

/** How many events are fetched before they are asked for: what one reader holds in memory at most. */
const FETCHED_AHEAD = 50;

/** The feed of the stream of events; the stream must be there. */
export function openEventFeed(connection: NatsConnection, log: Logger): EventFeed {
  const read = async (): Promise<StreamPlace> => {
    const { created, state } = await (await jetstreamManager(connection)).streams.info(STREAMS.events.name);
    return { stream: Date.parse(created).toString(36), first: state.first_seq, last: state.last_seq };
  };
  return {
    async position() {
      const { stream, last } = await read();
      return cursorOf(stream, last);
    },
    async open({ start, below, signal }) {
      const place = await read();
      const { after, gap } = startingPoint(start, place);
      const consumer = await jetstream(connection).consumers.get(STREAMS.events.name, {
        filter_subjects: below === undefined ? SUBJECTS.events : `${eventSubject(below)}.>`,
        ...(start.kind === 'since'
          ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(start.at).toISOString() }
          : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: after + 1 }),
      });
      const { num_pending, delivered } = await consumer.info();
      const messages = await consumer.consume({ max_messages: FETCHED_AHEAD });
      const stop = (): void => messages.stop();
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      const events = async function* (): AsyncIterable<FedEvent> {
        try {
          for await (const { data, seq, subject, info } of messages) {
            const parsed = edgeEvent.safeParse(decodeBody(data));
            if (!parsed.success) log.warn('an event that is none was left out', { subject });
            else yield { event: parsed.data, cursor: cursorOf(place.stream, seq), isLast: info.pending === 0 };
          }
        } finally {
          signal.removeEventListener('abort', stop);
          messages.stop();
        }
      };
      return {
        // What stands before the first event since an instant, the server knows.
        cursor: cursorOf(place.stream, start.kind === 'since' ? delivered.stream_seq : after),
        isLive: num_pending === 0,
        events: events(),
        ...(gap === undefined ? {} : { gap }),
      };
    },
  };
}

interface StreamPlace {
  /** Tells this stream from one that was made anew under the same name. */
  readonly stream: string;
  readonly first: number;
  readonly last: number;
}

/** The number of the last event that is not wanted, and what is missing. */
function startingPoint(start: FeedStart, { stream, first, last }: StreamPlace): { after: number; gap?: string } {
  const oldest = Math.max(0, first - 1);
  if (start.kind === 'now') return { after: last };
  if (start.kind === 'since') return { after: oldest };
  const [of, text] = start.cursor.split('-');
  const seen = Number(text);
  if (of !== stream || seen > last) return { after: oldest, gap: 'the stream of events was made anew' };
  if (seen < oldest) return { after: oldest, gap: 'events behind the cursor are no longer kept' };
  return { after: seen };
}

/** True for a text that `position` or a feed may have given. */
export function isCursor(text: string): boolean {
  return /^[0-9a-z]+-\d{1,15}$/.test(text);
}

function cursorOf(stream: string, sequence: number): EventCursor {
  return `${stream}-${sequence}`;
}

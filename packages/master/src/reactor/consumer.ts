import { decodeBody } from '@edge-run/shared/bus';
import { type Clock, errorMessage, type Logger } from '@edge-run/shared/kernel';
import type { EdgeEvent } from '@edge-run/shared/protocol';
import { edgeEvent, idFromToken, STREAMS } from '@edge-run/shared/protocol';
import { type Consumer, type JetStreamManager, type JsMsg, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, nanos } from '@nats-io/transport-node';
import { ensureConsumer, onceReady } from '../jetstream/index.ts';
import { OrderBarrier } from './order-barrier.ts';

/** Name of the durable consumer: where the reactors of an installation are in the stream of events. */
const CONSUMER = 'reactor';
/** Events that may be in hand at a time. */
const IN_HAND = 256;
const RETRY_PAUSE_MS = 1_000;

/** What reading the events needs, and what is done with them. */
export interface EventConsumerOptions {
  readonly connection: NatsConnection;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** How long after its death an event that a master had in hand is given to the next. */
  readonly ackWaitMs: number;
  /** Whether a tag is of interest; the events of others are done with unread. */
  matches(tag: string): boolean;
  /** Deals with an event; it is given again when this throws. Events of one tag come one after the other. */
  handle(event: EdgeEvent): Promise<void>;
}

/** An event in hand. */
interface InHand {
  /** The latest delivery of it: only that one can be acknowledged. */
  message: JsMsg;
}

/**
 * Makes the durable consumer where there is none, from now on, and gives every event of the stream to `handle`. Resolves
 * when the consumer stands; `ended` once `signal` has aborted and every event in hand was dealt with or given back.
 */
export async function consumeEvents(options: EventConsumerOptions): Promise<{ readonly ended: Promise<void> }> {
  const { manager, first } = await onceReady(options.clock, 'the consumer of the reactors', async () => {
    const opened = await jetstreamManager(options.connection);
    return { manager: opened, first: await openConsumer(opened, options) };
  });
  return { ended: new EventConsumer(manager, options).run(first) };
}

function openConsumer(manager: JetStreamManager, { ackWaitMs }: EventConsumerOptions): Promise<Consumer> {
  return ensureConsumer(manager, STREAMS.events.name, CONSUMER, {
    ack_wait: nanos(ackWaitMs),
    max_ack_pending: IN_HAND,
  });
}

class EventConsumer {
  readonly #manager: JetStreamManager;
  readonly #options: EventConsumerOptions;
  /** Stream sequence → event. */
  readonly #inHand = new Map<number, InHand>();
  /** Stream sequence → what waits for earlier events. */
  readonly #held = new Map<number, JsMsg>();
  /** Tag → the end of its last event. */
  readonly #tags = new Map<string, Promise<void>>();

  constructor(manager: JetStreamManager, options: EventConsumerOptions) {
    this.#manager = manager;
    this.#options = options;
  }

  async run(first: Consumer): Promise<void> {
    const { clock, log, signal } = this.#options;
    const stop = new AbortController();
    const keeping = this.#keepInHand(stop.signal);
    let consumer: Consumer | undefined = first;
    while (!signal.aborted) {
      try {
        consumer ??= await openConsumer(this.#manager, this.#options);
        await this.#consume(consumer);
      } catch (error) {
        log.warn(`the reactor cannot read events: ${errorMessage(error)}`);
      }
      consumer = undefined;
      await clock.sleep(RETRY_PAUSE_MS, signal).catch(() => undefined); // it only ends the wait
    }
    await Promise.all(this.#tags.values());
    stop.abort();
    await keeping;
    await this.#options.connection.flush().catch(() => undefined); // closed: what was given back comes again by itself
  }

  async #consume(consumer: Consumer): Promise<void> {
    const { signal } = this.#options;
    const barrier = new OrderBarrier({
      ...{ before: await consumer.info(), now: () => consumer.info() },
      ...{ inHand: this.#inHand, held: this.#held, take: (message: JsMsg) => this.#take(message) },
      ...{ clock: this.#options.clock, ackWaitMs: this.#options.ackWaitMs },
    });
    const messages = await consumer.consume({ max_messages: IN_HAND });
    const stop = (): void => messages.stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      for await (const message of messages) {
        if (signal.aborted) message.nak();
        else barrier.pass(message);
      }
    } finally {
      signal.removeEventListener('abort', stop);
      barrier.dispose();
    }
  }

  #take(message: JsMsg): void {
    const tag = tagOf(message.subject);
    if (!this.#options.matches(tag)) {
      message.ack();
      return;
    }
    const known = this.#inHand.get(message.seq);
    if (known !== undefined) {
      known.message = message;
      return;
    }
    const entry: InHand = { message };
    this.#inHand.set(message.seq, entry);
    const before = this.#tags.get(tag) ?? Promise.resolve();
    const done = before
      .then(() => this.#handle(entry))
      .finally(() => {
        this.#inHand.delete(message.seq);
        if (this.#tags.get(tag) === done) this.#tags.delete(tag);
      });
    this.#tags.set(tag, done);
  }

  async #handle(entry: InHand): Promise<void> {
    const { handle, log, signal } = this.#options;
    const { message } = entry;
    if (signal.aborted) return message.nak();
    try {
      const event = edgeEvent.safeParse(parsed(message));
      if (event.success) await handle(event.data);
      else log.warn('an event that is none was dropped', { subject: message.subject });
      entry.message.ack();
    } catch (error) {
      if (signal.aborted) {
        entry.message.nak();
        return;
      }
      log.warn(`an event could not be dealt with and comes again: ${errorMessage(error)}`);
      entry.message.nak(RETRY_PAUSE_MS);
    }
  }

  /** Says every now and then that the events in hand are being dealt with. */
  async #keepInHand(signal: AbortSignal): Promise<void> {
    const { ackWaitMs, clock } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(ackWaitMs / 3, signal).catch(() => undefined); // it only ends the wait
      for (const { message } of this.#inHand.values()) message.working();
      for (const message of this.#held.values()) message.working();
    }
  }
}

/** The tag that `eventSubject` made a subject of. */
function tagOf(subject: string): string {
  return subject
    .split('.')
    .slice(2)
    .map((token) => (token === '=' ? '' : idFromToken(token)))
    .join('/');
}

function parsed(message: JsMsg): unknown {
  try {
    return decodeBody(message.data);
  } catch {
    // Whoever may publish events may publish what is none; it is logged where it is dropped.
    return undefined;
  }
}

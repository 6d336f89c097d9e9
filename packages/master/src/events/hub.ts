import { BoundedQueue, type Bus } from '@edge-run/shared/bus';
import type { Logger } from '@edge-run/shared/kernel';
import { type EdgeEvent, edgeEvent, SUBJECTS } from '@edge-run/shared/protocol';

/** Which events a listener wants. */
export type WantsTag = (tag: string) => boolean;

interface Listener {
  readonly queue: BoundedQueue<EdgeEvent>;
  readonly wants: WantsTag;
}

/**
 * One subscription to all events for everybody in this process who listens: a thousand runs that wait for an event cost
 * one message each time, not a thousand. Subscribes at the first listener and stays so.
 */
export class EventHub {
  readonly #bus: Bus;
  readonly #log: Logger;
  readonly #listeners = new Set<Listener>();
  #subscribed: Promise<void> | undefined;

  constructor(bus: Bus, log: Logger) {
    this.#bus = bus;
    this.#log = log;
  }

  /** Every event that is wanted from now on, until `signal` aborts. The subscription stands when the promise resolves. */
  async listen(signal: AbortSignal, wants: WantsTag = () => true): Promise<AsyncIterable<EdgeEvent>> {
    const listener: Listener = { queue: new BoundedQueue(), wants };
    const stop = (): void => {
      this.#listeners.delete(listener);
      listener.queue.end();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (!signal.aborted) this.#listeners.add(listener);
    else stop();
    this.#subscribed ??= this.#subscribe();
    await this.#subscribed;
    return reading(listener.queue, () => {
      signal.removeEventListener('abort', stop);
      stop();
    });
  }

  async #subscribe(): Promise<void> {
    const messages = this.#bus.subscribe(SUBJECTS.events, { signal: new AbortController().signal });
    void this.#spread(messages);
    await this.#bus.flush();
  }

  async #spread(messages: AsyncIterable<{ readonly body: unknown; readonly subject: string }>): Promise<void> {
    for await (const { body, subject } of messages) {
      if (this.#listeners.size === 0) continue;
      const event = edgeEvent.safeParse(body);
      if (!event.success) {
        this.#log.warn('an event that is none was dropped', { subject });
        continue;
      }
      for (const { queue, wants } of this.#listeners)
        if (wants(event.data.tag) && !queue.push(event.data))
          this.#log.warn('somebody who waits for events is too slow: one was dropped', { tag: event.data.tag });
    }
    // The connection has ended: nobody hears anything any more.
    for (const { queue } of this.#listeners) queue.end();
  }
}

/** Reads a queue and says when nobody reads it any more. */
async function* reading(queue: BoundedQueue<EdgeEvent>, ended: () => void): AsyncGenerator<EdgeEvent> {
  try {
    yield* queue;
  } finally {
    ended();
  }
}

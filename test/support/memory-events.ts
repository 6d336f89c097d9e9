import type { Events, NewEvent } from '@edge-run/master/events';
import { BoundedQueue } from '@edge-run/shared/bus';
import { type Clock, newId } from '@edge-run/shared/kernel';
import type { EdgeEvent } from '@edge-run/shared/protocol';

/** Events that stay in this process, all of them kept. */
export class MemoryEvents implements Events {
  readonly sent: EdgeEvent[] = [];
  readonly #clock: Clock;
  readonly #listeners = new Set<BoundedQueue<EdgeEvent>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async send({ id = newId(), at = this.#clock.now(), ...rest }: NewEvent): Promise<EdgeEvent> {
    const event: EdgeEvent = { source: 'test', ...rest, id, at };
    this.sent.push(event);
    for (const queue of this.#listeners) queue.push(event);
    return event;
  }

  async listen(signal: AbortSignal, _wants?: unknown, since?: number): Promise<AsyncIterable<EdgeEvent>> {
    const queue = new BoundedQueue<EdgeEvent>();
    if (since !== undefined) for (const event of this.sent) if (event.at >= since) queue.push(event);
    this.#listeners.add(queue);
    const end = (): void => {
      this.#listeners.delete(queue);
      queue.end();
    };
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    return queue;
  }

  async recent({ limit }: { readonly limit: number }): Promise<readonly EdgeEvent[]> {
    return this.sent.slice(-limit);
  }
}

import type { Events, NewEvent } from '@edge-run/master/events';
import { BoundedQueue } from '@edge-run/shared/bus';
import { type Clock, newId } from '@edge-run/shared/kernel';
import type { EdgeEvent } from '@edge-run/shared/protocol';
import { compileGlob } from '@edge-run/shared/target';

/** Events that stay in this process, all of them kept. */
export class MemoryEvents implements Events {
  readonly sent: EdgeEvent[] = [];
  readonly #clock: Clock;
  readonly #listeners = new Set<{
    readonly queue: BoundedQueue<EdgeEvent>;
    readonly wants: (tag: string) => boolean;
  }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async send({ id = newId(), at = this.#clock.now(), ...rest }: NewEvent): Promise<EdgeEvent> {
    const event: EdgeEvent = { source: 'test', ...rest, id, at };
    this.sent.push(event);
    for (const { queue, wants } of this.#listeners) if (wants(event.tag)) queue.push(event);
    return event;
  }

  async listen(
    signal: AbortSignal,
    { glob, since }: { readonly glob: string; readonly since?: number | undefined },
  ): Promise<AsyncIterable<EdgeEvent>> {
    const listener = { queue: new BoundedQueue<EdgeEvent>(), wants: compileGlob(glob) };
    const { queue, wants } = listener;
    if (since !== undefined)
      for (const event of this.sent) if (event.at >= since && wants(event.tag)) queue.push(event);
    this.#listeners.add(listener);
    const end = (): void => {
      this.#listeners.delete(listener);
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

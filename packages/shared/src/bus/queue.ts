/** Bounds of one subscription's queue. */
export interface QueueLimits {
  readonly items: number;
  readonly bytes: number;
}

/** How much may wait for a reader where nothing else is told. */
export const DEFAULT_QUEUE_LIMITS: QueueLimits = { items: 65_536, bytes: 64 * 1024 * 1024 };

/**
 * Items pushed by a callback, read by one `for await`. What does not fit is refused, so that a slow reader costs
 * messages and never the process.
 */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly #limits: QueueLimits;
  readonly #items: { readonly item: T; readonly bytes: number }[] = [];
  #head = 0;
  #bytes = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(limits: QueueLimits = DEFAULT_QUEUE_LIMITS) {
    this.#limits = limits;
  }

  /** False when the item was dropped: the queue is full or has ended. */
  push(item: T, bytes = 0): boolean {
    const waiting = this.#items.length - this.#head;
    if (this.#ended || waiting >= this.#limits.items || (waiting > 0 && this.#bytes + bytes > this.#limits.bytes)) {
      return false;
    }
    this.#items.push({ item, bytes });
    this.#bytes += bytes;
    this.#wakeUp();
    return true;
  }

  /** No more items; the reader still gets those that wait. */
  end(): void {
    this.#ended = true;
    this.#wakeUp();
  }

  /** No more items, and those that wait are dropped. */
  clear(): void {
    this.#items.length = 0;
    this.#head = 0;
    this.#bytes = 0;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const next = this.#items[this.#head];
      if (next !== undefined) {
        this.#head += 1;
        this.#bytes -= next.bytes;
        if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
          this.#items.splice(0, this.#head);
          this.#head = 0;
        }
        yield next.item;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

import type { Clock } from '@edge-run/shared/kernel';
import type { ConsumerInfo, JsMsg } from '@nats-io/jetstream';

/** How often is asked whether what another master has in hand is done with. */
const LOOK_MS = 1_000;

/** What the barrier stands between. */
export interface OrderBarrierOptions {
  /** The consumer as it was before the first event was asked for. */
  readonly before: ConsumerInfo;
  /** The consumer as it is now. */
  now(): Promise<ConsumerInfo>;
  /** Stream sequences of the events this master deals with. */
  readonly inHand: ReadonlyMap<number, unknown>;
  /** Stream sequence → latest delivery of an event that waits here; the barrier's own, the caller keeps them from being given away. */
  readonly held: Map<number, JsMsg>;
  take(message: JsMsg): void;
  readonly clock: Clock;
  readonly ackWaitMs: number;
}

/**
 * Keeps the order over a crash. The events a dead master had in hand come again each at its own time: at once when the
 * server could not give it any more, after the acknowledgement's time otherwise. Everything waits until all of them are
 * here, and goes on in the order it was sent in.
 *
 * What another living master has in hand never comes: the barrier opens once that is done with, at the latest after twice
 * the time of an acknowledgement.
 */
export class OrderBarrier {
  readonly #options: OrderBarrierOptions;
  /** The last event that was given to anybody before. */
  readonly #lastGiven: number;
  readonly #opened = new AbortController();
  #missing: number;

  constructor(options: OrderBarrierOptions) {
    const { before, inHand } = options;
    this.#options = options;
    this.#missing = before.num_ack_pending - inHand.size;
    // nats-server 2.9 counts an event that was just given back as not delivered; above the floor nothing is missing twice.
    this.#lastGiven = Math.max(before.delivered.stream_seq, before.ack_floor.stream_seq + before.num_ack_pending);
    if (this.#missing > 0) void this.#watch();
    else this.#opened.abort();
  }

  pass(message: JsMsg): void {
    const { held, inHand, take } = this.#options;
    if (this.#opened.signal.aborted || inHand.has(message.seq)) {
      take(message);
      return;
    }
    if (message.seq <= this.#lastGiven && !held.has(message.seq)) this.#missing -= 1;
    held.set(message.seq, message);
    if (this.#missing === 0) this.#open();
  }

  /** Gives back what waits: nothing more is taken. */
  dispose(): void {
    this.#opened.abort();
    for (const message of this.#options.held.values()) message.nak();
    this.#options.held.clear();
  }

  #open(): void {
    const { held, take } = this.#options;
    this.#opened.abort();
    const messages = [...held.values()].sort((a, b) => a.seq - b.seq);
    held.clear();
    for (const message of messages) take(message);
  }

  async #watch(): Promise<void> {
    const { ackWaitMs, clock } = this.#options;
    const { signal } = this.#opened;
    const looks = Math.ceil((ackWaitMs * 2) / LOOK_MS);
    for (let look = 0; look < looks && !signal.aborted; look += 1) {
      await clock.sleep(LOOK_MS, signal).catch(() => undefined); // it only ends the wait
      if (!signal.aborted && (await this.#isNothingMissing())) break;
    }
    if (!signal.aborted) this.#open();
  }

  /** Whether every event that was given before is done with or here; unknown while the server does not answer. */
  async #isNothingMissing(): Promise<boolean> {
    const { held, inHand, now } = this.#options;
    const info = await now().catch(() => undefined);
    if (info === undefined) return false;
    return info.ack_floor.stream_seq >= this.#lastGiven || info.num_ack_pending <= held.size + inHand.size;
  }
}

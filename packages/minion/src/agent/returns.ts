import type { JobStore } from '@edge-run/shared/execute';
import { EdgeError, errorMessage, type Logger, toErrorRecord } from '@edge-run/shared/kernel';
import { type ReturnMessage, SUBJECTS } from '@edge-run/shared/protocol';
import { z } from 'zod';
import type { Link, MasterRpc } from './rpc.ts';

/*
 * Returns are captured by a stream that acknowledges nothing: an acknowledgement goes to the reply subject of the
 * message, which the server does not check, so a minion could have the server itself write into the journal or purge
 * it. Instead the minion asks, some time later and for many at once, which of its returns are stored.
 */

/** Long enough for many at a time, and differs for each: the targets of one job do not all ask at once. */
const CONFIRM_AFTER_MS = 60_000;
const MAX_WAIT_MS = 120_000;
const BATCH = 200;

const confirmation = z.object({ stored: z.array(z.string()) });

/** What returns are sent through and kept in. */
export interface ReturnPublisherOptions {
  readonly link: Link;
  readonly rpc: MasterRpc;
  readonly store: JobStore;
  readonly log: Logger;
}

/** Publishes returns until each is known to be in the stream. */
export class ReturnPublisher {
  readonly #options: ReturnPublisherOptions;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = CONFIRM_AFTER_MS;
  #stopped = false;

  constructor(options: ReturnPublisherOptions) {
    this.#options = options;
  }

  /** Sends a return, now if there is a connection and else once there is. Never throws. */
  publish(answer: ReturnMessage): void {
    this.#send(answer).catch((error: unknown) => {
      this.#options.log.debug(`return of ${answer.jid} waits: ${errorMessage(error)}`);
    });
    this.#schedule();
  }

  /** The connection is new: everything not confirmed goes out again. */
  async republish(): Promise<void> {
    const { store } = this.#options;
    this.#waitMs = CONFIRM_AFTER_MS;
    for (const jid of store.unconfirmed()) {
      const answer = store.readReturn(jid);
      if (answer !== undefined) await this.#send(answer);
    }
    if (store.unconfirmed().length > 0) this.#schedule();
  }

  /** No more questions are asked; what is not confirmed waits for the next start. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #send(answer: ReturnMessage): Promise<void> {
    const bus = this.#options.link.bus();
    const subject = SUBJECTS.returns(answer.jid, answer.id);
    try {
      await bus.publish(subject, answer);
    } catch (error) {
      if (!(error instanceof EdgeError && error.code === 'EDGE_BUS_TOO_LARGE')) throw error;
      await bus.publish(subject, {
        ...answer,
        outcome: 'failed',
        ret: error.message,
        retcode: 1,
        error: toErrorRecord(error),
      });
    }
  }

  #schedule(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        void this.#confirm();
      },
      this.#waitMs * (0.5 + Math.random()),
    );
    this.#timer.unref();
  }

  async #confirm(): Promise<void> {
    const { store, rpc, log } = this.#options;
    const asked = store.unconfirmed().slice(0, BATCH);
    if (asked.length === 0 || this.#stopped) return;
    try {
      const { stored } = confirmation.parse(await rpc.ask('returned', { jids: [...asked] }, { timeoutMs: 10_000 }));
      const known = new Set(stored);
      for (const jid of asked) {
        if (known.has(jid)) store.confirm(jid);
        else await this.#sendAgain(jid);
      }
      const isMore = asked.length === BATCH && known.size > 0;
      this.#waitMs = isMore ? 0 : known.size > 0 ? CONFIRM_AFTER_MS : this.#longerWaitMs();
    } catch (error) {
      this.#waitMs = this.#longerWaitMs();
      log.debug(`returns are not confirmed yet: ${errorMessage(error)}`);
    }
    if (store.unconfirmed().length > 0) this.#schedule();
  }

  #longerWaitMs(): number {
    return Math.min(MAX_WAIT_MS, Math.max(CONFIRM_AFTER_MS, this.#waitMs * 2));
  }

  async #sendAgain(jid: string): Promise<void> {
    const answer = this.#options.store.readReturn(jid);
    if (answer !== undefined) await this.#send(answer);
  }
}

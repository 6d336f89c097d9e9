import { type KeyPair, signJob } from '@edge-run/shared/bus';
import type { JobMessage, SignedJob } from '@edge-run/shared/protocol';

/**
 * How many targets share one signed message. Each of them reads the whole list in it, so that one list of all targets
 * would cost the square of their number; a signature for each would cost the master.
 */
const SHARED_BY = 16;

/** What each target of a job is sent: the same text whenever it is made, so that a repeated job is known to be one. */
export class Envelopes {
  readonly #message: JobMessage;
  readonly #signer: KeyPair;
  readonly #places: ReadonlyMap<string, number>;
  readonly #made = new Map<number, SignedJob>();

  constructor(message: JobMessage, signer: KeyPair) {
    this.#message = message;
    this.#signer = signer;
    this.#places = new Map(message.targets.map((id, index) => [id, Math.floor(index / SHARED_BY)]));
  }

  /** The message for a target; undefined for who is none. */
  of(id: string): SignedJob | undefined {
    const group = this.#places.get(id);
    if (group === undefined) return undefined;
    let envelope = this.#made.get(group);
    if (envelope === undefined) {
      const targets = this.#message.targets.slice(group * SHARED_BY, (group + 1) * SHARED_BY);
      envelope = signJob({ ...this.#message, targets }, this.#signer);
      this.#made.set(group, envelope);
    }
    return envelope;
  }
}

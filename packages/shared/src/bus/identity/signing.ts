import { createHash } from 'node:crypto';
import { EdgeError, type InstantMs } from '../../kernel/index.ts';
import {
  type JobMessage,
  jobMessage,
  type KillMessage,
  killMessage,
  type SignedJob,
  signedJob,
} from '../../protocol/index.ts';
import { type KeyPair, verifySignature } from './nkeys.ts';

/*
 * Jobs are signed end to end: the server's permissions say who may publish, the signature says that a master did, even
 * when the server itself was taken over.
 */

/** The envelope of a job or of any other body that must be vouched for. */
export function signBody(body: object, keyPair: KeyPair): SignedJob {
  const text = JSON.stringify(body);
  return { body: text, signer: keyPair.publicKey, signature: Buffer.from(keyPair.sign(text)).toString('base64url') };
}

/** A job as it is published. */
export function signJob(job: JobMessage, keyPair: KeyPair): SignedJob {
  return signBody(job, keyPair);
}

/**
 * The parsed body of an envelope signed by one of `trustedSigners`.
 * @throws EdgeError `EDGE_JOB_REFUSED` when the envelope is malformed, the signer unknown or the signature wrong
 */
export function verifyBody(signed: unknown, trustedSigners: ReadonlySet<string>): unknown {
  const envelope = signedJob.safeParse(signed);
  if (!envelope.success) throw refused('the message is not a signed envelope', { problem: 'malformed' });
  const { body, signer, signature } = envelope.data;
  if (!trustedSigners.has(signer)) {
    throw refused(`signed by ${signer}, which is not trusted here`, { problem: 'unknown-signer', signer });
  }
  if (!verifySignature(signer, body, Buffer.from(signature, 'base64url'))) {
    throw refused(`the signature is not that of ${signer}`, { problem: 'bad-signature', signer });
  }
  return JSON.parse(body) as unknown;
}

/**
 * The job in an envelope, once signer, target and expiry are right. Replays are the caller's business: `ReplayGuard`.
 * @throws EdgeError `EDGE_JOB_REFUSED`
 */
export function verifyJob(
  signed: unknown,
  trustedSigners: ReadonlySet<string>,
  at: { readonly id: string; readonly now: InstantMs },
): JobMessage {
  const job = jobMessage.safeParse(verifyBody(signed, trustedSigners));
  if (!job.success) throw refused('the signed body is not a job', { problem: 'malformed' });
  checkAddressee(job.data, at);
  return job.data;
}

/** The kill request in an envelope, under the same conditions. @throws EdgeError `EDGE_JOB_REFUSED` */
export function verifyKill(
  signed: unknown,
  trustedSigners: ReadonlySet<string>,
  at: { readonly id: string; readonly now: InstantMs },
): KillMessage {
  const kill = killMessage.safeParse(verifyBody(signed, trustedSigners));
  if (!kill.success) throw refused('the signed body is not a request to kill', { problem: 'malformed' });
  checkAddressee(kill.data, at);
  return kill.data;
}

/** What tells two envelopes with one job id apart. */
export function bodyDigest(signed: SignedJob): string {
  return createHash('sha256').update(signed.body).digest('hex');
}

/** How `ReplayGuard` knows a job. */
export type Sighting = 'new' | 'repeated' | 'conflict' | 'forgotten';

/**
 * Remembers the jobs seen until they expire, in bounded memory. When there are more than `limit`, the oldest are
 * forgotten, and from then on every job issued no later than those is `forgotten` too: what cannot be remembered is
 * refused, never run twice.
 */
export class ReplayGuard {
  readonly #limit: number;
  /** Job id → digest and times, in order of arrival. */
  readonly #seen = new Map<
    string,
    { readonly digest: string; readonly issuedAt: number; readonly expiresAt: number }
  >();
  #floor = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly limit?: number } = {}) {
    this.#limit = options.limit ?? 20_000;
  }

  get size(): number {
    return this.#seen.size;
  }

  /** Looks a job up and remembers it. `conflict`: the id was used before for another body. */
  see(
    job: { readonly jid: string; readonly issuedAt: number; readonly expiresAt: number },
    digest: string,
    now: InstantMs,
  ): Sighting {
    const known = this.#seen.get(job.jid);
    if (known !== undefined) return known.digest === digest ? 'repeated' : 'conflict';
    if (job.issuedAt <= this.#floor) return 'forgotten';
    this.#seen.set(job.jid, { digest, issuedAt: job.issuedAt, expiresAt: job.expiresAt });
    if (this.#seen.size > this.#limit) this.#shrink(now);
    return 'new';
  }

  #shrink(now: InstantMs): void {
    for (const [jid, { expiresAt }] of this.#seen) if (expiresAt < now) this.#seen.delete(jid);
    for (const [jid, { issuedAt }] of this.#seen) {
      if (this.#seen.size <= this.#limit) return;
      this.#seen.delete(jid);
      this.#floor = Math.max(this.#floor, issuedAt);
    }
  }
}

function checkAddressee(
  message: { readonly jid: string; readonly targets: readonly string[]; readonly expiresAt: number },
  at: { readonly id: string; readonly now: InstantMs },
): void {
  if (!message.targets.includes(at.id)) {
    throw refused(`job ${message.jid} is not addressed to ${at.id}`, { problem: 'not-a-target', jid: message.jid });
  }
  if (message.expiresAt < at.now) {
    throw refused(
      `job ${message.jid} expired ${at.now - message.expiresAt} ms ago by the clock of ${at.id}`,
      { problem: 'expired', jid: message.jid, expiresAt: message.expiresAt, now: at.now },
      'Compare the clocks of master and minion; run a time service on both.',
    );
  }
}

function refused(message: string, details: Record<string, string | number>, hint?: string): EdgeError {
  return new EdgeError('EDGE_JOB_REFUSED', message, details, hint === undefined ? {} : { hint });
}

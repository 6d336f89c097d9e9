import { type BusCredentials, type BusTls, connectNatsBus, type NatsBus, signBody } from '@edge-run/shared/bus';
import { type Clock, cancelled, EdgeError, errorMessage, type Logger } from '@edge-run/shared/kernel';
import { type KnockAnswer, knockAnswer, SUBJECTS } from '@edge-run/shared/protocol';
import type { Admission, Identity } from '../identity/index.ts';

/** Who knocks, where, and with what. */
export interface EnrolOptions {
  readonly id: string;
  readonly identity: Identity;
  readonly servers: readonly string[];
  readonly tls?: BusTls;
  /** The public credential to knock with. */
  readonly knock: BusCredentials;
  readonly joinToken?: string;
  /** What this host is for, as its configuration says. */
  readonly role?: string;
  /** Keys configured as the masters'; empty: those of the first answer are pinned. */
  readonly trustedKeys: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: () => number;
}

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;

/** Knocks until the master lets this minion in. @throws EdgeError `EDGE_CANCELLED` when `signal` aborts */
export async function enrol(options: EnrolOptions, signal: AbortSignal): Promise<Admission> {
  const { id, identity, clock, log } = options;
  const random = options.random ?? Math.random;
  let waitMs = FIRST_WAIT_MS;
  let lastStatus = '';
  for (;;) {
    const pause = waitMs * (0.5 + random() / 2);
    waitMs = Math.min(MAX_WAIT_MS, waitMs * 2);
    try {
      const bus = await knockingBus(options);
      try {
        const answer = await knockOnce(options, bus, pause, signal);
        if (answer?.status === 'accepted') {
          const admitted = await trusted(options, answer);
          await identity.keepAdmission(admitted);
          return admitted;
        }
        const status = answer === undefined ? 'no master answers' : describe(answer);
        if (status !== lastStatus)
          log.info(`${id} is not let in yet: ${status}`, { publicKey: identity.keyPair.publicKey });
        lastStatus = status;
      } finally {
        await bus.close();
      }
    } catch (error) {
      if (signal.aborted || (error instanceof EdgeError && error.code === 'EDGE_NOT_ALLOWED')) throw error;
      log.warn(`cannot knock: ${errorMessage(error)}`);
      await clock.sleep(pause, signal);
    }
  }
}

function knockingBus({ id, servers, tls, knock, log }: EnrolOptions): Promise<NatsBus> {
  return connectNatsBus({
    servers,
    credentials: knock,
    name: `knock ${id}`,
    inboxPrefix: '_INBOX.knock',
    log,
    ...(tls === undefined ? {} : { tls }),
  });
}

/** The first answer that lets in, or the last other one within `waitMs`: accepting is told at once. */
async function knockOnce(
  options: EnrolOptions,
  bus: NatsBus,
  waitMs: number,
  signal: AbortSignal,
): Promise<KnockAnswer | undefined> {
  const { id, identity, joinToken, role, clock } = options;
  const { keyPair } = identity;
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), waitMs);
  const stop = AbortSignal.any([signal, over.signal]);
  let last: KnockAnswer | undefined;
  try {
    const answers = bus.subscribe(SUBJECTS.ack(keyPair.publicKey), { signal: stop });
    const knock = {
      id,
      publicKey: keyPair.publicKey,
      at: clock.now(),
      ...(joinToken === undefined ? {} : { token: joinToken }),
      ...(role === undefined ? {} : { role }),
    };
    await bus.publish(SUBJECTS.knock(keyPair.publicKey), signBody(knock, keyPair));
    for await (const { body } of answers) {
      const answer = knockAnswer.safeParse(body);
      if (!answer.success) continue;
      last = answer.data;
      if (last.status === 'accepted') break;
    }
  } finally {
    clearTimeout(timer);
    over.abort();
  }
  if (signal.aborted) throw cancelled(signal);
  return last;
}

/** The admission an answer holds. @throws EdgeError `EDGE_NOT_ALLOWED` when it is not of a master this host trusts */
export async function trusted(
  { id, identity, trustedKeys, log }: Pick<EnrolOptions, 'id' | 'identity' | 'trustedKeys' | 'log'>,
  answer: Extract<KnockAnswer, { status: 'accepted' }>,
): Promise<Admission> {
  const pinned = trustedKeys.length > 0 ? trustedKeys : await identity.pinSigners(answer.signers);
  if (!answer.signers.some((signer) => pinned.includes(signer))) {
    throw new EdgeError(
      'EDGE_NOT_ALLOWED',
      `the master that answered is not the one ${id} trusts`,
      { trusted: [...pinned], offered: answer.signers },
      {
        hint: 'If the master was installed anew, correct trustedKeys, or remove trusted-keys.json in the data directory.',
      },
    );
  }
  if (trustedKeys.length === 0) log.warn(`trusting the master of the first answer: ${pinned.join(', ')}`);
  return { id, jwt: answer.jwt, signers: [...pinned], ...(answer.role === undefined ? {} : { role: answer.role }) };
}

function describe(answer: KnockAnswer): string {
  switch (answer.status) {
    case 'accepted':
      return 'accepted';
    case 'denied':
      return `denied: ${answer.reason} (this key: ${answer.fingerprint})`;
    default:
      return `${answer.status}; fingerprint ${answer.fingerprint}`;
  }
}

import { type BusCredentials, type NatsBus, signBody } from '@edge-run/shared/bus';
import { type Clock, EdgeError, type JsonObject, type Logger } from '@edge-run/shared/kernel';
import { knockAnswer } from '@edge-run/shared/protocol';
import type { Identity } from '../identity/index.ts';
import { trusted } from './enrol.ts';
import type { MasterRpc } from './rpc.ts';

/** Whose key changes, and what it is changed with. */
export interface RotationOptions {
  readonly id: string;
  readonly identity: Identity;
  readonly trustedKeys: readonly string[];
  readonly rpc: MasterRpc;
  readonly clock: Clock;
  readonly log: Logger;
  /** Opens a connection with the new key that takes jobs like the present one, and answers once it does. */
  readonly overlap: (credentials: BusCredentials) => Promise<NatsBus>;
  /** Asks and answers over this connection from now on, and lets the other one go. */
  readonly switchTo: (bus: NatsBus) => Promise<void>;
}

/**
 * Gives this minion a new key. Both connections take jobs for a while, and what arrives twice runs once, so that none is
 * lost; the old key is void once the master knows that the new one is in use. After a crash anywhere in between the
 * minion goes on with the key it has, and a rotation asked for again goes on with the same new one.
 * @throws EdgeError `EDGE_NOT_ALLOWED` when the master refuses, or is not the one this minion trusts
 */
export async function rotateKey(options: RotationOptions): Promise<{ readonly publicKey: string }> {
  const { id, identity, rpc, clock, overlap, switchTo } = options;
  await confirmKey(identity, rpc);
  const next = await identity.successor();
  const envelope = signBody({ id, publicKey: next.publicKey, at: clock.now() }, next);
  const question = { publicKey: next.publicKey, envelope: envelope as unknown as JsonObject };
  const answer = knockAnswer.safeParse(await rpc.ask('rotate-key', question));
  if (!answer.success || answer.data.status !== 'accepted')
    throw new EdgeError('EDGE_NOT_ALLOWED', `the master did not accept a new key of ${id}`, { id });
  const admitted = await trusted(options, answer.data);
  const bus = await overlap({ kind: 'jwt', jwt: admitted.jwt, keyPair: next });
  await identity.succeed(next, admitted);
  await switchTo(bus);
  await confirmKey(identity, rpc);
  return { publicKey: next.publicKey };
}

/** Tells the master that the new key is in use, where it does not know so far. */
export async function confirmKey(identity: Identity, rpc: MasterRpc): Promise<void> {
  const publicKey = await identity.unconfirmed();
  if (publicKey === undefined) return;
  await rpc.ask('key-rotated', { publicKey });
  await identity.confirmed();
}

import { z } from 'zod';
import { encodedValue, errorRecord } from './messages.ts';

/*
 * What goes between master and minions beside jobs and returns. On `edge.job.id.<id>` a minion gets signed envelopes
 * (a job, or a body with `kind: 'kill'`) and the unsigned question `find`; it answers each with a receipt.
 */

/** Ends a job that runs; travels inside a signed envelope. */
export const killMessage = z.object({
  kind: z.literal('kill'),
  jid: z.string(),
  targets: z.array(z.string()),
  by: z.string(),
  issuedAt: z.number(),
  expiresAt: z.number(),
});
export type KillMessage = z.infer<typeof killMessage>;

/** Asks a minion what it knows of a job; without `jid`, what it is doing at all. */
export const findMessage = z.object({ kind: z.literal('find'), jid: z.string().optional() });
export type FindMessage = z.infer<typeof findMessage>;

/** One job a minion has in hand. */
export const runningJob = z.object({
  jid: z.string(),
  fun: z.string(),
  startedAt: z.number(),
  by: z.string(),
  /** True while it waits for others to end: the host runs only so many at a time. */
  queued: z.literal(true).optional(),
});
export type RunningJob = z.infer<typeof runningJob>;

/** A minion's answer to a job, a kill or a find, at once; the return comes later, on its own subject. */
export const jobReceipt = z.discriminatedUnion('state', [
  z.object({ state: z.literal('running'), jid: z.string() }),
  /** Taken, and waiting for others to end: the host runs only so many at a time. */
  z.object({ state: z.literal('queued'), jid: z.string() }),
  /** The return exists and was published again. */
  z.object({ state: z.literal('ended'), jid: z.string() }),
  z.object({ state: z.literal('unknown'), jid: z.string() }),
  z.object({ state: z.literal('refused'), error: errorRecord }),
  z.object({ state: z.literal('alive'), running: z.array(runningJob), startedAt: z.number(), version: z.string() }),
]);
export type JobReceipt = z.infer<typeof jobReceipt>;

/** An unknown minion asks to be let in; travels in an envelope signed with the key it asks for. */
export const knockMessage = z.object({
  id: z.string().min(1).max(255),
  publicKey: z.string(),
  token: z.string().optional(),
  /** What the host says it is for; a join token can be good for one role only. */
  role: z.string().max(255).optional(),
  at: z.number(),
});
export type KnockMessage = z.infer<typeof knockMessage>;

/**
 * A minion asks for a new key in place of the one it is connected with; travels in an envelope signed with the new one,
 * over the connection of the old one, so that both are proven.
 */
export const successionMessage = z.object({ id: z.string(), publicKey: z.string(), at: z.number() });

/** The answer to a knock. */
export const knockAnswer = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('accepted'),
    id: z.string(),
    jwt: z.string(),
    /** Public keys of those whose jobs the minion may run. */
    signers: z.array(z.string()),
    /** The role its join token gave it. */
    role: z.string().optional(),
  }),
  z.object({ status: z.literal('pending'), fingerprint: z.string() }),
  z.object({ status: z.literal('rejected'), fingerprint: z.string() }),
  z.object({ status: z.literal('denied'), fingerprint: z.string(), reason: z.string() }),
]);
export type KnockAnswer = z.infer<typeof knockAnswer>;

/** What a minion sends on `edge.evt.<id>`: it says `source` itself to nobody; the gateway adds it. */
export const minionEvent = z.object({
  tag: z.string().min(1).max(512),
  data: encodedValue,
  at: z.number(),
});
export type MinionEvent = z.infer<typeof minionEvent>;

/**
 * The data of an event that a host sent, as everybody else gets it: Salt's, so that reactors find the host as `data['id']`
 * and what it sent below `data['data']` (Salt 3006 `_minion_event`).
 */
export function hostEventData<T>(id: string, tag: string, sent: T) {
  return { id, tag, data: sent, cmd: '_minion_event', pretag: null } as const;
}

/** The answer to a request, as it travels. */
export const answerRecord = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), answer: z.unknown() }),
  z.object({ ok: z.literal(false), error: errorRecord }),
]);

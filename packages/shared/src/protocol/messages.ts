import { z } from 'zod';
import type { JsonObject, JsonValue } from '../kernel/index.ts';

/** A Value in its one JSON form (`values/encoding.ts`). */
export const encodedValue = z.custom<JsonValue>((value) => value !== undefined);

/** An error as it travels. */
export const errorRecord = z.object({
  code: z.string(),
  message: z.string(),
  details: z.custom<JsonObject>((value) => typeof value === 'object' && value !== null && !Array.isArray(value)),
  hint: z.string().optional(),
});

/** How one target of a job ended. */
export const targetOutcome = z.enum(['succeeded', 'failed', 'unreachable', 'no-return', 'timed-out', 'cancelled']);

/** A job id: one token of a subject, and good as the name of a file. */
export const JOB_ID = /^[A-Za-z0-9_-]{1,100}$/;

/** The run a job belongs to. */
export const runOfJob = z.object({
  id: z.string(),
  /** Minions refuse a lower epoch of the same run than they have seen. */
  epoch: z.number(),
  /** Digest of the bundle whose files the job sees; those of today when absent. */
  bundle: z.string().optional(),
});
export type RunOfJob = z.infer<typeof runOfJob>;

/** What a minion is asked to do; travels inside a signed envelope. */
export const jobMessage = z.object({
  jid: z.string(),
  fun: z.string(),
  /** Positional arguments, encoded. */
  args: z.array(encodedValue),
  /** Keyword arguments, encoded, in order. */
  kwargs: z.array(z.tuple([z.string(), encodedValue])),
  /** The words as typed on a command line; used where the declaration says text. */
  typed: z.object({ args: z.array(z.string().nullable()), kwargs: z.record(z.string(), z.string()) }).optional(),
  /** Frozen at publish: the ids that must answer. */
  targets: z.array(z.string()),
  /** Who asked: `user`, `schedule:name`, `reactor:name`, `run:id`. */
  by: z.string(),
  /** Milliseconds since the epoch; a minion refuses the job after `expiresAt`. */
  issuedAt: z.number(),
  expiresAt: z.number(),
  /** Limit of the function's own run time. */
  timeoutMs: z.number().optional(),
  run: runOfJob.optional(),
  /** May be run again from the start when the minion was restarted in the middle of it. */
  resumable: z.boolean().optional(),
  /** Path on the master of the roster that says how its targets are reached; the master's own when absent. */
  roster: z.string().optional(),
});
export type JobMessage = z.infer<typeof jobMessage>;

/** A job as published: the exact text that was signed, the signer's public nkey and the ed25519 signature. */
export const signedJob = z.object({ body: z.string(), signer: z.string(), signature: z.string() });
export type SignedJob = z.infer<typeof signedJob>;

/** What a minion answers, once per job. */
export const returnMessage = z.object({
  jid: z.string(),
  id: z.string(),
  fun: z.string(),
  outcome: z.enum(['succeeded', 'failed', 'unreachable', 'timed-out', 'cancelled']),
  ret: encodedValue,
  retcode: z.number(),
  error: errorRecord.optional(),
  startedAt: z.number(),
  durationMs: z.number(),
});
export type ReturnMessage = z.infer<typeof returnMessage>;

/** Something that happened, as everybody sees it. Tags are Salt's: `salt/job/<jid>/ret/<id>`, `release/requested`. */
export const edgeEvent = z.object({
  id: z.string(),
  tag: z.string(),
  data: encodedValue,
  at: z.number(),
  /** `master:<id>`, `minion:<id>`, `cli:<user>` … */
  source: z.string(),
  /** Id of the event this one follows from. */
  causedBy: z.string().optional(),
  /** Length of the chain of causes; reactors stop at a limit. */
  depth: z.number().optional(),
});
export type EdgeEvent = z.infer<typeof edgeEvent>;

/** A request's answer: the answer itself or an error. */
export type Answer<T> =
  | { readonly ok: true; readonly answer: T }
  | { readonly ok: false; readonly error: z.infer<typeof errorRecord> };

import { encodedValue, jobMessage, runOfJob, targetOutcome } from '@edge-run/shared/protocol';
import { z } from 'zod';
import { gateRecord } from './batch-gate.ts';

/** How one target ended, without its return, which is in the stream. */
const targetRecord = z.object({ outcome: targetOutcome, retcode: z.number(), evidence: z.string().optional() });

/** One job, as kept. */
export const jobRecord = z.object({
  jid: z.string(),
  fun: z.string(),
  /** Encoded, secrets sealed. */
  args: z.array(encodedValue),
  kwargs: z.array(z.tuple([z.string(), encodedValue])),
  by: z.string(),
  /** The expression as asked, and what it stood for then. */
  target: z.string(),
  targetType: z.string(),
  targets: z.array(z.string()),
  issuedAt: z.number(),
  expiresAt: z.number(),
  timeoutMs: z.number().optional(),
  run: runOfJob.optional(),
  /** Id of the event that led here. */
  causedBy: z.string().optional(),
  delimiter: z.string().optional(),
  /** The step of `run` that asked. */
  step: z.string().optional(),
  /** The job this one repeats. */
  rerunOf: z.string().optional(),
  resumable: z.boolean().optional(),
  /** Path of the roster it is for; the master's own when absent. */
  roster: z.string().optional(),
  /** The words as typed; absent when the arguments hold secrets. */
  typed: jobMessage.shape.typed,
  /** True when the arguments hold secrets: they are not kept, and the job cannot be sent again. */
  sealed: z.literal(true).optional(),
  /** How it goes through its targets a few at a time; all at once when absent. */
  batch: z
    .object({
      size: z.number(),
      sizes: z.array(z.number()).readonly().optional(),
      waitMs: z.number(),
      failhard: z.boolean(),
      maxFailures: z.number().optional(),
      maxUnreachable: z.number().optional(),
      excused: z.array(z.string()).readonly().optional(),
      gated: z.boolean().optional(),
    })
    .optional(),
  /** What has to succeed behind each batch. */
  gates: z.array(gateRecord).optional(),
  /** Present once every target has its end. */
  ended: z
    .object({
      at: z.number(),
      outcomes: z.record(z.string(), targetRecord),
      /** Why a batch did not go on. */
      stopped: z.string().optional(),
    })
    .optional(),
});
export type JobRecord = z.infer<typeof jobRecord>;

/** A job as one line of a list. */
export interface JobSummary {
  readonly jid: string;
  readonly fun: string;
  readonly by: string;
  readonly target: string;
  readonly targetType: string;
  readonly issuedAt: number;
  readonly endedAt?: number;
  /** The job this one repeats. */
  readonly rerunOf?: string;
  /** Outcome → how many targets. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly targetCount: number;
}

/** The line for a record. */
export function summarize(record: JobRecord): JobSummary {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of Object.values(record.ended?.outcomes ?? {}))
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  const { jid, fun, by, target, targetType, issuedAt, targets } = record;
  return {
    ...{ jid, fun, by, target, targetType, issuedAt, outcomes, targetCount: targets.length },
    ...(record.ended === undefined ? {} : { endedAt: record.ended.at }),
    ...(record.rerunOf === undefined ? {} : { rerunOf: record.rerunOf }),
  };
}

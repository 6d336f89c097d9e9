import { z } from 'zod';
import { encodedValue, errorRecord, targetOutcome } from './messages.ts';

/*
 * What a run consists of, as journaled and as shown: the journal's entries are these events, published as
 * `run/<run id>/<type>` for everybody who watches.
 */

/** How a step ended. */
export const stepOutcome = z.enum([
  'succeeded',
  'failed',
  'skipped',
  'unreachable',
  'no-return',
  'timed-out',
  'cancelled',
  'rolled-back',
]);
export type StepOutcome = z.infer<typeof stepOutcome>;

/** One step of a plan, as shown. */
export const stepSummary = z.object({
  key: z.string(),
  id: z.string(),
  name: z.string(),
  /** `salt.function`, `lb.drain`, `file.managed` … */
  kind: z.string(),
  sls: z.string(),
  place: z.object({ file: z.string(), line: z.number() }).optional(),
  /** Target expression, where the step has one. */
  target: z.string().optional(),
});
export type StepSummary = z.infer<typeof stepSummary>;

/** How one host fared in a step. */
export const hostResult = z.object({
  outcome: targetOutcome,
  ret: encodedValue.optional(),
  evidence: z.string().optional(),
});
export type HostResult = z.infer<typeof hostResult>;

/** Salt's return of one step. */
export const stepReturn = z.object({
  result: z.boolean().nullable(),
  changes: encodedValue,
  comment: z.string(),
  /** False for a step its requisites did not call for. */
  ran: z.literal(false).optional(),
  /** Id → how that host fared, for steps that have targets. */
  hosts: z.record(z.string(), hostResult).optional(),
});
export type StepReturn = z.infer<typeof stepReturn>;

const base = { run: z.string(), at: z.number() };

/** Everything that can be in a run's journal, in order of appearance. */
export const runEvent = z.discriminatedUnion('type', [
  z.object({
    ...base,
    type: z.literal('run-planned'),
    name: z.string(),
    by: z.string(),
    /** Inputs as asked: pillarenv, saltenv, test, pillar (sealed). */
    inputs: z.record(z.string(), encodedValue),
    steps: z.array(stepSummary),
    /** The compiled plan, encoded by `state`; large ones are kept in an object and named by digest. */
    plan: encodedValue,
    causedBy: z.string().optional(),
  }),
  z.object({ ...base, type: z.literal('run-adopted'), master: z.string() }),
  z.object({ ...base, type: z.literal('step-started'), step: z.string(), attempt: z.number(), mode: z.string() }),
  z.object({
    ...base,
    type: z.literal('step-ended'),
    step: z.string(),
    mode: z.string(),
    attempt: z.number(),
    outcome: stepOutcome,
    answer: stepReturn,
    startedAt: z.number(),
    durationMs: z.number(),
    /** How often the step was done, retries and a reaction counted; 1 when absent. */
    calls: z.number().optional(),
  }),
  z.object({
    ...base,
    type: z.literal('run-ended'),
    outcome: z.enum(['succeeded', 'failed', 'cancelled', 'timed-out']),
    exitCode: z.number(),
    error: errorRecord.optional(),
  }),
]);
export type RunJournalEvent = z.infer<typeof runEvent>;

/** What is shown while a step runs and never journaled: a host answered, connections left, a probe failed. */
export const stepProgress = z.object({
  ...base,
  type: z.literal('step-progress'),
  step: z.string(),
  host: z.string().optional(),
  phase: z.string(),
  detail: z.string().optional(),
});
export type StepProgress = z.infer<typeof stepProgress>;

import { z } from 'zod';
import { FAILURE_CHOICES } from './failure-choices.ts';
import { foreseenStep, foreseenWorld, renderingCall } from './foreseen.ts';
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
  /** It runs only if one of these steps fails or changes something. */
  onlyIf: z.object({ requisite: z.enum(['onfail', 'onchanges', 'prereq']), steps: z.array(z.string()) }).optional(),
  /** What undoes it, as kind and name; empty: it is kept on purpose. */
  undo: z.array(z.string()).optional(),
});
export type StepSummary = z.infer<typeof stepSummary>;

/** How one host fared in a step. */
export const hostResult = z.object({
  outcome: targetOutcome,
  ret: encodedValue.optional(),
  evidence: z.string().optional(),
  /** The step said that this host may fail: it has not failed as far as the run goes. */
  excused: z.literal(true).optional(),
});
export type HostResult = z.infer<typeof hostResult>;

/** Salt's return of one step. */
export const stepReturn = z.object({
  result: z.boolean().nullable(),
  changes: encodedValue,
  comment: z.string(),
  /** What the step found out beside its changes: the answer of `http.query`. */
  data: encodedValue.optional(),
  /** False for a step its requisites did not call for. */
  ran: z.literal(false).optional(),
  /** Id → how that host fared, for steps that have targets. */
  hosts: z.record(z.string(), hostResult).optional(),
  /** In a plan: what the step would do. */
  foreseen: foreseenStep.optional(),
});
export type StepReturn = z.infer<typeof stepReturn>;

/** How a run as a whole is to go: what an orchestration says below `__run__`, and what the asker lays over it. */
export const runOptions = z.object({
  /** Names of locks the run holds from its first step to its end: `env/prod`. */
  locks: z.array(z.string()),
  /** What a failed step leads to, where the step itself says nothing. */
  onFailure: z.enum(['continue', 'hold', 'rollback', 'ask']),
  /** How many hosts may fail in the whole run, or which share (0..1) of those it has targeted. */
  maxFailures: z.union([z.object({ count: z.number() }), z.object({ share: z.number() })]).optional(),
  /** What becomes of a host that failed: the step fails, or the run goes on without the host. */
  onTargetFailure: z.enum(['stop', 'drop']),
  /** `live`: each step sees the files as they are when it runs. Absent: as they were when the run was planned. */
  files: z.literal('live').optional(),
  /** Milliseconds from the first step to the end that the run may take. */
  deadlineMs: z.number().optional(),
  /** Who has to agree before the first step. */
  approvals: z.object({ count: z.number(), expiresMs: z.number(), self: z.boolean() }).optional(),
});
export type RunOptions = z.infer<typeof runOptions>;

/** One of `FAILURE_CHOICES`. */
export const failureChoice = z.enum(FAILURE_CHOICES);

/** One input of a run that is no longer what it was when the run was planned. */
export const movedInput = z.object({
  /** `states`, `pillar`. */
  what: z.string(),
  was: z.string(),
  is: z.string(),
});
export type MovedInput = z.infer<typeof movedInput>;

const targetSelection = z.object({
  target: z.string(),
  targetType: z.string(),
  /** Keys of the steps that have this target. */
  steps: z.array(z.string()),
  hosts: z.array(z.string()),
});
/** Whom a target of a plan selected when the plan was made. */
export type TargetSelection = z.infer<typeof targetSelection>;

/** A target that does not select the hosts it did when the run was planned. */
export const movedTarget = targetSelection.omit({ hosts: true }).extend({
  /** Ids that it selects now and did not then. */
  came: z.array(z.string()),
  /** Ids that it selected then, or that a step had to do with, and that it no longer selects. */
  gone: z.array(z.string()),
});
/** A target that does not select the hosts it did when the run was planned. */
export type MovedTarget = z.infer<typeof movedTarget>;

const base = { run: z.string(), at: z.number() };

/** Everything that can be in a run's journal, in order of appearance. */
export const runEvent = z.discriminatedUnion('type', [
  z.object({
    ...base,
    type: z.literal('run-planned'),
    name: z.string(),
    by: z.string(),
    options: runOptions.optional(),
    /** `sha256:<hex>` of the plan; approvals are bound to it. */
    digest: z.string().optional(),
    /** The run this one takes up again. */
    retryOf: z.string().optional(),
    /** The run whose steps this one undoes. */
    rollbackOf: z.string().optional(),
    /** The run on whose behalf this one runs, and whose locks are also its own; absent: itself. */
    root: z.string().optional(),
    /** Digests of what the plan was made of: `states`, `pillar`. */
    sources: z.record(z.string(), z.string()).optional(),
    /** Digest of the bundle of files the run stands on; absent: the files of the day. */
    bundle: z.string().optional(),
    /** Whom the targets of the steps selected then; those that come only with earlier steps are not among them. */
    fleet: z.array(targetSelection).optional(),
    /** Steps that need not run again, with their answers: those that an earlier run has done. */
    kept: z.array(z.object({ step: z.string(), answer: stepReturn })).optional(),
    /** Step → the only hosts it is to run on; the others are done. */
    onlyHosts: z.record(z.string(), z.array(z.string())).optional(),
    /** Names given by `register` → what earlier runs registered under them. */
    registered: z.record(z.string(), encodedValue).optional(),
    /** Inputs as asked: pillarenv, saltenv, test, pillar (sealed). */
    inputs: z.record(z.string(), encodedValue),
    steps: z.array(stepSummary),
    /** The compiled plan, encoded by `state`; large ones are kept in an object and named by digest. */
    plan: encodedValue,
    causedBy: z.string().optional(),
    /** In a plan within a plan: what is known beforehand. */
    foreseen: foreseenWorld.optional(),
    /** In a plan: what its templates called while it was rendered, in order. */
    rendering: z.array(renderingCall).optional(),
  }),
  z.object({ ...base, type: z.literal('run-adopted'), master: z.string() }),
  /** The run waits for locks that others hold. `position` counts from 1: the next to get them. */
  z.object({
    ...base,
    type: z.literal('run-queued'),
    locks: z.array(z.string()),
    position: z.number(),
    holders: z.array(z.object({ lock: z.string(), run: z.string(), name: z.string(), by: z.string() })),
  }),
  z.object({ ...base, type: z.literal('run-locked'), locks: z.array(z.string()) }),
  /** Somebody agrees to the plan, or where `step` is given, to that step. */
  z.object({
    ...base,
    type: z.literal('run-approved'),
    by: z.string(),
    digest: z.string(),
    step: z.string().optional(),
    comment: z.string().optional(),
  }),
  z.object({
    ...base,
    type: z.literal('run-rejected'),
    by: z.string(),
    step: z.string().optional(),
    comment: z.string().optional(),
  }),
  /** No further step starts until `run-resumed`; what runs goes on to its end. */
  z.object({ ...base, type: z.literal('run-paused'), by: z.string(), reason: z.string().optional() }),
  z.object({ ...base, type: z.literal('run-resumed'), by: z.string() }),
  /** Somebody wants the run to end: what runs is cancelled, nothing further starts. */
  z.object({
    ...base,
    type: z.literal('run-aborting'),
    by: z.string(),
    reason: z.string(),
    outcome: z.enum(['cancelled', 'timed-out', 'failed']),
    rollback: z.boolean(),
  }),
  /** The plan was made of something else than there is now, or for other hosts. */
  z.object({
    ...base,
    type: z.literal('run-moved'),
    moved: z.array(movedInput),
    fleet: z.array(movedTarget).optional(),
  }),
  /** A step failed and a person is to say what becomes of it; it has not ended until then. */
  z.object({
    ...base,
    type: z.literal('run-asked'),
    step: z.string(),
    mode: z.string(),
    attempt: z.number(),
    answer: stepReturn,
    startedAt: z.number(),
    durationMs: z.number(),
  }),
  z.object({
    ...base,
    type: z.literal('run-answered'),
    step: z.string(),
    choice: failureChoice,
    by: z.string(),
  }),
  /** Hosts that failed and that later steps leave out. */
  z.object({ ...base, type: z.literal('hosts-dropped'), step: z.string(), hosts: z.array(z.string()) }),
  /** The steps named are being undone, by a run of its own. */
  z.object({
    ...base,
    type: z.literal('run-rolling-back'),
    rollback: z.string(),
    reason: z.string(),
    steps: z.array(z.string()),
  }),
  z.object({
    ...base,
    type: z.literal('run-rolled-back'),
    rollback: z.string(),
    outcome: z.enum(['succeeded', 'failed']),
    /** Steps that are undone now. */
    steps: z.array(z.string()),
  }),
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
    /** Digest of the bundle the run stands on from now on: the step changed files. */
    bundle: z.string().optional(),
  }),
  z.object({
    ...base,
    type: z.literal('run-ended'),
    outcome: z.enum(['succeeded', 'failed', 'cancelled', 'timed-out', 'rolled-back']),
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

import { z } from 'zod';
import { encodedValue, errorRecord, targetOutcome } from '../messages.ts';
import { instant, listArguments, operation, outcomes, targetExpression, wordArguments } from './operation.ts';

const jobId = z.string().describe('Job id, a unique prefix of one, `@last` or `@last-failed`.');

/** How one target of a job ended: what it said, or why nothing came. */
export const jobReturn = z.object({
  id: z.string(),
  outcome: targetOutcome,
  /** Absent where none came. */
  ret: encodedValue.optional(),
  retcode: z.number().optional(),
  /** Why, for every outcome but `succeeded`. */
  evidence: z.string().optional(),
  error: errorRecord.optional(),
  durationMs: z.number().optional(),
});
export type JobReturn = z.infer<typeof jobReturn>;

/** The data of `salt/job/<jid>/ret/<id>`, published once per target as it ends; Salt's name of the return is `return`. */
export const jobReturnEvent = jobReturn.omit({ ret: true }).extend({
  jid: z.string(),
  fun: z.string(),
  fun_args: z
    .array(encodedValue)
    .optional()
    .describe(
      'Its arguments; keyword arguments last, with `__kwarg__`. Absent where they are longer than 4 KiB: see the event that the job was published.',
    ),
  success: z.boolean().optional().describe('True for the outcome `succeeded`.'),
  return: encodedValue.optional(),
});
export type JobReturnEvent = z.infer<typeof jobReturnEvent>;

/** The data of `salt/job/<jid>/end`: every target's outcome, those without a return included. */
export const jobEnd = z.object({
  jid: z.string().optional(),
  fun: z.string().optional(),
  targets: outcomes.describe('Id → how that target ended.'),
  stopped: z.string().optional().describe('Why a batch did not go on, or what its last gate found.'),
});
export type JobEnd = z.infer<typeof jobEnd>;

/** One line of a list of jobs. */
export const jobSummary = z.object({
  jid: z.string(),
  fun: z.string(),
  target: z.string().describe('The target expression as text.'),
  by: z.string(),
  startedAt: instant,
  endedAt: instant.optional(),
  targets: z.number().int(),
  rerunOf: z.string().optional().describe('The job this one repeats.'),
  /** Outcome → number of targets. */
  counts: z.partialRecord(targetOutcome, z.number().int()),
});
export type JobSummary = z.infer<typeof jobSummary>;

/** All that is known about one job. */
export const jobDetails = z.object({
  jid: z.string(),
  fun: z.string(),
  args: z.array(encodedValue),
  kwargs: z.array(z.tuple([z.string(), encodedValue])),
  target: z.string(),
  targets: z.array(z.string()),
  by: z.string(),
  startedAt: instant,
  endedAt: instant.optional(),
  rerunOf: z.string().optional().describe('The job this one repeats.'),
  gated: z.literal(true).optional().describe('Behind its last target a gate has to pass before it ends.'),
  stopped: z.string().optional().describe('Why a batch did not go on, or what its last gate found.'),
  returns: z.array(jobReturn),
  next: z.string().optional().describe('There are more returns than one answer holds: ask again with this as `after`.'),
  /** Complete once the job has ended. */
  outcomes,
});
export type JobDetails = z.infer<typeof jobDetails>;

const published = z.object({
  jid: z.string(),
  targets: z.array(z.string()).describe('Ids that must answer, frozen now.'),
});

/** Operations on jobs. */
export const jobOperations = {
  'jobs.publish': operation({
    name: 'jobs.publish',
    summary: 'Run a function on targets; answers once the job is published.',
    args: z.object({
      target: targetExpression,
      fun: z.string().describe('The function: `test.ping`.'),
      ...wordArguments,
      timeoutMs: z.number().positive().optional().describe('Limit of the run time of the function on each target.'),
      batch: z
        .string()
        .optional()
        .describe(
          'Number or percentage of targets at a time: `2`, `25%`. With commas between, `1,25%,100%`, batches one after the other, the last repeated.',
        ),
      batchWaitMs: z.number().nonnegative().optional().describe('Pause after a target of a batch has answered.'),
      maxFailures: z
        .string()
        .optional()
        .describe(
          'With `batch`: number or percentage of targets that may fail; with one more no further target starts.',
        ),
      maxUnreachable: z
        .string()
        .optional()
        .describe(
          'The same for targets that are unreachable, which do not count as failed; as `maxFailures` when absent.',
        ),
      gate: encodedValue
        .optional()
        .describe('What has to succeed behind each batch, as `gate` of a step: a mapping or a list of them, encoded.'),
      batchSafe: z
        .object({
          limit: z.number().int().positive().describe('Only when more targets than this are selected.'),
          size: z.string().describe('Number or percentage of targets at a time.'),
        })
        .optional()
        .describe('A batch for jobs with many targets; nothing where `batch` is given.'),
      subset: z.number().int().positive().optional().describe('Only this many targets, chosen at random.'),
      failhard: z
        .boolean()
        .optional()
        .describe('With `batch`: start no further target after one that did not succeed.'),
      transport: z
        .enum(['bus', 'ssh'])
        .optional()
        .describe('`ssh`: only hosts of the roster are meant; every host the target selects when absent.'),
      roster: z
        .string()
        .optional()
        .describe('Path on the master of a roster, `KIND:PATH` where its kind does not show: its hosts are meant.'),
    }),
    answer: published,
  }),
  'jobs.rerun': operation({
    name: 'jobs.rerun',
    summary: 'Run the function of an ended job again, with its arguments, on its targets.',
    args: z.object({
      jid: jobId,
      only: z.array(targetOutcome).min(1).optional().describe('Only targets that ended so; all of them when absent.'),
    }),
    answer: published.extend({ rerunOf: z.string().describe('The job that is repeated.') }),
  }),
  'jobs.ls': operation({
    name: 'jobs.ls',
    summary: 'List jobs, newest first.',
    args: z.object({
      ...listArguments,
      failed: z.boolean().optional().describe('Only jobs in which a target failed.'),
    }),
    answer: z.object({ jobs: z.array(jobSummary) }),
  }),
  'jobs.show': operation({
    name: 'jobs.show',
    summary: 'Answer one job with the returns that have come; those of very many hosts in several answers.',
    args: z.object({
      jid: jobId,
      after: z.string().optional().describe('`next` of the answer before.'),
    }),
    answer: jobDetails,
  }),
  'jobs.kill': operation({
    name: 'jobs.kill',
    summary: 'Cancel a job on the targets that have not ended, and start no others.',
    args: z.object({
      jid: jobId,
      wait: z.boolean().optional().describe('False: answer at once. Else once every target has its end.'),
    }),
    answer: z.object({
      jid: z.string(),
      asked: z.array(z.string()).describe('Ids that had no end yet and were asked to stop.'),
      outcomes: outcomes.describe('How each target ended, of those that have.'),
    }),
  }),
};

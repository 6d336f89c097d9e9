import { z } from 'zod';
import { encodedValue } from '../messages.ts';
import { failureChoice, movedInput, movedTarget, runEvent } from '../run-events.ts';
import { instant, listArguments, operation } from './operation.ts';

const runId = z.string().describe('Run id, a unique prefix of one, `@last` or `@last-failed`.');

const runAnswer = z.object({ run: z.string().describe('The run, or the one to follow.') });

/** One line of a list of runs. */
export const runSummary = z.object({
  run: z.string(),
  name: z.string(),
  by: z.string(),
  inputs: z.record(z.string(), encodedValue),
  state: z.enum([
    'queued',
    'awaiting-approval',
    'running',
    'paused',
    'asking',
    'rolling-back',
    'orphaned',
    'succeeded',
    'failed',
    'rolled-back',
    'cancelled',
    'timed-out',
  ]),
  /** What it waits for, in words: a lock and who holds it, an approval, an answer. */
  waitsFor: z.string().optional(),
  startedAt: instant,
  endedAt: instant.optional(),
  exitCode: z.number().optional(),
  steps: z.object({ total: z.number(), ended: z.number(), failed: z.number() }),
  /** Names of the steps that run now. */
  current: z.array(z.string()),
  master: z.string().optional(),
});
export type RunSummary = z.infer<typeof runSummary>;

const stepForecast = z.object({
  key: z.string(),
  id: z.string(),
  what: z
    .enum(['keep', 'verify', 'run', 'ask', 'skip'])
    .describe('Stays as it ended; what came of it is asked; runs; a person is asked; does not run.'),
  why: z.string(),
  hosts: z.array(z.string()).optional().describe('The only hosts it runs on.'),
});
/** What becomes of one step of a run that is resumed or retried. */
export type StepForecast = z.infer<typeof stepForecast>;

const runPreview = z.object({
  run: z.string(),
  name: z.string(),
  drivenBy: z.string().optional().describe('The master that drives it; absent for a run that nobody does.'),
  from: z.object({ entry: z.number(), at: instant }).describe('Where its journal ends.'),
  steps: z.array(stepForecast),
  sources: z.record(z.string(), z.string()).describe('Digests of what its plan was made of.'),
  targets: z.number().describe('How many hosts its targets selected when it was planned.'),
  moved: z.array(movedInput).describe('What is no longer what the plan was made of.'),
  fleet: z.array(movedTarget).describe('Targets that select other hosts by now.'),
});
/** What resuming or retrying a run would do. */
export type RunPreview = z.infer<typeof runPreview>;

const retryWishes = {
  from: z.string().optional().describe('Begin again with this step, whatever it and later ones did.'),
  skip: z.array(z.string()).optional().describe('Steps that count as done.'),
  onlyFailed: z.boolean().optional().describe('Do failed steps only on the hosts where they failed.'),
  current: z.boolean().optional().describe("Plan anew from today's files and pillar; the stored plan when absent."),
  pillar: encodedValue.optional().describe('With `current`: mapping laid over what was laid over the pillar then.'),
};

/** Operations on orchestrations and their runs. */
export const orchOperations = {
  'orch.run': operation({
    name: 'orch.run',
    summary: 'Start an orchestration; answers once its plan is journaled.',
    args: z.object({
      name: z.string().describe('The orchestration: `deploy-environment` or `orch.deploy-environment`.'),
      saltenv: z.string().optional().describe('File environment.'),
      pillarenv: z.string().optional().describe('Pillar environment.'),
      pillar: encodedValue.optional().describe('Mapping merged over the pillar, encoded.'),
      test: z.boolean().optional().describe('Say what would happen and change nothing.'),
      exclude: encodedValue.optional().describe('State ids or SLS names to leave out, encoded.'),
      options: encodedValue.optional().describe('Mapping laid over `__run__` of the orchestration, encoded.'),
      expect: z
        .object({ digest: z.string(), sources: z.record(z.string(), z.string()) })
        .optional()
        .describe('Run exactly this plan, or refuse: its digest and those of what it was made of.'),
    }),
    answer: z.object({ run: z.string() }),
  }),
  'orch.ls': operation({
    name: 'orch.ls',
    summary: 'List runs, newest first.',
    args: z.object({
      ...listArguments,
      states: z.array(runSummary.shape.state).optional().describe('Only runs in one of these states.'),
    }),
    answer: z.object({ runs: z.array(runSummary) }),
  }),
  'orch.show': operation({
    name: 'orch.show',
    summary: 'Answer the journal of one run so far, in order.',
    args: z.object({ run: runId }),
    answer: z.object({ run: z.string(), events: z.array(runEvent) }),
  }),
  'orch.abort': operation({
    name: 'orch.abort',
    summary: 'End a run: what runs is cancelled and nothing further starts; what was done is undone where asked.',
    args: z.object({ run: runId, rollback: z.boolean().optional().describe('Undo what was done.') }),
    answer: z.object({ run: z.string(), cancelling: z.boolean().describe('False when it had ended before.') }),
  }),
  'orch.pause': operation({
    name: 'orch.pause',
    summary: 'Start no further step of a run until it is resumed; what runs goes on to its end.',
    args: z.object({ run: runId, reason: z.string().optional().describe('Why, for those who look.') }),
    answer: runAnswer,
  }),
  'orch.resume': operation({
    name: 'orch.resume',
    summary: 'Let a paused run go on, or take up one that nobody drives.',
    args: z.object({ run: runId }),
    answer: runAnswer,
  }),
  'orch.retry': operation({
    name: 'orch.retry',
    summary: 'Start a run that does what an ended one has not done; answers its id.',
    args: z.object({
      run: runId,
      ...retryWishes,
    }),
    answer: runAnswer,
  }),
  'orch.preview': operation({
    name: 'orch.preview',
    summary: 'Say what resuming or retrying a run would do with each of its steps; does nothing.',
    args: z.object({
      run: runId,
      action: z.enum(['resume', 'retry']).describe('What would be asked.'),
      ...retryWishes,
    }),
    answer: runPreview,
  }),
  'orch.rollback': operation({
    name: 'orch.rollback',
    summary: 'Undo what a run did; answers the run to follow.',
    args: z.object({ run: runId }),
    answer: runAnswer,
  }),
  'orch.approve': operation({
    name: 'orch.approve',
    summary: 'Agree to the plan of a run, or to a step that waits for that.',
    args: z.object({
      run: runId,
      step: z.string().optional().describe('Id of the step; the whole plan when absent.'),
      comment: z.string().optional().describe('Kept in the journal.'),
    }),
    answer: runAnswer,
  }),
  'orch.reject': operation({
    name: 'orch.reject',
    summary: 'Refuse a run that waits for approval, or a step that does.',
    args: z.object({
      run: runId,
      step: z.string().optional().describe('Id of the step; the whole run when absent.'),
      comment: z.string().optional().describe('Kept in the journal.'),
    }),
    answer: runAnswer,
  }),
  'orch.answer': operation({
    name: 'orch.answer',
    summary: 'Say what becomes of a failed step that the run asks about.',
    args: z.object({
      run: runId,
      choice: failureChoice.describe('Try again, pass over, undo everything, or end the run.'),
      step: z.string().optional().describe('Id of the step, where several ask.'),
    }),
    answer: runAnswer,
  }),
  'orch.simulate': operation({
    name: 'orch.simulate',
    summary: 'Run an orchestration with the true engine on hosts that do not exist; nothing is touched.',
    args: z.object({
      name: z.string().describe('The orchestration.'),
      saltenv: z.string().optional().describe('File environment.'),
      pillarenv: z.string().optional().describe('Pillar environment.'),
      pillar: encodedValue.optional().describe('Mapping merged over the pillar, encoded.'),
      options: encodedValue.optional().describe('Mapping laid over `__run__`, encoded.'),
      hosts: z.number().int().positive().max(10_000).optional().describe('How many hosts the largest family has.'),
      fail: z
        .array(z.object({ host: z.string(), step: z.string() }))
        .optional()
        .describe('Hosts (globs) on which steps whose id or function holds the text fail.'),
      unreachable: z.array(z.string()).optional().describe('Hosts (globs) that nobody can reach.'),
      slowShare: z.number().min(0).max(1).optional().describe('Share of the hosts that take ten times as long.'),
    }),
    answer: z.object({
      outcome: z.string(),
      exitCode: z.number(),
      reason: z.string().optional(),
      tookMs: z.number().describe('Simulated milliseconds.'),
      hosts: z.number(),
      steps: z.number(),
      timeline: z.array(z.object({ atMs: z.number(), text: z.string() })),
      pools: z.record(z.string(), z.object({ members: z.number(), lowest: z.number(), atMs: z.number() })),
    }),
  }),
  'orch.locks': operation({
    name: 'orch.locks',
    summary: 'List who holds locks and who waits for them, in order of arrival.',
    args: z.object({}),
    answer: z.object({
      locks: z.array(
        z.object({
          run: z.string(),
          name: z.string(),
          by: z.string(),
          locks: z.array(z.string()),
          since: instant,
          position: z.number().describe('0 for a holder; as many runs have to end before it is its turn.'),
        }),
      ),
    }),
  }),
};

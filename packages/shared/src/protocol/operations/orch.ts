import { z } from 'zod';
import { encodedValue } from '../messages.ts';
import { runEvent } from '../run-events.ts';
import { instant, listArguments, operation } from './operation.ts';

const runId = z.string().describe('Run id, a unique prefix of one, `@last` or `@last-failed`.');

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
  'orch.cancel': operation({
    name: 'orch.cancel',
    summary: 'Ask a run to stop; what has been done stays done.',
    args: z.object({ run: runId }),
    answer: z.object({ run: z.string(), cancelling: z.boolean().describe('False when it had ended before.') }),
  }),
};

import { z } from 'zod';
import { encodedValue } from '../messages.ts';
import { stepSummary } from '../run-events.ts';
import { operation } from './operation.ts';

const durationStats = {
  n: z.number().describe('How many times the percentiles are made of.'),
  p50Ms: z.number(),
  p90Ms: z.number(),
};

/** A step in a graph of steps. */
const graphStep = stepSummary.extend({
  parallel: z.boolean().describe('Whether those behind it wait for it.'),
  digest: z.string().describe('Of its arguments, secrets left out: two steps with the same one do the same.'),
});

/** What a step depends on. */
const graphEdge = z.object({
  from: z.string().describe('Key of the step that comes first.'),
  to: z.string().describe('Key of the step that depends on it.'),
  kind: z.string().describe('`require`, `watch`, `onchanges`, `onfail`, `prereq`, `listen`.'),
  any: z.boolean().describe('Whether one of several is enough.'),
});

/** The steps of an orchestration in the order they run, and what depends on what. */
export const runGraph = z.object({
  name: z.string(),
  run: z.string().optional(),
  steps: z.array(graphStep),
  edges: z.array(graphEdge),
});
export type RunGraph = z.infer<typeof runGraph>;

/** Operations that show orchestrations and their runs from other sides than their journal. */
export const runViewOperations = {
  'orch.graph': operation({
    name: 'orch.graph',
    summary: 'Answer the steps of a run, or of an orchestration as it would be planned now, and what depends on what.',
    args: z.object({
      of: z.string().describe('A run id, a unique prefix of one, `@last`, or the name of an orchestration.'),
      saltenv: z.string().optional().describe('File environment, for a name.'),
      pillarenv: z.string().optional().describe('Pillar environment, for a name.'),
      pillar: encodedValue.optional().describe('Mapping merged over the pillar, encoded, for a name.'),
    }),
    answer: runGraph,
  }),
  'orch.durations': operation({
    name: 'orch.durations',
    summary: 'Answer how long orchestrations and their steps took in earlier runs.',
    args: z.object({ name: z.string().optional().describe('Only this orchestration.') }),
    answer: z.object({
      orchestrations: z.array(
        z.object({
          name: z.string(),
          run: z.object(durationStats).optional(),
          steps: z.array(z.object({ id: z.string(), ...durationStats })),
        }),
      ),
    }),
  }),
};

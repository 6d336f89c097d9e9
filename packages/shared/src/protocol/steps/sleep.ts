import { z } from 'zod';
import { step } from './step.ts';

/** Lets time pass. */
export const sleepForStep = step({
  name: 'sleep.for',
  summary: 'Waits for a number of seconds.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('The seconds, in quotes; a name for the step where `seconds` are given.'),
    seconds: z.number().nonnegative().optional().describe('How long.'),
  }),
  examples: [{ title: 'let caches fill', args: { name: 'caches', seconds: 30 } }],
});

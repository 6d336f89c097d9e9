import { z } from 'zod';
import { step } from './step.ts';

/** Waits until people have agreed to go on. */
export const approveStepDeclaration = step({
  name: 'approve.step',
  summary: 'Waits in the middle of a run until somebody agrees to go on.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('What is to be agreed to, in words.'),
    count: z.number().int().min(1).default(1).describe('How many people have to agree.'),
    self: z.boolean().default(false).describe('Whether who started the run may agree.'),
    expires: z.number().positive().optional().describe('Seconds until the step fails; never when absent.'),
  }),
  examples: [{ title: 'look at the canary first', args: { name: 'canary looks good', count: 2 } }],
});

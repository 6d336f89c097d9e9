import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { step } from './step.ts';
import { targetArgs } from './targets.ts';

/** Runs one function on the targets (Salt 3006 `saltmod.function`). */
export const saltFunctionStep = step({
  name: 'salt.function',
  summary: 'Runs a function on hosts and fails when it failed on any of them.',
  afterCrash: 'reattach',
  args: z.object({
    name: z.string().describe('The function: `service.restart`.'),
    ...targetArgs,
    arg: anyValue().optional().describe('Positional arguments: a list; a text is split at spaces.'),
    kwarg: anyValue().optional().describe('Keyword arguments: a mapping.'),
    fail_function: z
      .string()
      .optional()
      .describe("A function that gets each host's return and says whether it is a success."),
  }),
  examples: [
    { title: 'restart nginx on every web server', args: { name: 'service.restart', tgt: 'web*', arg: ['nginx'] } },
  ],
});

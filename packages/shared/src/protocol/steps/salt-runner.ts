import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { step } from './step.ts';

/** Calls a runner on the master (Salt 3006 `saltmod.runner`). A runner that returns False has failed. */
export const saltRunnerStep = step({
  name: 'salt.runner',
  summary: 'Calls a runner on the master.',
  afterCrash: 'rerun',
  keywords: 'kwargs',
  args: z.object({
    name: z.string().describe('The runner: `state.orchestrate`.'),
    arg: anyValue().optional().describe('Positional arguments: a list.'),
    kwarg: anyValue().optional().describe('Keyword arguments: a mapping; they may also stand beside `name`.'),
    asynchronous: z
      .boolean()
      .default(false)
      .describe('Do not wait for the end: the step has succeeded when the runner is started; it outlives the run.'),
    kwargs: anyValue().optional().describe('Keyword arguments of the runner.'),
  }),
  examples: [
    {
      title: 'a nested orchestration',
      args: { name: 'state.orchestrate', kwargs: { mods: 'orch.database' } as never },
    },
  ],
});

import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap } from '../../values/index.ts';
import { step } from './step.ts';

/** Calls several runners at once and waits for all of them (Salt 3006 `saltmod.parallel_runners`). */
export const saltParallelRunnersStep = step({
  name: 'salt.parallel_runners',
  summary: 'Calls several runners side by side and fails when any of them did.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('A name for the step; nothing else depends on it.'),
    runners: anyValue().describe(
      'Mapping: id → `name` (the id when absent), `arg` and `kwarg` of a runner, as a mapping or a list of mappings.',
    ),
  }),
  examples: [
    {
      title: 'two orchestrations at once',
      args: {
        name: 'both',
        runners: new PyMap([['state.orchestrate', new PyMap([['kwarg', new PyMap([['mods', 'orch.one']])]])]]),
      },
    },
  ],
});

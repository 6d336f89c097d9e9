import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { runner } from './runner.ts';

/** Runners that run an orchestration: the same one under Salt's three names. */
export const stateRunnerDeclarations = ['state.orchestrate', 'state.orch', 'state.sls'].map((name) =>
  runner({
    name,
    summary: 'Runs an orchestration to its end.',
    returns: 'The return of every step under the id of the master, and a return code.',
    args: z.object({
      mods: z
        .union([z.string(), z.array(z.string()).length(1)])
        .describe('The orchestration: `orch.deploy-environment`.'),
      saltenv: z.string().optional().describe('File environment; `base` when absent.'),
      test: z.boolean().optional().describe('Only look.'),
      exclude: anyValue().optional().describe('Accepted for Salt trees.'),
      pillar: anyValue().optional().describe('Pillar values laid over the pillar.'),
      pillarenv: z.string().optional().describe('Pillar environment.'),
    }),
    examples: [{ title: 'deploy prod', args: { mods: 'orch.deploy-environment', pillarenv: 'prod' } }],
  }),
);

/** Undoes a run. */
export const rollbackRunnerDeclaration = runner({
  name: 'orch.rollback',
  summary: 'Undoes what a run did, and waits until that is done.',
  returns: 'The return of every step that undoes under the id of the master, and a return code.',
  args: z.object({ run: z.string().describe('Id of the run that is to be undone.') }),
  examples: [{ title: 'undo a deployment', args: { run: '01M7ZB9P65EJEX8RS881A9T1VB' } }],
});

import { z } from 'zod';
import { anyValue, type Declaration } from '../../schema/index.ts';
import { runner } from './runner.ts';

/** Modules whose functions are runners too, as Salt's runners of the same names are. */
export const FUNCTIONS_AS_RUNNERS = /^(test|http|network|config|sys|defaults)\./;

/** Runners that call execution functions on the master itself. */
export const functionRunnerDeclarations = {
  'salt.cmd': runner({
    name: 'salt.cmd',
    summary: 'Runs an execution function on the master.',
    returns: 'What the function answers.',
    rest: 'args',
    keywords: 'kwargs',
    args: z.object({
      fun: z.string().describe('The function: `test.ping`.'),
      args: anyValue().optional().describe('Positional arguments.'),
      kwargs: anyValue().optional().describe('Keyword arguments.'),
    }),
    examples: [{ title: 'ping', args: { fun: 'test.ping' } }],
  }),
};

/** An execution function of the master as a runner: it takes whatever the function takes. */
export function functionAsRunner({ name, summary }: Pick<Declaration, 'name' | 'summary'>) {
  return runner({
    name,
    summary,
    returns: 'What the function answers.',
    rest: 'args',
    keywords: 'kwargs',
    args: z.object({
      args: anyValue().optional().describe('Positional arguments.'),
      kwargs: anyValue().optional().describe('Keyword arguments.'),
    }),
    examples: [{ title: 'on the master', args: {} }],
  });
}

import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap } from '../../values/index.ts';
import { step } from './step.ts';

/** Calls a function about the master itself, such as its keys (Salt 3006 `saltmod.wheel`). */
export const saltWheelStep = step({
  name: 'salt.wheel',
  summary: 'Calls a function about the master itself: its keys.',
  afterCrash: 'rerun',
  keywords: 'kwargs',
  args: z.object({
    name: z.string().describe('The function: `key.accept`.'),
    arg: anyValue().optional().describe('Positional arguments: a list.'),
    kwarg: anyValue().optional().describe('Keyword arguments: a mapping; they may also stand beside `name`.'),
    asynchronous: z
      .boolean()
      .default(false)
      .describe('Accepted for Salt trees: these functions take no time, so their answer is there at once.'),
    kwargs: anyValue().optional().describe('Keyword arguments of the function.'),
  }),
  examples: [
    { title: 'let a new host in', args: { name: 'key.accept', kwargs: new PyMap([['match', 'web3']]) as never } },
  ],
});

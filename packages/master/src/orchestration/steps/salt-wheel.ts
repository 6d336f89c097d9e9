import { anyValue } from '@edge-run/shared/schema';
import { PyMap } from '@edge-run/shared/values';
import { z } from 'zod';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { callMaster, keywordsOf, positionalOf } from './calls.ts';

/** Calls a function about the master itself, such as its keys (Salt 3006 `saltmod.wheel`). */
export const saltWheel = defineStep({
  name: 'salt.wheel',
  summary: 'Calls a function about the master itself: its keys.',
  afterCrash: 'rerun',
  keywords: 'kwargs',
  args: z.object({
    name: z.string().describe('The function: `key.accept`.'),
    arg: anyValue().optional().describe('Positional arguments: a list.'),
    kwarg: anyValue().optional().describe('Keyword arguments: a mapping; they may also stand beside `name`.'),
    kwargs: anyValue().optional().describe('Keyword arguments of the function.'),
  }),
  examples: [
    { title: 'let a new host in', args: { name: 'key.accept', kwargs: new PyMap([['match', 'web3']]) as never } },
  ],

  async plan(args, ctx) {
    if (!ctx.ports.wheels.has(args.name)) return unknownWheel(args.name);
    return { result: null, changes: new PyMap(), comment: `Wheel function '${args.name}' would be executed.` };
  },

  async run(args, ctx): Promise<StepAnswer> {
    if (!ctx.ports.wheels.has(args.name)) return unknownWheel(args.name);
    const call = { name: args.name, args: positionalOf(args.arg), kwargs: keywordsOf(args.kwarg, args.kwargs) };
    const { answer, result } = await callMaster(ctx.ports.wheels, call, ctx);
    return {
      result,
      changes: new PyMap([['return', answer]]),
      comment: result ? `Wheel function '${args.name}' executed.` : `Wheel function '${args.name}' failed.`,
    };
  },
});

function unknownWheel(name: string): StepAnswer {
  return { result: false, changes: new PyMap(), comment: `Wheel function '${name}' does not exist.` };
}

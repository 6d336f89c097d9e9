import { anyValue } from '@edge-run/shared/schema';
import { PyMap } from '@edge-run/shared/values';
import { z } from 'zod';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { callMaster, keywordsOf, positionalOf } from './calls.ts';

/** Calls a runner on the master (Salt 3006 `saltmod.runner`). A runner that returns False has failed. */
export const saltRunner = defineStep({
  name: 'salt.runner',
  summary: 'Calls a runner on the master.',
  afterCrash: 'rerun',
  keywords: 'kwargs',
  args: z.object({
    name: z.string().describe('The runner: `state.orchestrate`.'),
    arg: anyValue().optional().describe('Positional arguments: a list.'),
    kwarg: anyValue().optional().describe('Keyword arguments: a mapping; they may also stand beside `name`.'),
    kwargs: anyValue().optional().describe('Keyword arguments of the runner.'),
  }),
  examples: [
    {
      title: 'a nested orchestration',
      args: { name: 'state.orchestrate', kwargs: { mods: 'orch.database' } as never },
    },
  ],

  async plan(args, ctx) {
    if (!ctx.ports.runners.has(args.name)) return unknownRunner(args.name);
    return { result: null, changes: new PyMap(), comment: `Runner function '${args.name}' would be executed.` };
  },

  async run(args, ctx): Promise<StepAnswer> {
    if (!ctx.ports.runners.has(args.name)) return unknownRunner(args.name);
    const call = { name: args.name, args: positionalOf(args.arg), kwargs: keywordsOf(args.kwarg, args.kwargs) };
    const { answer, result } = await callMaster(ctx.ports.runners, call, ctx);
    return {
      result,
      changes: new PyMap([['return', answer]]),
      comment: result ? `Runner function '${args.name}' executed.` : `Runner function '${args.name}' failed.`,
    };
  },
});

function unknownRunner(name: string): StepAnswer {
  return { result: false, changes: new PyMap(), comment: `Runner function '${name}' does not exist.` };
}

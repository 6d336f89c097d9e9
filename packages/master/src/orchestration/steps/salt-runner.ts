import { anyValue } from '@edge-run/shared/schema';
import { PyMap, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import { defineStep, type StepAnswer } from '../step-kind.ts';

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
    const { answer, result } = await ctx.ports.runners.call({
      name: args.name,
      args: Array.isArray(args.arg) ? args.arg : args.arg === undefined || args.arg === null ? [] : [args.arg],
      kwargs: mergeKeywords(args.kwarg, args.kwargs),
      by: `run:${ctx.run.id}`,
      key: ctx.jid,
      signal: ctx.signal,
      report: ctx.report,
    });
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

function mergeKeywords(...maps: readonly (Value | undefined)[]): ReadonlyMap<string, Value> {
  const merged = new Map<string, Value>();
  for (const map of maps) if (map instanceof PyMap) for (const [key, value] of map) merged.set(String(key), value);
  return merged;
}

import { keywordsOf, positionalOf } from '@edge-run/shared/orchestration';
import { saltRunnerStep } from '@edge-run/shared/protocol';
import { PyMap } from '@edge-run/shared/values';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { callMaster } from './calls.ts';

/** Calls a runner on the master (Salt 3006 `saltmod.runner`). A runner that returns False has failed. */
export const saltRunner = defineStep({
  ...saltRunnerStep,

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

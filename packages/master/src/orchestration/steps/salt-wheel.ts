import { keywordsOf, positionalOf } from '@edge-run/shared/orchestration';
import { saltWheelStep } from '@edge-run/shared/protocol';
import { PyMap } from '@edge-run/shared/values';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { callMaster, planMaster } from './calls.ts';

/** Calls a function about the master itself, such as its keys (Salt 3006 `saltmod.wheel`). */
export const saltWheel = defineStep({
  ...saltWheelStep,

  async plan(args, ctx, foresight) {
    if (!ctx.ports.wheels.has(args.name)) return unknownWheel(args.name);
    const call = { name: args.name, args: positionalOf(args.arg), kwargs: keywordsOf(args.kwarg, args.kwargs) };
    return planMaster(ctx.ports.wheels, call, ctx, foresight);
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

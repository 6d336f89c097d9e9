import { keywordsOf, positionalOf } from '@edge-run/shared/orchestration';
import { saltParallelRunnersStep } from '@edge-run/shared/protocol';
import { PyMap, type Value } from '@edge-run/shared/values';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { callMaster, joinPlans, type MasterCall, planMaster } from './calls.ts';

/** Calls several runners at once and waits for all of them (Salt 3006 `saltmod.parallel_runners`). */
export const saltParallelRunners = defineStep({
  ...saltParallelRunnersStep,

  async plan(args, ctx, foresight) {
    const calls = callsOf(args.runners);
    const unknown = unknownOf(calls, ctx.ports.runners);
    if (unknown !== undefined) return unknown;
    const plans: StepAnswer[] = [];
    for (const call of calls) plans.push(await planMaster(ctx.ports.runners, call, ctx, foresight));
    return joinPlans(plans);
  },

  async run(args, ctx): Promise<StepAnswer> {
    const calls = callsOf(args.runners);
    const unknown = unknownOf(calls, ctx.ports.runners);
    if (unknown !== undefined) return unknown;
    const ends = await Promise.all(
      calls.map(async (call) => ({ id: call.part, ...(await callMaster(ctx.ports.runners, call, ctx)) })),
    );
    const failed = ends.filter(({ result }) => !result).map(({ id }) => id);
    return {
      result: failed.length === 0,
      changes: new PyMap([['ret', new PyMap(ends.map(({ id, answer }) => [id, answer]))]]),
      comment:
        failed.length === 0
          ? 'All runner functions executed successfully.'
          : `Runner ${failed.length === 1 ? 'function' : 'functions'} ${failed.join(', ')} failed.`,
    };
  },
});

type PartCall = MasterCall & { readonly part: string };

/** A text is one runner without arguments. */
function callsOf(runners: Value): readonly PartCall[] {
  const given = runners instanceof PyMap ? runners : new PyMap([[runners, null]]);
  return [...given].map(([key, config]) => {
    const part = String(key);
    const { name, arg, kwarg, ...others } = Object.fromEntries(
      keywordsOf(...(Array.isArray(config) ? config : [config])),
    );
    return {
      part,
      name: name === undefined ? part : String(name),
      args: positionalOf(arg),
      kwargs: new Map([...keywordsOf(kwarg), ...Object.entries(others)]),
    };
  });
}

function unknownOf(calls: readonly PartCall[], runners: { has(name: string): boolean }): StepAnswer | undefined {
  const unknown = calls.filter(({ name }) => !runners.has(name)).map(({ name }) => name);
  if (unknown.length === 0) return undefined;
  const comment = `Runner function '${unknown.join("', '")}' does not exist.`;
  return { result: false, changes: new PyMap(), comment };
}

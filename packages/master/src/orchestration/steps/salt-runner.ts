import { errorMessage } from '@edge-run/shared/kernel';
import { keywordsOf, positionalOf } from '@edge-run/shared/orchestration';
import { saltRunnerStep } from '@edge-run/shared/protocol';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import { startRunner } from '../start-runner.ts';
import { defineStep, type StepAnswer, type StepContext } from '../step-kind.ts';
import { callMaster, type MasterCall, planMaster } from './calls.ts';

/** Calls a runner on the master (Salt 3006 `saltmod.runner`). A runner that returns False has failed. */
export const saltRunner = defineStep({
  ...saltRunnerStep,

  async plan(args, ctx, foresight) {
    if (!ctx.ports.runners.has(args.name)) return unknownRunner(args.name);
    const call = { name: args.name, args: positionalOf(args.arg), kwargs: keywordsOf(args.kwarg, args.kwargs) };
    return planMaster(ctx.ports.runners, call, ctx, foresight);
  },

  async run(args, ctx): Promise<StepAnswer> {
    if (!ctx.ports.runners.has(args.name)) return unknownRunner(args.name);
    const call = { name: args.name, args: positionalOf(args.arg), kwargs: keywordsOf(args.kwarg, args.kwargs) };
    if (args.asynchronous) return started(call, ctx);
    const { answer, result } = await callMaster(ctx.ports.runners, call, ctx);
    return {
      result,
      changes: new PyMap([['return', answer]]),
      comment: result ? `Runner function '${args.name}' executed.` : `Runner function '${args.name}' failed.`,
    };
  },
});

/** What Salt answers for a runner that nobody waits for: its id, and the tag its events begin with. */
async function started({ name, args, kwargs }: MasterCall, ctx: StepContext): Promise<StepAnswer> {
  // It is not the run's any more: only somebody who asks for itself ends it.
  const { signal } = new AbortController();
  try {
    const call = { name, args, kwargs, by: `run:${ctx.run.id}`, key: ctx.jid, signal };
    const { run, ended } = await startRunner(ctx.ports.runners, call);
    ended.catch((error: unknown) => ctx.log.warn(`${name}, which nobody waits for: ${errorMessage(error)}`));
    const answer = run === undefined ? { jid: ctx.jid } : { jid: run, tag: `run/${run}` };
    return {
      result: true,
      changes: fromPlain({ return: answer }) as PyMap,
      comment: `Runner function '${name}' started.`,
    };
  } catch (error) {
    const changes = new PyMap([['return', errorMessage(error)]]);
    return { result: false, changes, comment: `Runner function '${name}' failed.` };
  }
}

function unknownRunner(name: string): StepAnswer {
  return { result: false, changes: new PyMap(), comment: `Runner function '${name}' does not exist.` };
}

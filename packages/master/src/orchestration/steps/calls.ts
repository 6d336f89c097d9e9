import { errorMessage } from '@edge-run/shared/kernel';
import { PyMap, type Value } from '@edge-run/shared/values';
import type { RunnerCalls } from '../ports.ts';
import type { StepContext } from '../step-kind.ts';

/** A function of the master to call. */
export interface MasterCall {
  readonly name: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  /** Tells the calls of one step apart. */
  readonly part?: string;
}

/** Calls a runner or wheel for a step. One that throws has failed, and what it said is its answer. */
export async function callMaster(
  calls: RunnerCalls,
  { name, args, kwargs, part }: MasterCall,
  ctx: StepContext,
): Promise<{ readonly answer: Value; readonly result: boolean }> {
  try {
    const { answer, result } = await calls.call({
      name,
      args,
      kwargs,
      by: `run:${ctx.run.id}`,
      key: part === undefined ? ctx.jid : `${ctx.jid}-${part}`,
      signal: ctx.signal,
      report: ctx.report,
    });
    // A mapping with `Error` is how functions of Salt's masters say that they failed.
    return { answer, result: result && !(answer instanceof PyMap && answer.has('Error')) };
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    return { answer: errorMessage(error), result: false };
  }
}

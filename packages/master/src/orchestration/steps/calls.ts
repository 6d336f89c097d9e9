import { errorMessage } from '@edge-run/shared/kernel';
import type { PlanEffect } from '@edge-run/shared/protocol';
import { encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import type { Foresight } from '../foresight.ts';
import type { PlannableCalls, RunnerCalls } from '../ports.ts';
import type { StepAnswer, StepContext } from '../step-kind.ts';

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

/** What calling a runner or wheel would do; one that cannot be planned would fail, and what it said is the answer. */
export async function planMaster(
  calls: PlannableCalls,
  { name, args, kwargs, part }: MasterCall,
  ctx: StepContext,
  { isLate, world }: Foresight,
): Promise<StepAnswer> {
  const call = {
    ...{ to: 'master' as const, fun: name, args: args.map((arg) => encodeValue(arg)) },
    kwargs: Object.fromEntries([...kwargs].map(([key, value]) => [key, encodeValue(value)])),
  };
  const comment = `'${name}' would be executed on the master.`;
  if (isLate) return { result: null, changes: new PyMap(), comment, foreseen: { effect: 'unknown', calls: [call] } };
  try {
    const { foreseen, ...planned } = await calls.plan({
      ...{ name, args, kwargs, world, signal: ctx.signal, report: ctx.report, by: `run:${ctx.run.id}` },
      key: part === undefined ? ctx.jid : `${ctx.jid}-${part}`,
    });
    return { ...planned, foreseen: { ...foreseen, calls: [call] } };
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    return {
      ...{ result: false, changes: new PyMap(), comment: errorMessage(error) },
      foreseen: { effect: 'nothing', calls: [call] },
    };
  }
}

/** The plan of several calls that one step makes. */
export function joinPlans(plans: readonly StepAnswer[]): StepAnswer {
  const foreseen = plans.flatMap((plan) => plan.foreseen ?? []);
  const effects = new Set(foreseen.map(({ effect }) => effect));
  const effect: PlanEffect = effects.has('unknown') ? 'unknown' : effects.has('changes') ? 'changes' : 'nothing';
  const why = foreseen.flatMap((one) => one.why ?? []).join('; ');
  const changes = plans.map((plan) => plan.changes).filter((value) => value instanceof PyMap);
  return {
    result: plans.some(({ result }) => result === false) ? false : plans.every(({ result }) => result === true) || null,
    changes: new PyMap(changes.flatMap((value) => [...value])),
    comment: plans.map(({ comment }) => comment).join(' '),
    foreseen: {
      ...{
        effect,
        calls: foreseen.flatMap(({ calls = [] }) => calls),
        runs: foreseen.flatMap(({ runs = [] }) => runs),
      },
      ...(why === '' ? {} : { why }),
      brings: Object.assign({}, ...foreseen.map(({ brings }) => brings)),
      leaves: Object.assign({}, ...foreseen.map(({ leaves }) => leaves)),
    },
  };
}

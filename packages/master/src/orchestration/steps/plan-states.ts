import type { ForeseenStep, PlanEffect } from '@edge-run/shared/protocol';
import { PyMap, type Value } from '@edge-run/shared/values';
import { kindOf, readStateReturns } from '@edge-run/shared/view';
import type { Foresight } from '../foresight.ts';
import type { StepAnswer, StepContext } from '../step-kind.ts';
import { doubtOf, factsDigests, hostCall, plannedHosts, selectsNobody } from './plan-hosts.ts';

type Arguments = Parameters<typeof plannedHosts>[0] &
  Parameters<typeof hostCall>[2] & { readonly test?: boolean | undefined };

/** How states on hosts are looked at. */
export interface StatesLook {
  /** The function and arguments the hosts would get; undefined where the step names no states. */
  readonly call:
    | { readonly fun: string; readonly args: readonly Value[]; readonly kwargs: Map<string, Value> }
    | undefined;
  /** Looks on these hosts. */
  look(hosts: readonly string[]): Promise<StepAnswer>;
}

/**
 * What applying states would change: hosts that are there look now. What they find is no more than a hint where earlier
 * steps would act on the same host.
 */
export async function planStates(
  args: Arguments,
  { call, look }: StatesLook,
  ctx: StepContext,
  foresight: Foresight,
): Promise<StepAnswer> {
  if (call === undefined)
    return { result: false, changes: new PyMap(), comment: 'No highstate or sls specified, no execution made' };
  const who = await plannedHosts(args, ctx, foresight);
  if (who.hosts?.length === 0 && who.coming.length === 0) return selectsNobody(who);
  const shown = {
    ...call,
    kwargs: new Map([...call.kwargs].filter(([name]) => name !== 'test' || args.test === true)),
  };
  const planned: Pick<ForeseenStep, 'calls' | 'facts'> = {
    calls: [hostCall(shown, who, args)],
    facts: factsDigests(who.hosts ?? [], ctx),
  };
  const isLooking = !foresight.isLate && (who.hosts?.length ?? 0) > 0;
  const found: StepAnswer = isLooking
    ? await look(who.hosts!)
    : { result: null, changes: new PyMap(), comment: 'no host of the target can look yet' };
  if (args.test === true) return { ...found, foreseen: { effect: 'nothing', ...planned } };
  const doubt = doubtOf(who, foresight) ?? chanceOf(args, who.hosts ?? []);
  if (doubt === undefined) return { ...found, foreseen: { ...effectOf(found), ...planned } };
  // What fails now may be what an earlier step is there to mend.
  return { ...found, result: null, foreseen: { effect: 'unknown', why: doubt, ...planned } };
}

function chanceOf({ subset }: Arguments, hosts: readonly string[]): string | undefined {
  return subset !== undefined && subset < hosts.length ? `chance chooses ${subset} of the hosts` : undefined;
}

/** What the states of a look would change: all of it known, nothing, or in part unknown. */
function effectOf({ hosts = {}, result }: StepAnswer): Pick<ForeseenStep, 'effect' | 'why' | 'help'> {
  const kinds = new Set(
    Object.values(hosts).flatMap(({ ret }) =>
      ret === undefined ? [] : (readStateReturns(ret)?.states ?? []).map(kindOf),
    ),
  );
  if (kinds.has('unknown'))
    return {
      effect: 'unknown',
      why: 'some of its states cannot be looked up beforehand',
      help: 'see those marked `?`',
    };
  const isQuiet = [...kinds].every((kind) => kind === 'unchanged' || kind === 'failed');
  const effect: PlanEffect = isQuiet && result !== null ? 'nothing' : 'changes';
  return { effect };
}

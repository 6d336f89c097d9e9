import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { keywords, positional } from '@edge-run/shared/orchestration';
import type { ForeseenStep } from '@edge-run/shared/protocol';
import { PyMap, type Value } from '@edge-run/shared/values';
import type { Foresight } from '../foresight.ts';
import type { StepAnswer, StepContext } from '../step-kind.ts';
import { doubtOf, factsDigests, hostCall, type PlannedHosts, plannedHosts, selectsNobody } from './plan-hosts.ts';

type Arguments = Parameters<typeof plannedHosts>[0] &
  Parameters<typeof hostCall>[2] & {
    readonly name: string;
    readonly arg?: Parameters<typeof positional>[0];
    readonly kwarg?: Parameters<typeof keywords>[0];
  };

interface Call {
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
}

/** What a look at the effect of a function found: its changes, or why they cannot be known. */
type Found = Pick<ForeseenStep, 'effect' | 'why' | 'help' | 'leaves'> & { readonly changes?: PyMap };

/** What a function on hosts would do: nothing where it only looks, and what the hosts can tell of any other. */
export async function planFunction(args: Arguments, ctx: StepContext, foresight: Foresight): Promise<StepAnswer> {
  const who = await plannedHosts(args, ctx, foresight);
  if (who.hosts?.length === 0 && who.coming.length === 0) return selectsNobody(who);
  const call = { fun: args.name, args: positional(args.arg), kwargs: keywords(args.kwarg) };
  const { changes = new PyMap(), ...found } = await effectOf(call, who, ctx, foresight);
  return {
    result: null,
    changes,
    comment: `Function ${args.name} would be executed on target ${who.target}`,
    foreseen: { ...found, calls: [hostCall(call, who, args)], facts: factsDigests(who.hosts ?? [], ctx) },
  };
}

async function effectOf(call: Call, who: PlannedHosts, ctx: StepContext, foresight: Foresight): Promise<Found> {
  const module = foresight.functions.get(call.fun);
  if (module?.access === 'read') return { effect: 'nothing' };
  if (module?.foresee === undefined) {
    const help = 'use a state (salt.state) that looks before it acts';
    return { effect: 'unknown', why: `${call.fun} cannot be looked up beforehand`, help };
  }
  if (who.coming.length > 0) return { effect: 'unknown', why: `${who.coming.join(', ')} would come up first` };
  if (foresight.isLate || who.hosts === undefined) return { effect: 'unknown' };
  const answers = await askHosts(call, who.hosts, ctx, foresight);
  const changes = new PyMap();
  const leaves: Record<string, string> = {};
  for (const id of who.hosts) {
    const told = toldBy(answers.get(id));
    if (told === undefined) return { effect: 'unknown', why: `${id} cannot tell what ${call.fun} would do` };
    if (told.isLook && foresight.world.shaken.includes(id))
      return { effect: 'unknown', why: doubtOf(who, foresight) ?? `${id} may be another by then` };
    if (told.changes.size > 0) changes.set(id, told.changes);
    for (const [name, value] of told.leaves) leaves[`${placeOf(id)}${String(name)}`] = String(value);
  }
  return { effect: changes.size > 0 ? 'changes' : 'nothing', changes, leaves };
}

/** Asks the hosts themselves, each with what earlier calls of the plan would leave behind there. */
async function askHosts(
  { fun, args, kwargs }: Call,
  hosts: readonly string[],
  ctx: StepContext,
  { leaves }: Foresight,
): Promise<ReadonlyMap<string, JobTargetAnswer>> {
  const left = hosts.map((id): [string, PyMap] => {
    const own = [...leaves].filter(([name]) => name.startsWith(placeOf(id)));
    return [id, new PyMap(own.map(([name, value]) => [name.slice(placeOf(id).length), value]))];
  });
  const asked: readonly [string, Value][] = [
    ['args', [...args]],
    ['kwargs', new PyMap([...kwargs])],
    ['left', new PyMap(left)],
  ];
  const { id: run, ofJob } = ctx.run;
  const job = { target: hosts.join(','), targetType: 'list', fun: 'sys.foresee', args: [fun], kwargs: new Map(asked) };
  const identity = { jid: ctx.jid, by: `run:${run}`, run: ofJob, step: ctx.step, resumable: true };
  return (await ctx.ports.jobs.run({ ...job, ...identity }, ctx.signal)).targets;
}

function toldBy(
  answer: JobTargetAnswer | undefined,
): { readonly changes: PyMap; readonly leaves: PyMap; readonly isLook: boolean } | undefined {
  if (answer?.outcome !== 'succeeded' || !(answer.ret instanceof PyMap)) return undefined;
  const [changes, leaves] = [answer.ret.get('changes'), answer.ret.get('leaves')];
  if (!(changes instanceof PyMap) || !(leaves instanceof PyMap)) return undefined;
  return { changes, leaves, isLook: answer.ret.get('isLook') === true };
}

/** What a host leaves behind is its own. */
function placeOf(id: string): string {
  return `host/${id}/`;
}

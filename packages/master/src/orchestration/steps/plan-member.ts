import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import type { PlannedCall } from '@edge-run/shared/protocol';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { Foresight } from '../foresight.ts';
import type { StepAnswer, StepContext } from '../step-kind.ts';

/** What a step says about a member of a load balancer. */
interface MemberArguments {
  readonly name: string;
  readonly balancer: string;
  readonly member?: string | undefined;
  readonly deadline: number;
}

/** Where a member is, in the words of changes. */
type Place = 'in service' | 'out of service' | 'draining';

/**
 * What taking a member out, or putting it back, would change: as an earlier step of the plan leaves it, or as the load
 * balancer says now.
 */
export async function planMember(
  args: MemberArguments,
  wanted: 'in service' | 'out of service',
  ctx: StepContext,
  foresight: Foresight,
): Promise<StepAnswer> {
  const member = args.member ?? args.name;
  const slot = `lb/${args.balancer}/${member}`;
  const call: PlannedCall = {
    ...{ to: 'load-balancer', fun: wanted === 'in service' ? 'enable' : 'drain', args: [member] },
    kwargs: { balancer: args.balancer, deadline: args.deadline },
  };
  const planned = { calls: [call], leaves: { [slot]: wanted } };
  const waiting = wanted === 'in service' ? 'to be called up' : 'until nobody is being served';
  const waitsFor = `${member} ${waiting}, at most ${args.deadline} s`;
  const left = foresight.leaves.get(slot) as Place | undefined;
  let found: { readonly place: Place; readonly keepsState: boolean };
  try {
    found = left === undefined ? await look(member, args.balancer, ctx) : { place: left, keepsState: true };
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    const isComing = foresight.coming.size > 0 || foresight.touched.size > 0;
    if (!isComing) return { result: false, changes: new PyMap(), comment: errorMessage(error) };
    const why = `${args.balancer} cannot be asked before earlier steps have run`;
    return {
      result: null,
      changes: new PyMap(),
      comment: why,
      foreseen: { effect: 'unknown', why, waitsFor, ...planned },
    };
  }
  const { place, keepsState } = found;
  if (place !== 'in service' && !keepsState && foresight.touched.size > 0) {
    const why = `${member} is ${place}, which ${args.balancer} forgets if an earlier step reloads it`;
    return {
      ...{ result: null, changes: new PyMap(), comment: why },
      foreseen: { effect: 'unknown', why, waitsFor, ...planned },
    };
  }
  if (place === wanted) {
    const comment = `${member} is ${place} already`;
    return { result: true, changes: new PyMap(), comment, foreseen: { effect: 'nothing', ...planned } };
  }
  const comment = `${member} would be ${wanted === 'in service' ? 'put back into' : 'taken out of'} ${args.balancer}`;
  const changes = memberChange(member, wanted === 'in service' ? 'out of service' : 'in service', wanted);
  return { result: null, changes, comment, foreseen: { effect: 'changes', waitsFor, ...planned } };
}

/** `{app1: {old: in service, new: out of service}}`. */
export function memberChange(member: string, before: string, after: string): PyMap {
  return fromPlain({ [member]: { old: before, new: after } }) as PyMap;
}

async function look(
  member: string,
  name: string,
  { ports, run, signal }: StepContext,
): Promise<{ readonly place: Place; readonly keepsState: boolean }> {
  const { balancer, pool } = await ports.balancer(name, run.pillar);
  const found = (await balancer.members(pool, signal)).find(({ id }) => id === member);
  if (found === undefined) {
    throw new EdgeError('EDGE_LB_UNKNOWN_MEMBER', `${name} has no member ${member}`, { balancer: name, member });
  }
  const places = { enabled: 'in service', draining: 'draining', disabled: 'out of service' } as const;
  return { place: places[found.admin], keepsState: balancer.capabilities.keepsStateOverReload };
}

import { lbStatusStep, lbWaitStep } from '@edge-run/shared/protocol';
import { PyMap } from '@edge-run/shared/values';
import type { PoolMember } from '../../loadbalancer/index.ts';
import { defineStep, type StepAnswer, type StepContext } from '../step-kind.ts';
import { floorOf, isInService, stateOf } from './in-service.ts';
import { type Look, waitUntil, wouldWait } from './waiting.ts';

/** Waits until a member, or enough of all members, of a load balancer are in service. */
export const lbWait = defineStep({
  ...lbWaitStep,

  plan: async ({ balancer, member }) => wouldWait(`${member ?? 'enough members'} of ${balancer} are in service`),

  async run(args, ctx): Promise<StepAnswer> {
    const { balancer, pool } = await ctx.ports.balancer(args.balancer, ctx.run.pillar);
    const look = async (): Promise<Look> => {
      const members = await balancer.members(pool, ctx.signal);
      const wanted = members.filter(({ id }) => id === args.member);
      const isThere = args.member === undefined || wanted.some(isInService);
      const floor = args.in_service ?? (args.member === undefined ? members.length : 0);
      const { count } = floorOf(floor, members.length);
      const isGood = isThere && members.filter(isInService).length >= count;
      const unknown = args.member !== undefined && wanted.length === 0 ? `no member ${args.member}; ` : '';
      return { isGood, seen: `${unknown}${tally(members)}` };
    };
    const patience = { ...args, backoff: 1, max_interval: args.interval, delay: 0 };
    return (await waitUntil(patience, args.balancer, look, ctx)).answer;
  },
});

/** Shows the members of a load balancer. */
export const lbStatus = defineStep({
  ...lbStatusStep,

  plan: (args, ctx) => lbStatusAnswer(args, ctx),
  run: (args, ctx) => lbStatusAnswer(args, ctx),
});

async function lbStatusAnswer(
  args: { readonly balancer: string; readonly min_in_service?: string | number | undefined },
  ctx: StepContext,
): Promise<StepAnswer> {
  const { balancer, pool } = await ctx.ports.balancer(args.balancer, ctx.run.pillar);
  const members = await balancer.members(pool, ctx.signal);
  const { count, words } = floorOf(args.min_in_service ?? 0, members.length);
  const isEnough = members.filter(isInService).length >= count;
  const comment = isEnough ? tally(members) : `${tally(members)}; ${words}`;
  return { result: isEnough, changes: new PyMap(), comment };
}

/** `2 of 3 in service: app1 up, 4 sessions; app2 up; app3 draining, 1 session`. */
function tally(members: readonly PoolMember[]): string {
  const each = members.map(({ id, admin, health, sessions }) => {
    const open = sessions === null ? '' : `, ${sessions} ${sessions === 1 ? 'session' : 'sessions'}`;
    return `${id} ${stateOf({ admin, health })}${open}`;
  });
  return `${members.filter(isInService).length} of ${members.length} in service: ${each.join('; ')}`;
}

import { errorMessage } from '@edge-run/shared/kernel';
import { lbDrainStep, lbEnableStep } from '@edge-run/shared/protocol';
import { PyMap } from '@edge-run/shared/values';
import type { z } from 'zod';
import { defineStep, type StepAnswer, type StepContext } from '../step-kind.ts';
import { floorProblem } from './in-service.ts';
import { memberChange, planMember } from './plan-member.ts';

/** Takes a server out: no new connections, open ones may end, then out of service. */
export const lbDrain = defineStep({
  ...lbDrainStep,

  async plan(args, ctx, foresight) {
    const planned = await planMember(args, 'out of service', ctx, foresight);
    const refusal = planned.foreseen?.effect === 'changes' ? await refusalOf(args, ctx, new Set()) : undefined;
    return refusal === undefined ? planned : refused(refusal);
  },

  async run(args, ctx): Promise<StepAnswer> {
    if (args.min_in_service === undefined) return takeOut(args, ctx);
    const { id: pool } = await ctx.ports.balancer(args.balancer, ctx.run.pillar);
    const claim = { pool, member: args.member ?? args.name, run: ctx.run.id, step: ctx.step };
    const { reservations } = ctx.ports;
    const refusal = await reservations.take(claim, (leaving) => refusalOf(args, ctx, leaving));
    if (refusal !== undefined) return refused(refusal);
    try {
      return await takeOut(args, ctx);
    } finally {
      await reservations.giveBack(claim).catch((error: unknown) =>
        // It is void when the run has ended.
        ctx.log.warn('a reservation could not be given back', { ...claim, reason: errorMessage(error) }),
      );
    }
  },
});

async function takeOut(args: z.output<typeof lbDrainStep.args>, ctx: StepContext): Promise<StepAnswer> {
  const member = args.member ?? args.name;
  const { balancer, pool } = await ctx.ports.balancer(args.balancer, ctx.run.pillar);
  const before = (await balancer.members(pool, ctx.signal)).find(({ id }) => id === member);
  ctx.report('draining', `until nobody is served, at most ${args.deadline} s`, member);
  const end = await balancer.drain(pool, member, { deadlineMs: args.deadline * 1000, signal: ctx.signal });
  if (end === 'deadline' && args.on_timeout === 'abort') {
    await balancer.enable(pool, member, { deadlineMs: args.deadline * 1000, signal: ctx.signal });
    return refused(`${member} still had open connections after ${args.deadline} s and was put back`);
  }
  await balancer.disable(pool, member, {
    force: end === 'deadline' && args.on_timeout === 'force',
    signal: ctx.signal,
  });
  const comment =
    end === 'drained'
      ? `${member} is out of ${args.balancer}, nobody was cut off`
      : `${member} is out of ${args.balancer}; connections were still open`;
  const wasOut = before?.admin === 'disabled';
  return {
    result: true,
    changes: wasOut ? new PyMap() : memberChange(member, 'in service', 'out of service'),
    comment,
  };
}

/** Puts a server back and waits until the load balancer itself calls it up. */
export const lbEnable = defineStep({
  ...lbEnableStep,

  plan: (args, ctx, foresight) => planMember(args, 'in service', ctx, foresight),

  async run(args, ctx): Promise<StepAnswer> {
    const member = args.member ?? args.name;
    const { balancer, pool } = await ctx.ports.balancer(args.balancer, ctx.run.pillar);
    const before = (await balancer.members(pool)).find(({ id }) => id === member);
    if (before?.admin === 'enabled' && before.health === 'up') {
      return { result: true, changes: new PyMap(), comment: `${member} is in ${args.balancer} and up` };
    }
    ctx.report('enabling', 'until the load balancer calls it up', member);
    await balancer.enable(pool, member, { deadlineMs: args.deadline * 1000, signal: ctx.signal });
    // One that nobody took out is only waited for: the load balancer has just begun to look at it.
    const wasIn = before?.admin === 'enabled';
    return {
      result: true,
      changes: wasIn ? new PyMap() : memberChange(member, 'out of service', 'in service'),
      comment: `${member} is back in ${args.balancer} and up`,
    };
  },
});

/**
 * Why the member stays, when too few would be in service without it and those that others are about to take out;
 * undefined when it may go.
 */
async function refusalOf(
  args: { name: string; member?: string | undefined; balancer: string; min_in_service?: string | number | undefined },
  ctx: StepContext,
  leaving: ReadonlySet<string>,
): Promise<string | undefined> {
  if (args.min_in_service === undefined) return undefined;
  const member = args.member ?? args.name;
  const { balancer, pool } = await ctx.ports.balancer(args.balancer, ctx.run.pillar);
  const members = (await balancer.members(pool, ctx.signal)).map((one) =>
    leaving.has(one.id) && one.admin === 'enabled' ? { ...one, admin: 'draining' as const } : one,
  );
  const problem = floorProblem(members, member, args.min_in_service);
  return problem === undefined ? undefined : `${member} stays in ${args.balancer}: ${problem}`;
}

function refused(comment: string): StepAnswer {
  return { result: false, changes: new PyMap(), comment };
}

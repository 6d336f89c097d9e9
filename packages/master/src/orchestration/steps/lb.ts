import { fromPlain, PyMap } from '@edge-run/shared/values';
import { z } from 'zod';
import { defineStep, type StepAnswer } from '../step-kind.ts';

const memberArgs = {
  name: z.string().describe('A name for the step; the member when `member` is absent.'),
  balancer: z.string().describe("The load balancer: a key of the pillar's `load_balancers`."),
  member: z.string().optional().describe('The server, as the load balancer names it.'),
};

/** Takes a server out: no new connections, open ones may end, then out of service. */
export const lbDrain = defineStep({
  name: 'lb.drain',
  summary: 'Takes a member out of its load balancer once nobody is being served by it any more.',
  afterCrash: 'rerun',
  args: z.object({
    ...memberArgs,
    deadline: z.number().positive().default(60).describe('Seconds that open connections have to end.'),
    on_timeout: z
      .enum(['abort', 'proceed', 'force'])
      .default('abort')
      .describe('Connections are still open at the deadline: put the member back and fail, go on, or cut them.'),
  }),
  examples: [{ title: 'before a restart', args: { name: 'drain app1', balancer: 'shop', member: 'app1' } }],

  async plan(args) {
    const member = args.member ?? args.name;
    return { result: null, changes: new PyMap(), comment: `${member} would be drained from ${args.balancer}` };
  },

  async run(args, ctx): Promise<StepAnswer> {
    const member = args.member ?? args.name;
    const { balancer, pool } = await ctx.ports.balancer(args.balancer, ctx.run.pillar);
    ctx.report('draining', `until nobody is served, at most ${args.deadline} s`, member);
    const end = await balancer.drain(pool, member, { deadlineMs: args.deadline * 1000, signal: ctx.signal });
    if (end === 'deadline' && args.on_timeout === 'abort') {
      await balancer.enable(pool, member, { deadlineMs: args.deadline * 1000, signal: ctx.signal });
      return {
        result: false,
        changes: new PyMap(),
        comment: `${member} still had open connections after ${args.deadline} s and was put back`,
      };
    }
    await balancer.disable(pool, member, {
      force: end === 'deadline' && args.on_timeout === 'force',
      signal: ctx.signal,
    });
    const comment =
      end === 'drained'
        ? `${member} is out of ${args.balancer}, nobody was cut off`
        : `${member} is out of ${args.balancer}; connections were still open`;
    return { result: true, changes: memberChange(member, 'in service', 'out of service'), comment };
  },
});

/** Puts a server back and waits until the load balancer itself calls it up. */
export const lbEnable = defineStep({
  name: 'lb.enable',
  summary: 'Puts a member back into its load balancer and waits until that calls it up.',
  afterCrash: 'rerun',
  args: z.object({
    ...memberArgs,
    deadline: z.number().positive().default(60).describe('Seconds within which the member must be up.'),
  }),
  examples: [{ title: 'after a restart', args: { name: 'enable app1', balancer: 'shop', member: 'app1' } }],

  async plan(args) {
    const member = args.member ?? args.name;
    return { result: null, changes: new PyMap(), comment: `${member} would be put back into ${args.balancer}` };
  },

  async run(args, ctx): Promise<StepAnswer> {
    const member = args.member ?? args.name;
    const { balancer, pool } = await ctx.ports.balancer(args.balancer, ctx.run.pillar);
    const before = (await balancer.members(pool)).find(({ id }) => id === member);
    if (before?.admin === 'enabled' && before.health === 'up') {
      return { result: true, changes: new PyMap(), comment: `${member} is in ${args.balancer} and up` };
    }
    ctx.report('enabling', 'until the load balancer calls it up', member);
    await balancer.enable(pool, member, { deadlineMs: args.deadline * 1000, signal: ctx.signal });
    return {
      result: true,
      changes: memberChange(member, 'out of service', 'in service'),
      comment: `${member} is back in ${args.balancer} and up`,
    };
  },
});

function memberChange(member: string, before: string, after: string): PyMap {
  return fromPlain({ [member]: { old: before, new: after } }) as PyMap;
}

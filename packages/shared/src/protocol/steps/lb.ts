import { z } from 'zod';
import { step } from './step.ts';

const memberArgs = {
  name: z.string().describe('A name for the step; the member when `member` is absent.'),
  balancer: z.string().describe("The load balancer: a key of the pillar's `load_balancers`."),
  member: z.string().optional().describe('The server, as the load balancer names it.'),
};

/** Takes a server out: no new connections, open ones may end, then out of service. */
export const lbDrainStep = step({
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
});

/** Puts a server back and waits until the load balancer itself calls it up. */
export const lbEnableStep = step({
  name: 'lb.enable',
  summary: 'Puts a member back into its load balancer and waits until that calls it up.',
  afterCrash: 'rerun',
  args: z.object({
    ...memberArgs,
    deadline: z.number().positive().default(60).describe('Seconds within which the member must be up.'),
  }),
  examples: [{ title: 'after a restart', args: { name: 'enable app1', balancer: 'shop', member: 'app1' } }],
});

import { z } from 'zod';
import { step } from './step.ts';

const balancer = z.string().describe("The load balancer: a key of the pillar's `load_balancers`.");
const memberArgs = {
  name: z.string().describe('A name for the step; the member when `member` is absent.'),
  balancer,
  member: z.string().optional().describe('The server, as the load balancer names it.'),
};
const floor = z.union([z.string(), z.number()]);

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
    min_in_service: floor
      .optional()
      .describe(
        'How many members have to stay in service, a number or a share of all: with fewer, the step refuses and changes nothing.',
      ),
  }),
  examples: [
    {
      title: 'before a restart',
      args: { name: 'drain app1', balancer: 'shop', member: 'app1', min_in_service: '60%' },
    },
  ],
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

/** Waits until enough servers, or one of them, are in service. Changes nothing. */
export const lbWaitStep = step({
  name: 'lb.wait',
  summary: 'Waits until a member, or enough of all members, of a load balancer are in service.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('A name for the step.'),
    balancer,
    member: z.string().optional().describe('The server to wait for, as the load balancer names it.'),
    in_service: floor
      .optional()
      .describe('How many members to wait for, a number or a share of all; all when `member` is absent too.'),
    deadline: z.number().positive().default(60).describe('Seconds until the step fails.'),
    interval: z.number().min(0.05).default(1).describe('Seconds between two looks.'),
    passes: z.number().int().positive().default(1).describe('How many looks in a row have to be good.'),
  }),
  examples: [{ title: 'most of them', args: { name: 'shop is whole', balancer: 'shop', in_service: '80%' } }],
});

/** Shows the servers of a load balancer. Changes nothing. */
export const lbStatusStep = step({
  name: 'lb.status',
  summary: 'Shows the members of a load balancer: whether they take traffic, their health and their sessions.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('A name for the step.'),
    balancer,
    min_in_service: floor
      .optional()
      .describe('How many members have to be in service, a number or a share of all: fewer fail the step.'),
  }),
  examples: [{ title: 'before a deployment', args: { name: 'who serves', balancer: 'shop', min_in_service: 2 } }],
});

import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { step } from './step.ts';

const patience = {
  deadline: z.number().positive().default(300).describe('Seconds until the step fails.'),
  interval: z.number().min(0.05).default(1).describe('Seconds between two looks.'),
  backoff: z.number().min(1).default(1).describe('By how much the interval grows after each look: 2 doubles it.'),
  max_interval: z.number().positive().default(30).describe('Seconds that the interval grows to at most.'),
  passes: z.number().int().positive().default(1).describe('How many looks in a row have to be good.'),
  delay: z.number().nonnegative().default(0).describe('Seconds before the first look.'),
};

/** Waits for an answer over HTTP. */
export const waitUntilHttpStep = step({
  name: 'wait_until.http',
  summary: 'Asks over HTTP, on the master, until the answer is as expected.',
  afterCrash: 'rerun',
  args: z.object({
    name: z
      .string()
      .regex(/^https?:\/\//, 'not an http address')
      .describe('The address.'),
    status: z
      .union([z.number(), z.string()])
      .optional()
      .describe('Status expected; below 400 when `match` is absent too.'),
    status_type: z.enum(['string', 'pcre']).default('string').describe('How `status` is compared.'),
    match: z.string().optional().describe('Text, or expression, the body must hold.'),
    match_type: z.enum(['string', 'pcre']).default('string').describe('How `match` is compared.'),
    method: z.string().default('GET').describe('GET, POST, PUT, …'),
    data: anyValue().optional().describe('Body: a text, or a mapping sent as JSON.'),
    header_dict: anyValue().optional().describe('Mapping of headers.'),
    verify_ssl: z.boolean().default(true).describe('False takes any certificate of the server.'),
    ca_bundle: z
      .string()
      .optional()
      .describe('File of certificates in PEM, on the master, to trust in place of the usual ones.'),
    timeout: z.number().positive().default(10).describe('Seconds that one question may take.'),
    ...patience,
  }),
  examples: [
    {
      title: 'healthy three times in a row',
      args: { name: 'http://192.0.2.10:8080/health', status: 200, passes: 3, deadline: 60 },
    },
  ],
});

/** Waits for a port. */
export const waitUntilTcpStep = step({
  name: 'wait_until.tcp',
  summary: 'Connects to a port, from the master, until somebody accepts.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('`host:port`; a name for the step where `host` and `port` are given.'),
    host: z.string().optional().describe('The host.'),
    port: z.number().int().min(1).max(65535).optional().describe('The port.'),
    timeout: z.number().positive().default(5).describe('Seconds that one connection may take.'),
    ...patience,
  }),
  examples: [{ title: 'a database that starts', args: { name: '192.0.2.20:5432', deadline: 120 } }],
});

/** Waits for what a function answers. */
export const waitUntilFunctionStep = step({
  name: 'wait_until.function',
  summary: 'Runs a function on hosts again and again until every one of them answers as expected.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('The function: `service.status`.'),
    tgt: z.union([z.string(), z.array(z.string())]).describe('Which hosts: an expression, or a list of ids.'),
    tgt_type: z.string().optional().describe('How `tgt` is read: glob (default), list, grain, compound, …'),
    arg: anyValue().optional().describe('Positional arguments: a list; a text is split at spaces.'),
    kwarg: anyValue().optional().describe('Keyword arguments: a mapping.'),
    equals: anyValue().optional().describe('The return expected.'),
    matches: z.string().optional().describe('Regular expression that the return, as text, has to match somewhere.'),
    is: z.boolean().optional().describe('Whether the return is true as Python sees it: not empty, not 0.'),
    timeout: z.number().positive().default(30).describe('Seconds that the function may take on each host.'),
    ...patience,
  }),
  examples: [
    {
      title: 'replication has caught up',
      args: { name: 'cmd.run', tgt: 'db2', arg: ['cat /run/lag'], matches: '^0$', backoff: 2 },
    },
  ],
});

/** Waits for an event. */
export const waitUntilEventStep = step({
  name: 'wait_until.event',
  summary: 'Waits until an event has come, whoever it is about.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('Tag of the event; a glob.'),
    where: anyValue()
      .optional()
      .describe('Mapping: keys of the event data, levels with `:` between → the value each has to have.'),
    deadline: z.number().positive().default(300).describe('Seconds until the step fails.'),
  }),
  examples: [{ title: 'the build is done', args: { name: 'build/*/done' } }],
});

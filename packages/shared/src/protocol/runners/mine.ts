import { z } from 'zod';
import { runner } from './runner.ts';

/** Runners that look into the mine. */
export const mineRunnerDeclarations = {
  'mine.get': runner({
    name: 'mine.get',
    summary: 'Answers what hosts published.',
    returns: 'Id → value; of several names, name → id → value.',
    args: z.object({
      tgt: z.union([z.string(), z.array(z.string())]).describe('Which hosts.'),
      fun: z.union([z.string(), z.array(z.string())]).describe('Name of what was published; several with commas.'),
      tgt_type: z.string().default('glob').describe('How `tgt` is read.'),
    }),
    examples: [{ title: 'addresses', args: { tgt: 'web*', fun: 'network.ip_addrs' } }],
  }),
};

import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { step } from './step.ts';
import { targetArgs } from './targets.ts';

const args = z.object({
  name: z.string().describe('A name for the step; nothing else depends on it.'),
  ...targetArgs,
  sls: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('SLS files to apply: a list, or names with commas between.'),
  highstate: z.boolean().optional().describe('Apply what the top file says instead.'),
  top: z.string().optional().describe('Apply what this top file says instead.'),
  test: z.boolean().optional().describe('Only look: apply nothing.'),
  pillar: anyValue().optional().describe('Pillar values laid over those of the hosts.'),
  pillarenv: z.string().optional().describe("Pillar environment; the run's own when absent."),
  saltenv: z.string().optional().describe("File environment; the run's own when absent."),
  exclude: anyValue().optional().describe('Ids or SLS files to leave out.'),
  concurrent: z.boolean().optional().describe('Accepted for Salt trees: state runs of one host never mix.'),
  queue: z
    .union([z.boolean(), z.number()])
    .optional()
    .describe('Accepted for Salt trees: a second state run of a host always waits.'),
  kwarg: anyValue().optional().describe('Further keyword arguments of the state function.'),
});

/** Applies states on the targets (Salt 3006 `saltmod.state`). */
export const saltStateStep = step({
  name: 'salt.state',
  summary: 'Applies SLS files or the highstate on hosts.',
  afterCrash: 'reattach',
  args,
  examples: [{ title: 'nginx on every web server', args: { name: 'web', tgt: 'web*', sls: ['nginx'] } }],
});

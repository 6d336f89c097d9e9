import { z } from 'zod';
import { anyValue } from '../schema/index.ts';

/** Arguments every state function takes besides its own, in Salt's words. */
export const common = {
  test: z.boolean().optional().describe('Only look: change nothing, and say what would change.'),
  saltenv: z.string().optional().describe('File environment; `base` when absent.'),
  pillarenv: z.string().optional().describe('Pillar environment.'),
  pillar: anyValue().optional().describe('Pillar values laid over the compiled pillar.'),
  exclude: anyValue().optional().describe('Ids or SLS files to leave out.'),
  queue: z
    .union([z.boolean(), z.number()])
    .optional()
    .describe('Accepted for Salt trees: a second state run always waits.'),
  concurrent: z.boolean().optional().describe('Accepted for Salt trees: state runs of one host never mix.'),
  failhard: z.boolean().optional().describe('The first failure ends the run.'),
};
/** The same, as a declaration. */
export const commonArgs = z.object(common);

/** SLS files to take. */
export const modsArg = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((mods) =>
    mods === undefined
      ? []
      : typeof mods === 'string'
        ? mods
            .split(',')
            .map((name) => name.trim())
            .filter(Boolean)
        : mods,
  )
  .describe('SLS files: a list, or names with commas between; the highstate when absent.');

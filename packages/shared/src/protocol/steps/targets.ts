import { z } from 'zod';

/** Arguments of every step that has targets; names and order are those of Salt 3006 `states/saltmod.py`. */
export const targetArgs = {
  tgt: z.union([z.string(), z.array(z.string())]).describe('Which hosts: an expression, or a list of ids.'),
  tgt_type: z.string().optional().describe('How `tgt` is read: glob (default), list, grain, compound, …'),
  expr_form: z.string().optional().describe('The old name of `tgt_type`.'),
  ssh: z.boolean().optional().describe('Accepted for Salt trees: an SSH host is a target like any other.'),
  batch: z
    .union([z.string(), z.number()])
    .optional()
    .describe('At most so many hosts at a time: a number or a share such as 25%.'),
  subset: z.number().int().optional().describe('Only so many hosts, chosen at random.'),
  fail_minions: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Hosts that may fail without failing the step: a list, or ids with commas between.'),
  allow_fail: z.number().int().default(0).describe('How many hosts may fail without failing the step.'),
  deadline: z
    .number()
    .positive()
    .optional()
    .describe("Seconds until a host's function is given up; the function's own limit when absent."),
  timeout: z
    .number()
    .optional()
    .describe('Accepted for Salt trees, where it says how often hosts are asked whether they still work.'),
  expect_minions: z.boolean().default(true).describe('Accepted for Salt trees: a missing reply is always a failure.'),
  ret: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe('Returners to hand the result to.'),
  ret_config: z.string().optional().describe('Alternative configuration of the returners.'),
  ret_kwargs: z.record(z.string(), z.unknown()).optional().describe('Arguments of the returners.'),
};

import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';

const amount = z.union([z.string(), z.number()]);

/** Arguments of every step that has targets; names and order are those of Salt 3006 `states/saltmod.py`. */
export const targetArgs = {
  tgt: z.union([z.string(), z.array(z.string())]).describe('Which hosts: an expression, or a list of ids.'),
  tgt_type: z.string().optional().describe('How `tgt` is read: glob (default), list, grain, compound, …'),
  expr_form: z.string().optional().describe('The old name of `tgt_type`.'),
  ssh: z.boolean().optional().describe('Only hosts of the roster. An SSH host is a target like any other without it.'),
  roster: z.string().optional().describe("Accepted for Salt trees: the roster is the master's own."),
  batch: z
    .union([amount, z.array(amount)])
    .optional()
    .describe(
      'At most so many hosts at a time: a number or a share such as 25%. A list, `[1, 25%, 100%]`, is of batches one after the other, the last repeated.',
    ),
  batch_wait: z
    .number()
    .nonnegative()
    .optional()
    .describe(
      'Seconds that the place of a host stays taken after its end; with batches one after the other, the pause behind each.',
    ),
  max_failures: amount
    .optional()
    .describe(
      'How many of the hosts may fail, a number or a share: one more, and no further host is started. Within it the step succeeds.',
    ),
  max_unreachable: amount
    .optional()
    .describe('How many may be unreachable; they do not count as failed. As `max_failures` when absent.'),
  on_target_failure: z
    .enum(['stop', 'drop'])
    .default('drop')
    .describe('A host failed: start no further host, or go on without it.'),
  gate: anyValue()
    .optional()
    .describe(
      'What has to succeed behind each batch before the next begins: a mapping of `fun`, `arg`, `kwarg`, `on` (`targets`: the hosts of the batch that succeeded, or `master`) and `deadline` (seconds, 300); or a list of such.',
    ),
  failhard: z
    .boolean()
    .optional()
    .describe('With `batch`: as `on_target_failure: stop`. A failed step ends the run besides.'),
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
    .describe(
      "Returners that the result has to go to: names or types of the master's `returners`. They get every result; others are an error.",
    ),
  ret_config: z.string().optional().describe('The returner of `ret` by its name, where several are of that type.'),
  ret_kwargs: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("Not supported together with `ret`: returners are set up in the master's configuration."),
};

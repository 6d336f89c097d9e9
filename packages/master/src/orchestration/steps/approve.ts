import { EdgeError } from '@edge-run/shared/kernel';
import { PyMap } from '@edge-run/shared/values';
import { z } from 'zod';
import { defineStep, type StepAnswer } from '../step-kind.ts';

/** Waits until people have agreed to go on. */
export const approveStep = defineStep({
  name: 'approve.step',
  summary: 'Waits in the middle of a run until somebody agrees to go on.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('What is to be agreed to, in words.'),
    count: z.number().int().min(1).default(1).describe('How many people have to agree.'),
    self: z.boolean().default(false).describe('Whether who started the run may agree.'),
    expires: z.number().positive().optional().describe('Seconds until the step fails; never when absent.'),
  }),
  examples: [{ title: 'look at the canary first', args: { name: 'canary looks good', count: 2 } }],

  async plan(args) {
    const comment = `${args.count} approval${args.count === 1 ? '' : 's'} would be waited for: ${args.name}`;
    return { result: null, changes: new PyMap(), comment };
  },

  async run(args, ctx): Promise<StepAnswer> {
    const { count, self, expires } = args;
    ctx.report('waiting', `for approval: edge-run approve ${ctx.run.id} --step '${args.name}'`);
    const late = new AbortController();
    const over = new AbortController();
    if (expires !== undefined)
      ctx.ports.clock.sleep(expires * 1000, over.signal).then(
        () => late.abort(),
        () => undefined,
      );
    try {
      const signal = AbortSignal.any([ctx.signal, late.signal]);
      const agreed = await ctx.ports.approved(ctx.run.id, ctx.step, { count, self }, signal);
      return { result: true, changes: new PyMap(), comment: `Approved by ${agreed.join(', ')}.` };
    } catch (error) {
      if (late.signal.aborted && !ctx.signal.aborted)
        return { result: false, changes: new PyMap(), comment: `Nobody agreed within ${expires} s.`, timedOut: true };
      if (!(error instanceof EdgeError) || error.code !== 'EDGE_APPROVAL_REJECTED') throw error;
      return { result: false, changes: new PyMap(), comment: `${error.code}: ${error.message}` };
    } finally {
      over.abort();
    }
  },
});

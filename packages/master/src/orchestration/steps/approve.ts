import { EdgeError } from '@edge-run/shared/kernel';
import { approveStepDeclaration } from '@edge-run/shared/protocol';
import { PyMap } from '@edge-run/shared/values';
import { defineStep, type StepAnswer } from '../step-kind.ts';

/** Waits until people have agreed to go on. */
export const approveStep = defineStep({
  ...approveStepDeclaration,

  async plan(args) {
    const waited = `${args.count} approval${args.count === 1 ? '' : 's'}: ${args.name}`;
    const comment = `${waited} would be waited for`;
    return { result: null, changes: new PyMap(), comment, foreseen: { effect: 'nothing', waitsFor: waited } };
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

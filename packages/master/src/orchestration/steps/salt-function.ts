import type { JobAnswer } from '@edge-run/shared/modules/contract';
import { destinationProblem, keywords, positional, targetOf } from '@edge-run/shared/orchestration';
import { saltFunctionStep } from '@edge-run/shared/protocol';
import { PyMap, type Value } from '@edge-run/shared/values';
import { hasFunctionFailed } from '../../jobs/index.ts';
import { defineStep, type StepAnswer, type StepContext } from '../step-kind.ts';
import { batchOptions, verdictOf } from './batches.ts';
import { planFunction } from './plan-function.ts';
import {
  hostResults,
  mayFail,
  missingReturns,
  nobodyLeft,
  reportAnswers,
  returnsOf,
  rosterHosts,
  targetLeft,
} from './targets.ts';

/** Runs one function on the targets (Salt 3006 `saltmod.function`). */
export const saltFunction = defineStep({
  ...saltFunctionStep,

  plan: planFunction,

  async run(args, ctx): Promise<StepAnswer> {
    const problem = destinationProblem(args, ctx.ports.returners);
    if (problem !== undefined) return { result: false, changes: new PyMap(), comment: problem };
    const left = await targetLeft(args, ctx);
    if (left === undefined) return nobodyLeft(ctx);
    const hosts = await rosterHosts(left, args, ctx);
    if (hosts === undefined) return nobody(args);
    const { target, targetType } = hosts;
    const answer = await ctx.ports.jobs.run(
      {
        target,
        targetType,
        fun: args.name,
        args: positional(args.arg),
        kwargs: keywords(args.kwarg),
        jid: ctx.jid,
        by: `run:${ctx.run.id}`,
        run: ctx.run.ofJob,
        step: ctx.step,
        onAnswer: reportAnswers(ctx),
        ...batchOptions(args),
        ...(args.subset === undefined ? {} : { subset: args.subset }),
        ...(args.deadline === undefined ? {} : { timeoutMs: args.deadline * 1000 }),
      },
      ctx.signal,
    );
    const ids = [...answer.targets.keys()].sort();
    if (ids.length === 0) return nobody(args);
    const verdict = verdictOf(args, answer, await failedHosts(answer, args, ctx));
    const returns = returnsOf(answer);
    const ran = `Function ${args.name} ran on ${ids.filter((id) => !verdict.notStarted.includes(id)).join(', ')}.`;
    const silent = missingReturns(answer);
    return {
      result: !verdict.isFailure,
      changes: returns.size === 0 ? new PyMap() : new PyMap([['ret', returns]]),
      comment: [
        ...(verdict.isFailure
          ? verdict.failed.length === 0
            ? []
            : [`Running function ${args.name} failed on minions: ${verdict.failed.join(', ')}`]
          : ['Function ran successfully.']),
        ran,
        ...verdict.notes,
        ...(silent === '' ? [] : [`No return: ${silent}.`]),
      ].join(' '),
      hosts: hostResults(answer, verdict),
    };
  },
});

function nobody(args: Parameters<typeof targetOf>[0] & { ssh?: boolean | undefined }): StepAnswer {
  const { target, targetType } = targetOf(args);
  const roster = args.ssh === true ? ', hosts of the roster' : '';
  const comment = `No minions responded: nothing matches ${target} (${targetType}${roster})`;
  return { result: false, changes: new PyMap(), comment };
}

/**
 * The hosts on which the function failed. As in Salt, `fail_minions` excuses what `fail_function` finds and a missing
 * return, not a return code.
 */
async function failedHosts(
  answer: JobAnswer,
  args: { fail_minions?: string | string[] | undefined; fail_function?: string | undefined },
  ctx: StepContext,
): Promise<readonly string[]> {
  const excused = mayFail(args.fail_minions);
  const failed: string[] = [];
  for (const [id, target] of answer.targets) {
    const isFailure =
      target.ret === undefined
        ? !excused.has(id)
        : hasFunctionFailed(target) || (!excused.has(id) && !(await passes(args.fail_function, target.ret, ctx)));
    if (isFailure) failed.push(id);
  }
  return failed;
}

/** What the function that judges returns, on the master, says of one. @throws what it throws */
async function passes(judge: string | undefined, ret: Value, ctx: StepContext): Promise<boolean> {
  if (judge === undefined) return true;
  const { answer } = await ctx.ports.runners.call({
    name: 'salt.cmd',
    args: [judge, ret],
    kwargs: new Map(),
    by: `run:${ctx.run.id}`,
    key: ctx.jid,
    signal: ctx.signal,
    report: ctx.report,
  });
  return answer !== false && answer !== null;
}

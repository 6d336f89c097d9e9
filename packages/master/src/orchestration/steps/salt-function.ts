import type { JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { anyValue } from '@edge-run/shared/schema';
import { PyMap, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { failedHosts, hostResults, missingReturns, reportAnswers, returnsOf, targetArgs, targetOf } from './targets.ts';

/** Runs one function on the targets (Salt 3006 `saltmod.function`). */
export const saltFunction = defineStep({
  name: 'salt.function',
  summary: 'Runs a function on hosts and fails when it failed on any of them.',
  afterCrash: 'reattach',
  args: z.object({
    name: z.string().describe('The function: `service.restart`.'),
    ...targetArgs,
    arg: anyValue().optional().describe('Positional arguments: a list; a text is split at spaces.'),
    kwarg: anyValue().optional().describe('Keyword arguments: a mapping.'),
    fail_function: z
      .string()
      .optional()
      .describe("A function that gets each host's return and says whether it is a success."),
  }),
  examples: [
    { title: 'restart nginx on every web server', args: { name: 'service.restart', tgt: 'web*', arg: ['nginx'] } },
  ],

  async plan(args) {
    const { target } = targetOf(args);
    return {
      result: null,
      changes: new PyMap(),
      comment: `Function ${args.name} would be executed on target ${target}`,
    };
  },

  async run(args, ctx): Promise<StepAnswer> {
    const { target, targetType } = targetOf(args);
    const answer = await ctx.ports.jobs.run(
      {
        target,
        targetType,
        fun: args.name,
        args: positional(args.arg),
        kwargs: keywords(args.kwarg),
        jid: ctx.jid,
        by: `run:${ctx.run.id}`,
        run: { id: ctx.run.id, epoch: ctx.run.epoch },
        onAnswer: reportAnswers(ctx),
        ...(args.batch === undefined ? {} : { batch: String(args.batch) }),
        ...(args.subset === undefined ? {} : { subset: args.subset }),
        ...(args.timeout === undefined ? {} : { timeoutMs: args.timeout * 1000 }),
      },
      ctx.signal,
    );
    const ids = [...answer.targets.keys()].sort();
    if (ids.length === 0)
      return {
        result: false,
        changes: new PyMap(),
        comment: `No minions responded: nothing matches ${target} (${targetType})`,
      };
    const failed = failedHosts(answer, args, functionFailed);
    const returns = returnsOf(answer);
    const ran = `Function ${args.name} ran on ${ids.join(', ')}.`;
    const silent = missingReturns(answer);
    return {
      result: failed.length === 0,
      changes: returns.size === 0 ? new PyMap() : new PyMap([['ret', returns]]),
      comment: [
        failed.length === 0
          ? 'Function ran successfully.'
          : `Running function ${args.name} failed on minions: ${failed.join(', ')}`,
        ran,
        ...(silent === '' ? [] : [`No return: ${silent}.`]),
      ].join(' '),
      hosts: hostResults(answer),
    };
  },
});

/** A function fails by its outcome, its return code, or by returning False. */
function functionFailed(target: JobTargetAnswer): boolean {
  return target.outcome !== 'succeeded' || target.retcode !== 0 || target.ret === false;
}

/** Positional arguments as `arg` gives them. */
export function positional(arg: Value | undefined): readonly Value[] {
  if (arg === undefined || arg === null) return [];
  if (typeof arg === 'string') return arg.split(/\s+/).filter((word) => word !== '');
  return Array.isArray(arg) ? arg : [arg];
}

/** Keyword arguments as `kwarg` gives them. */
export function keywords(kwarg: Value | undefined): ReadonlyMap<string, Value> {
  return kwarg instanceof PyMap ? new Map([...kwarg].map(([key, value]) => [String(key), value])) : new Map();
}

import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import type { HostResult } from '@edge-run/shared/protocol';
import { encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import type { StepAnswer, StepContext } from '../step-kind.ts';

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

interface TargetArguments {
  readonly tgt: string | string[];
  readonly tgt_type?: string | undefined;
  readonly expr_form?: string | undefined;
}

/** The target of a step as expression and type; a list is one of ids, or of the words of a compound target. */
export function targetOf(args: TargetArguments): { target: string; targetType: string } {
  const targetType = args.tgt_type ?? args.expr_form ?? 'glob';
  if (!Array.isArray(args.tgt)) return { target: args.tgt, targetType };
  return targetType === 'compound'
    ? { target: args.tgt.join(' '), targetType }
    : { target: args.tgt.join(','), targetType: 'list' };
}

/**
 * The target of a step without the hosts that the run goes on without, and those that are done. Undefined when none of
 * those it selects is left.
 */
export async function targetLeft(
  args: TargetArguments,
  { run, onlyHosts, ports }: StepContext,
): Promise<{ target: string; targetType: string } | undefined> {
  const whole = targetOf(args);
  if (run.dropped.size === 0 && onlyHosts === undefined) return whole;
  const selected = await ports.jobs.select(whole.target, whole.targetType);
  const left = (onlyHosts ?? selected).filter((id) => selected.includes(id) && !run.dropped.has(id));
  // A target that selects nobody is for the step to complain of.
  if (left.length > 0 || selected.length === 0)
    return selected.length === 0 ? whole : { target: left.join(','), targetType: 'list' };
  return undefined;
}

/** The answer of a step none of whose hosts is left. */
export function nobodyLeft({ run }: StepContext): StepAnswer {
  const comment = `Every host of the target has failed before: ${[...run.dropped].sort().join(', ')}.`;
  return { result: true, changes: new PyMap(), comment, ran: false };
}

/** The ids `fail_minions` names. */
export function mayFail(names: string | readonly string[] | undefined): ReadonlySet<string> {
  return new Set(typeof names === 'string' ? names.split(',').map((id) => id.trim()) : names);
}

/** id → return, of the hosts that gave one. */
export function returnsOf(answer: JobAnswer): PyMap {
  const returned = [...answer.targets].filter(
    (entry): entry is [string, JobTargetAnswer & { ret: Value }] => entry[1].ret !== undefined,
  );
  return new PyMap(returned.map(([id, target]) => [id, target.ret]));
}

/** Each host's end as journaled and shown. */
export function hostResults(answer: JobAnswer): Record<string, HostResult> {
  return Object.fromEntries(
    [...answer.targets].map(([id, { outcome, ret, evidence }]) => [
      id,
      {
        outcome,
        ...(ret === undefined ? {} : { ret: encodeValue(ret) }),
        ...(evidence === undefined ? {} : { evidence }),
      },
    ]),
  );
}

/** `web1: unreachable (disconnected 09:14:07)` for every host that gave no return. */
export function missingReturns(answer: JobAnswer): string {
  const silent = [...answer.targets].filter(([, { ret }]) => ret === undefined);
  return silent.map(([id, { outcome, evidence }]) => `${id}: ${outcome}${evidence ? ` (${evidence})` : ''}`).join('; ');
}

/** Reports each host as it ends. */
export function reportAnswers(ctx: StepContext): (id: string, answer: JobTargetAnswer) => void {
  return (id, answer) => ctx.report(answer.outcome, answer.evidence, id);
}

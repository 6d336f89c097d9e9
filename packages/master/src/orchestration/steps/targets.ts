import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { targetOf } from '@edge-run/shared/orchestration';
import type { HostResult } from '@edge-run/shared/protocol';
import { encodeValue, PyMap, type Value } from '@edge-run/shared/values';
import type { StepAnswer, StepContext } from '../step-kind.ts';
import type { Verdict } from './batches.ts';

/**
 * The target of a step without the hosts that the run goes on without, and those that are done. Undefined when none of
 * those it selects is left.
 */
export async function targetLeft(
  args: Parameters<typeof targetOf>[0],
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

/** The target; for a step with `ssh: True` the hosts of the roster among it, undefined when there are none. */
export async function rosterHosts(
  whole: { readonly target: string; readonly targetType: string },
  { ssh }: { readonly ssh?: boolean | undefined },
  { ports }: StepContext,
): Promise<{ readonly target: string; readonly targetType: string } | undefined> {
  if (ssh !== true) return whole;
  const selected = await ports.jobs.select(whole.target, whole.targetType);
  const hosts = selected.filter((id) => ports.isRosterHost(id));
  return hosts.length === 0 ? undefined : { target: hosts.join(','), targetType: 'list' };
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

/**
 * Each host's end as journaled and shown, by the verdict of its step: a function may call its own return a failure, and
 * a host that did not succeed may be excused.
 */
export function hostResults(
  answer: JobAnswer,
  { failed, notStarted }: Pick<Verdict, 'failed' | 'notStarted'>,
): Record<string, HostResult> {
  const results = [...answer.targets].map(([id, { outcome, ret, evidence }]): [string, HostResult] => {
    const hasFailed = failed.includes(id);
    const given = {
      ...(ret === undefined ? {} : { ret: encodeValue(ret) }),
      ...(evidence === undefined ? {} : { evidence }),
    };
    if (outcome === 'succeeded') return [id, hasFailed ? { outcome: 'failed', ...given } : { outcome, ...given }];
    const isExcused = !hasFailed && !notStarted.includes(id);
    return [id, { outcome, ...given, ...(isExcused ? { excused: true } : {}) }];
  });
  return Object.fromEntries(results);
}

/** `web1: unreachable (disconnected 09:14:07)` for every host that was started and gave no return. */
export function missingReturns(answer: JobAnswer): string {
  const notStarted = `not started: ${answer.stopped}`;
  const silent = [...answer.targets].filter(([, { ret, evidence }]) => ret === undefined && evidence !== notStarted);
  return silent.map(([id, { outcome, evidence }]) => `${id}: ${outcome}${evidence ? ` (${evidence})` : ''}`).join('; ');
}

/** Reports each host as it ends. */
export function reportAnswers(ctx: StepContext): (id: string, answer: JobTargetAnswer) => void {
  return (id, answer) => ctx.report(answer.outcome, answer.evidence, id);
}

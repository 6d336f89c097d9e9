import { EdgeError } from '@edge-run/shared/kernel';
import type { JobAnswer } from '@edge-run/shared/modules/contract';
import { readGates } from '@edge-run/shared/protocol';
import type { Value } from '@edge-run/shared/values';
import { type JobRunRequest, limitAmong } from '../../jobs/index.ts';
import { mayFail } from './targets.ts';

/** What a step says about going through its hosts a few at a time, and about how many may fail. */
interface BatchArguments {
  readonly batch?: string | number | readonly (string | number)[] | undefined;
  readonly batch_wait?: number | undefined;
  readonly max_failures?: string | number | undefined;
  readonly max_unreachable?: string | number | undefined;
  readonly on_target_failure: 'stop' | 'drop';
  readonly failhard?: boolean | undefined;
  readonly gate?: Value | undefined;
  readonly fail_minions?: string | string[] | undefined;
  readonly allow_fail: number;
}

/** How a job ended as a whole, by the limits of its step. */
export interface Verdict {
  readonly isFailure: boolean;
  /** Hosts that count as failed, without those that were never started. */
  readonly failed: readonly string[];
  readonly notStarted: readonly string[];
  /** Sentences for the comment of the step. */
  readonly notes: readonly string[];
}

/**
 * The part of a job request that says how it goes through its hosts.
 * @throws EdgeError `EDGE_BAD_ARGUMENT` for a gate that is none
 */
export function batchOptions(args: BatchArguments): Partial<JobRunRequest> {
  const { batch, batch_wait: waitSeconds, max_failures: failures, max_unreachable: unreachable } = args;
  const { gates, problems } = readGates(args.gate);
  if (problems.length > 0) throw new EdgeError('EDGE_BAD_ARGUMENT', problems.join('; '), {});
  const stops = args.on_target_failure === 'stop' || args.failhard === true;
  const excused = [...mayFail(args.fail_minions)];
  return {
    ...(batch === undefined ? {} : { batch: batchText(batch) }),
    ...(waitSeconds === undefined ? {} : { batchWaitMs: waitSeconds * 1000 }),
    ...(stops ? { failhard: true } : {}),
    ...(failures === undefined ? {} : { maxFailures: String(failures) }),
    ...(unreachable === undefined ? {} : { maxUnreachable: String(unreachable) }),
    ...(excused.length === 0 ? {} : { excused }),
    ...(gates.length === 0 ? {} : { gates }),
  };
}

/** `batch` of a step in the words of a job. */
export function batchText(batch: NonNullable<BatchArguments['batch']>): string {
  return typeof batch === 'object' ? batch.join(',') : String(batch);
}

/**
 * Judges a job whose function failed on `bad` hosts. It has failed when it was stopped, or when more hosts failed than
 * `allow_fail` and the limits allow; the unreachable are held against their own limit where there is one.
 */
export function verdictOf(args: BatchArguments, answer: JobAnswer, bad: readonly string[]): Verdict {
  const { stopped, targets } = answer;
  const notStarted = [...targets]
    .filter(([, { evidence }]) => evidence === `not started: ${stopped}`)
    .map(([id]) => id);
  const failed = bad.filter((id) => !notStarted.includes(id));
  if (stopped !== undefined) {
    const left = notStarted.length === 0 ? '' : ` Not started: ${notStarted.sort().join(', ')}.`;
    return { isFailure: true, failed, notStarted, notes: [`Stopped: ${stopped}.${left}`] };
  }
  const limit = limitOf(args.max_failures, args.allow_fail, targets.size);
  const limitUnreachable = limitOf(args.max_unreachable ?? args.max_failures, args.allow_fail, targets.size);
  if (limit === undefined && limitUnreachable === undefined)
    return { isFailure: failed.length > args.allow_fail, failed, notStarted, notes: [] };
  const unreachable = failed.filter((id) => targets.get(id)?.outcome === 'unreachable');
  const others = failed.filter((id) => !unreachable.includes(id));
  const isFailure =
    others.length > (limit ?? args.allow_fail) || unreachable.length > (limitUnreachable ?? args.allow_fail);
  if (isFailure || failed.length === 0) return { isFailure, failed, notStarted, notes: [] };
  const notes = [
    ...(others.length === 0 ? [] : [`Failed, as at most ${limit ?? args.allow_fail} may: ${others.join(', ')}.`]),
    ...(unreachable.length === 0
      ? []
      : [`Unreachable, as at most ${limitUnreachable ?? args.allow_fail} may be: ${unreachable.join(', ')}.`]),
  ];
  return { isFailure, failed, notStarted, notes };
}

function limitOf(limit: string | number | undefined, allowed: number, total: number): number | undefined {
  return limit === undefined ? undefined : Math.max(allowed, limitAmong(String(limit), total));
}

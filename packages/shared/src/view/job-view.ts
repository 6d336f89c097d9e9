import type { ErrorRecord, InstantMs, JsonValue } from '../kernel/index.ts';
import type { JobDetails, JobEnd, JobReturn } from '../protocol/index.ts';
import { EXIT, type ExitCode } from '../protocol/plain/index.ts';

/** How one target of a job ended. */
export type TargetOutcome = JobReturn['outcome'];

/** What a job looks like now; plain data, made by `startJob` and `foldJob`. */
export interface JobView {
  readonly jid: string;
  readonly fun: string;
  readonly target: string;
  readonly by: string;
  readonly startedAt?: InstantMs;
  readonly endedAt?: InstantMs;
  /** True once every target has an outcome for good. */
  readonly ended: boolean;
  /** Its end is more than the ends of its targets: a gate is asked behind them. */
  readonly gated?: true;
  /** Why a batch did not go on, or what its last gate found. */
  readonly stopped?: string;
  /** Id → how that target fares; every id frozen at publish is here from the beginning. */
  readonly hosts: Readonly<Record<string, JobHostView>>;
}

/** What is shown of one target of a job. */
export interface JobHostView {
  readonly outcome?: TargetOutcome;
  /** The return, encoded. */
  readonly ret?: JsonValue;
  readonly retcode?: number;
  /** Why, for every outcome but `succeeded`. */
  readonly evidence?: string;
  readonly error?: ErrorRecord;
  readonly durationMs?: number;
}

/** What happens to a job after it was published. */
export type JobEvent =
  | { readonly type: 'return'; readonly jid: string; readonly answer: JobReturn }
  | ({ readonly type: 'end'; readonly jid: string; readonly at: InstantMs } & Pick<JobEnd, 'targets' | 'stopped'>);

/** A job as published: nobody has answered. */
export function startJob(job: {
  readonly jid: string;
  readonly fun: string;
  readonly target: string;
  readonly targets: readonly string[];
  readonly by?: string;
  readonly startedAt?: InstantMs;
  readonly gated?: true | undefined;
}): JobView {
  const { jid, fun, target, targets, by = '', startedAt, gated } = job;
  const hosts = Object.fromEntries(targets.map((id) => [id, {}]));
  return {
    ...{ jid, fun, target, by, ended: false, hosts },
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(gated === undefined ? {} : { gated }),
  };
}

/** The view of a snapshot; events that came meanwhile may be folded over it. */
export function viewJob(details: JobDetails): JobView {
  let view = startJob(details);
  for (const answer of details.returns) view = foldJob(view, { type: 'return', jid: view.jid, answer });
  if (details.endedAt === undefined) return view;
  const { endedAt: at, outcomes: targets, stopped } = details;
  return foldJob(view, { type: 'end', jid: view.jid, at, targets, stopped });
}

/** The job after `event`. Folding an event again changes nothing: the same object comes back. */
export function foldJob(view: JobView, event: JobEvent): JobView {
  if (event.jid !== view.jid) return view;
  switch (event.type) {
    case 'return':
      return foldReturn(view, event.answer);
    case 'end':
      return view.ended ? view : foldEnd(view, event);
    default:
      return view;
  }
}

/** A late return fills in what a target said, but the outcome the end gave it stays. */
function foldReturn(view: JobView, answer: JobReturn): JobView {
  const known = view.hosts[answer.id];
  if (known?.outcome !== undefined && (known.ret !== undefined || answer.ret === undefined)) return view;
  const host: JobHostView = {
    outcome: known?.outcome ?? answer.outcome,
    ...(answer.ret === undefined ? {} : { ret: answer.ret }),
    ...(answer.retcode === undefined ? {} : { retcode: answer.retcode }),
    ...(answer.durationMs === undefined ? {} : { durationMs: answer.durationMs }),
    ...(answer.evidence === undefined ? {} : { evidence: answer.evidence }),
    ...(answer.error === undefined ? {} : { error: answer.error as ErrorRecord }),
  };
  return { ...view, hosts: { ...view.hosts, [answer.id]: host } };
}

function foldEnd(view: JobView, { at, targets, stopped }: Extract<JobEvent, { type: 'end' }>): JobView {
  const hosts: Record<string, JobHostView> = { ...view.hosts };
  for (const [id, outcome] of Object.entries(targets)) hosts[id] = { ...hosts[id], outcome };
  return { ...view, hosts, ended: true, endedAt: at, ...(stopped === undefined ? {} : { stopped }) };
}

/** True once every target has an outcome, also when the event that says so has not come; a gate behind them says so itself. */
export function isJobOver(view: JobView): boolean {
  const hosts = Object.values(view.hosts);
  return view.ended || (view.gated !== true && hosts.length > 0 && hosts.every((host) => host.outcome !== undefined));
}

/** Outcome → number of targets; `waiting` for those that have none yet. */
export function countOutcomes(view: JobView): ReadonlyMap<TargetOutcome | 'waiting', number> {
  const counts = new Map<TargetOutcome | 'waiting', number>();
  for (const { outcome = 'waiting' } of Object.values(view.hosts)) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return counts;
}

/**
 * The exit code that says how a job went: that of the worst end a target came to. Cancelled is the least of them: with
 * failhard it is what becomes of those who were not started. A job that selected nobody never started. One that a limit
 * or a gate stopped has failed, whatever became of its targets.
 */
export function exitCodeOfJob(view: JobView): ExitCode {
  const outcomes = new Set(Object.values(view.hosts).map((host) => host.outcome));
  if (outcomes.size === 0) return EXIT.notStarted;
  if (outcomes.has('failed') || view.stopped !== undefined) return EXIT.failed;
  if (outcomes.has('timed-out')) return EXIT.timedOut;
  if (outcomes.has('unreachable') || outcomes.has('no-return')) return EXIT.unreachable;
  if (outcomes.has('cancelled')) return EXIT.interrupted;
  return outcomes.has(undefined) ? EXIT.timedOut : EXIT.done;
}

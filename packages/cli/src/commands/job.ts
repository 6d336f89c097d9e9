import type { JsonValue } from '@edge-run/shared/kernel';
import type { OperationAnswer, OperationArgs } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { exitCodeOfJob, type JobView, readStateReturns } from '@edge-run/shared/view';
import { isMachineFormat } from '../flags.ts';
import { emitData } from '../output/emit.ts';
import { planSummaryLine } from '../output/highstate.ts';
import { type AnswerOptions, jobJson, jobSummaryLine, renderJobAnswers } from '../output/job-result.ts';
import type { FollowEnd } from '../progress/follow.ts';
import { followJob } from '../progress/follow-job.ts';
import type { Session } from '../session.ts';

const PUBLISH_WITHIN_MS = 60_000;

/** What a job's answers are to be read as. */
export interface JobReading {
  readonly exitCodeOf?: (view: JobView) => ExitCode;
  /** States in test mode, asked for as a plan: totals are printed, and what guards keep from running. */
  readonly isPlan?: boolean;
  readonly layOut?: NonNullable<AnswerOptions['layOut']>;
}

/** Publishes a job, waits for its end unless told not to, and prints what the targets answered. */
export async function runJob(
  session: Session,
  request: OperationArgs<'jobs.publish'>,
  reading: JobReading = {},
): Promise<ExitCode> {
  const { flags } = session;
  const client = await session.master();
  const limited = flags.timeoutMs === undefined ? request : { ...request, timeoutMs: flags.timeoutMs };
  const published = await client.ask('jobs.publish', limited, { timeoutMs: PUBLISH_WITHIN_MS });
  return followPublished(session, published, `${request.fun} on`, reading);
}

/** Says that a job is published and follows it, unless told not to wait; `what` stands before the count of targets. */
export async function followPublished(
  session: Session,
  { jid, targets }: OperationAnswer<'jobs.publish'>,
  what: string,
  reading: JobReading = {},
): Promise<ExitCode> {
  const { flags, io } = session;
  if (!flags.wait) {
    if (isMachineFormat(flags.out)) await emitData(session, { jid, targets });
    else io.stdout.write(`${jid}\n`);
    session.note(`watch it: edge-run jobs watch ${jid}`);
    return EXIT.done;
  }
  const { context } = await session.master();
  const hosts = `${targets.length} target${targets.length === 1 ? '' : 's'}`;
  session.note(session.noteStyle.dim(`job ${jid}  ${what} ${hosts}  (context ${context.name})`));
  return watchJob(session, jid, reading);
}

/** Follows a job and prints its answers. */
export async function watchJob(session: Session, jid: string, reading: JobReading = {}): Promise<ExitCode> {
  const { view, end } = await followJob(session, jid);
  if (end === 'cancel') {
    await (await session.master()).ask('jobs.kill', { jid, wait: false });
    session.note(`asked to kill job ${jid}; look: edge-run jobs show ${jid}`);
  }
  await printFollowed(session, view, end, reading);
  if (end === 'cancel' || end === 'detached') return EXIT.interrupted;
  return end === 'timed-out' ? EXIT.timedOut : (reading.exitCodeOf ?? exitCodeOfJob)(view);
}

/** Prints a job that was followed: with `jsonl` its returns were printed as they came. */
export async function printFollowed(
  session: Session,
  view: JobView,
  end: FollowEnd,
  reading: JobReading = {},
): Promise<void> {
  if (session.flags.out !== 'jsonl') await printJob(session, view, end !== 'ended', reading);
}

/** Prints a job's answers and, on stderr, its counts. */
export async function printJob(
  session: Session,
  view: JobView,
  unfinished: boolean,
  { isPlan = false, layOut }: JobReading = {},
): Promise<void> {
  const { flags, io, style } = session;
  const detail = flags.quiet ? 'summary' : flags.verbose > 0 ? 'full' : isPlan ? 'plan' : 'changes';
  if (isMachineFormat(flags.out)) await emitData(session, jobJson(view));
  else if (flags.out === 'name')
    io.stdout.write(
      Object.keys(view.hosts)
        .map((id) => `${id}\n`)
        .join(''),
    );
  else {
    io.stdout.write(renderJobAnswers(view, { style, detail, ...(layOut === undefined ? {} : { layOut }) }));
    if (isPlan) io.stdout.write(`${planSummaryLine(view)}\n`);
  }
  const details = unfinished ? `watch: edge-run jobs watch ${view.jid}` : `details: edge-run jobs show ${view.jid}`;
  session.note(session.noteStyle.dim(`${jobSummaryLine(view, io.clock.now())}   ${details}`));
}

/** As of any job; states that compile on no host were not started, as with any other mistake in a file. */
export function exitCodeOfStates(view: JobView): ExitCode {
  const hosts = Object.values(view.hosts);
  const isStarted = hosts.some(({ outcome, ret }) => outcome !== 'failed' || !isErrorList(ret));
  return hosts.length > 0 && !isStarted ? EXIT.notStarted : exitCodeOfJob(view);
}

function isErrorList(ret: JsonValue | undefined): boolean {
  return Array.isArray(ret) && ret.length > 0 && ret.every((text) => typeof text === 'string');
}

/** True when a state run in test mode found something it would change. */
export function hasPendingChanges(view: JobView): boolean {
  return Object.values(view.hosts).some(
    ({ ret }) => ret !== undefined && (readStateReturns(ret)?.wouldChange ?? 0) > 0,
  );
}

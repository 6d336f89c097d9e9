import type { JsonValue } from '@edge-run/shared/kernel';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { isWaiting } from '@edge-run/shared/view';
import { isMachineFormat } from '../flags.ts';
import { emit, emitData } from '../output/emit.ts';
import { renderRunResult } from '../output/run-result.ts';
import { waitLines } from '../output/run-title.ts';
import { followRun } from '../progress/follow-run.ts';
import { type RunFamily, readFamily } from '../progress/run-family.ts';
import type { Session } from '../session.ts';

/** Says which run it is and what it waits for, for who does not follow it. */
export async function leaveRun(session: Session, run: string): Promise<ExitCode> {
  await emit(session, { run }, () => `${run}\n`);
  const family = await readFamily(await session.master(), run);
  noteWaits(session, family);
  session.note(`follow it: edge-run orch status ${run} --watch`);
  const { status } = family.view;
  return isWaiting(status) && status !== 'queued' ? EXIT.waiting : EXIT.done;
}

/** What a run waits for and what to type about it. */
function noteWaits(session: Session, { view, related }: RunFamily): void {
  const now = session.io.clock.now();
  for (const line of waitLines(view, { now, related, width: Number.POSITIVE_INFINITY, style: session.noteStyle })) {
    session.note(line);
  }
}

/** Follows a run, prints how it ended, and answers with the exit code its last event carries. */
export async function watchRun(session: Session, run: string): Promise<ExitCode> {
  const { view: family, end } = await followRun(session, run);
  const { view } = family;
  if (end === 'cancel') await askToCancel(session, run);
  if (session.flags.out !== 'jsonl') await printRun(session, family);
  if (end === 'cancel' || end === 'detached') return EXIT.interrupted;
  if (end === 'timed-out') {
    session.note(`still running after --timeout; follow it: edge-run orch status ${run} --watch`);
    return EXIT.timedOut;
  }
  return (view.exitCode ?? EXIT.failed) as ExitCode;
}

/** Asks a run to stop, because the person who follows it says so. */
export async function askToCancel(session: Session, run: string): Promise<void> {
  const { cancelling } = await (await session.master()).ask('orch.abort', { run });
  session.note(cancelling ? `asked to cancel run ${run}` : `run ${run} had ended before`);
}

/** Prints a run as it is now. */
export async function printRun(session: Session, { view, ...known }: RunFamily): Promise<void> {
  const { flags, io, style } = session;
  if (isMachineFormat(flags.out)) await emitData(session, view as unknown as JsonValue);
  else if (flags.out === 'name') io.stdout.write(`${view.run}\n`);
  else {
    const width = io.stdout.columns ?? 120;
    io.stdout.write(renderRunResult(view, { ...known, now: io.clock.now(), width, style, full: flags.verbose > 0 }));
  }
}

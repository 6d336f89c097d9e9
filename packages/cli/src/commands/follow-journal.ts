import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { foldRun, runEventOf, unknownRun } from '@edge-run/shared/view';
import { STREAM_VERSION } from '../output/emit.ts';
import { changeText } from '../output/run-changes.ts';
import { sanitize } from '../output/style.ts';
import { formatInstant } from '../output/times.ts';
import type { Watcher } from '../progress/follow.ts';
import { followRun, readRun } from '../progress/follow-run.ts';
import { memberOf, type RunFamily } from '../progress/run-family.ts';
import type { Session } from '../session.ts';
import { askToCancel } from './start-run.ts';

/**
 * Prints the journal of a run and goes on with what comes, each entry once, until the run has ended. Progress is
 * printed as it comes. Ctrl-C once leaves the run alone, twice asks to cancel it.
 */
export async function followJournal(session: Session, wanted: string): Promise<ExitCode> {
  const { io, flags } = session;
  const client = await session.master();
  const { run } = await readRun(session, wanted);
  const asJson = flags.out === 'jsonl';
  if (asJson) io.stdout.write(`${JSON.stringify(STREAM_VERSION)}\n`);
  /** How many entries of the journal have been printed. */
  let told = 0;
  const catchUp = async (): Promise<void> => {
    const { events } = await client.ask('orch.show', { run });
    let view = unknownRun(run);
    for (const [index, event] of events.entries()) {
      view = foldRun(view, event);
      if (index < told) continue;
      io.stdout.write(
        asJson ? `${JSON.stringify(event)}\n` : `${formatInstant(event.at)} ${sanitize(changeText(view, event))}\n`,
      );
    }
    told = Math.max(told, events.length);
  };
  await catchUp();
  let work = Promise.resolve();
  let isCatchingUp = false;
  const watcher: Watcher<RunFamily> = {
    changed(family, event) {
      const change = event === undefined ? undefined : runEventOf(event);
      if (change?.type === 'step-progress') {
        const text = changeText(memberOf(family, change.run), change);
        work = work.then(() => {
          io.stdout.write(asJson ? `${JSON.stringify(change)}\n` : `${formatInstant(change.at)} ${sanitize(text)}\n`);
        });
      } else if (!isCatchingUp) {
        // One question answers for all entries that come before it is asked.
        isCatchingUp = true;
        work = work.then(() => {
          isCatchingUp = false;
          return catchUp();
        });
      }
    },
    tick: () => {},
    close: () => {},
  };
  const { view, end } = await followRun(session, run, watcher);
  await work;
  if (end === 'cancel') await askToCancel(session, run);
  if (end === 'timed-out') return EXIT.timedOut;
  return end === 'ended' ? ((view.view.exitCode ?? EXIT.failed) as ExitCode) : EXIT.interrupted;
}

import { SUBJECTS } from '@edge-run/shared/protocol/plain';
import { foldRun, type RunView, runEventOf, unknownRun } from '@edge-run/shared/view';
import { isMachineFormat } from '../flags.ts';

import type { Session } from '../session.ts';
import { type FollowEnd, follow, type Watcher } from './follow.ts';
import { jsonLineWatcher, lineWatcher, silentWatcher, treeWatcher } from './run-watchers.ts';

/** The run as its journal has it now. `run` may be a prefix or `@last`. */
export async function readRun(session: Session, run: string, known?: RunView): Promise<RunView> {
  const answer = await (await session.master()).ask('orch.show', { run });
  return answer.events.reduce(foldRun, known ?? unknownRun(answer.run));
}

/** Follows a run to its end, or until the person who watches has seen enough. */
export async function followRun(
  session: Session,
  run: string,
): Promise<{ readonly view: RunView; readonly end: FollowEnd }> {
  const { io, flags } = session;
  const client = await session.master();
  return follow<RunView>({
    client,
    io,
    subject: `${SUBJECTS.events.slice(0, -1)}run.${run}.>`,
    initial: unknownRun(run),
    snapshot: (view) => readRun(session, run, view),
    fold: (view, event) => {
      const change = runEventOf(event);
      return change === undefined || change.run !== run ? view : foldRun(view, change);
    },
    isEnded: (view) => view.endedAt !== undefined,
    watcher: runWatcher(session),
    limitMs: flags.timeoutMs,
    onDetach: () =>
      io.stderr.write(`\nleft running: edge-run orch status ${run} --watch   (again within 2 s: cancel it)\n`),
  });
}

function runWatcher({ io, flags, noteStyle }: Session): Watcher<RunView> {
  if (flags.out === 'jsonl') return jsonLineWatcher(io);
  if (flags.quiet || flags.progress === 'none') return silentWatcher;
  if (flags.progress === 'tree') return treeWatcher(io, noteStyle);
  if (flags.progress === 'plain') return lineWatcher(io);
  if (isMachineFormat(flags.out)) return silentWatcher;
  return io.stderr.isTty ? treeWatcher(io, noteStyle) : lineWatcher(io);
}

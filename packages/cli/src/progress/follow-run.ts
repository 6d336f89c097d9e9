import { SUBJECTS } from '@edge-run/shared/protocol/plain';
import { type RunView, runEventOf } from '@edge-run/shared/view';
import { isMachineFormat } from '../flags.ts';
import type { Session } from '../session.ts';
import { type FollowEnd, follow, type Watcher } from './follow.ts';
import { foldFamily, type RunFamily, readFamily, readRunView, unknownFamily, withBackground } from './run-family.ts';
import { jsonLineWatcher, lineWatcher, silentWatcher, treeWatcher } from './run-watchers.ts';

/** The run as its journal has it now. `run` may be a prefix or `@last`. */
export async function readRun(session: Session, run: string): Promise<RunView> {
  return readRunView(await session.master(), run);
}

/** The run and those it has to do with, as their journals have them now. */
export async function showFamily(session: Session, run: string): Promise<RunFamily> {
  const client = await session.master();
  return withBackground(client, await readFamily(client, run));
}

/** Follows a run to its end, or until the person who watches has seen enough. */
export async function followRun(
  session: Session,
  run: string,
  watcher: Watcher<RunFamily> = runWatcher(session, run),
): Promise<{ readonly view: RunFamily; readonly end: FollowEnd }> {
  const { io, flags } = session;
  const client = await session.master();
  const wantsBackground = watcher.isDrawn === true;
  return follow<RunFamily>({
    client,
    io,
    subject: eventsOf(run),
    initial: unknownFamily(run),
    snapshot: async (known) => {
      const family = await readFamily(client, run, known);
      return wantsBackground && family.needs === undefined ? withBackground(client, family) : family;
    },
    fold: (family, event) => {
      const change = runEventOf(event);
      return change === undefined ? family : foldFamily(family, change);
    },
    furtherSubjects: ({ view }) => (view.rollback === undefined ? [] : [eventsOf(view.rollback.run)]),
    isEnded: ({ view }) => view.endedAt !== undefined,
    watcher,
    limitMs: flags.timeoutMs,
    isCancelledByInterrupt: flags.cancelOnInterrupt,
    onDetach: () =>
      io.stderr.write(`\nleft running: edge-run orch status ${run} --watch   (again within 2 s: cancel it)\n`),
  });
}

/** Subject of the events of a run. */
function eventsOf(run: string): string {
  return `${SUBJECTS.events.slice(0, -1)}run.${run}.>`;
}

function runWatcher({ io, flags, noteStyle }: Session, run: string): Watcher<RunFamily> {
  if (flags.out === 'jsonl') return jsonLineWatcher(io);
  if (flags.quiet || flags.progress === 'none') return silentWatcher;
  const tree = (): Watcher<RunFamily> => treeWatcher(io, noteStyle, interruptHint(run, flags.cancelOnInterrupt));
  if (flags.progress === 'tree') return tree();
  if (flags.progress === 'plain') return lineWatcher(io);
  if (isMachineFormat(flags.out)) return silentWatcher;
  return io.stderr.isTty ? tree() : lineWatcher(io);
}

function interruptHint(run: string, isCancelledByInterrupt: boolean): string {
  return isCancelledByInterrupt
    ? '^C: cancel'
    : `^C once: leave it running (edge-run orch status ${run} --watch)   twice: cancel`;
}

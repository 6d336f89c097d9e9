import { eventSubject } from '@edge-run/shared/protocol/plain';
import { countOutcomes, foldJob, isJobOver, type JobView, jobEventOf, startJob, viewJob } from '@edge-run/shared/view';
import { isMachineFormat } from '../flags.ts';
import { STREAM_VERSION } from '../output/emit.ts';
import { hostJson } from '../output/job-result.ts';
import { formatDuration, formatInstant } from '../output/times.ts';
import type { Session } from '../session.ts';
import { askForJob } from './ask-for-job.ts';
import { type FollowEnd, follow, type Watcher } from './follow.ts';
import { createLiveRegion } from './live-region.ts';
import { silentWatcher } from './run-watchers.ts';

const HEARTBEAT_MS = 10_000;

/** The job as the master knows it now. `jid` may be a prefix or `@last`. */
export async function readJob(session: Session, jid: string): Promise<JobView> {
  return viewJob(await askForJob(await session.master(), jid));
}

/** Follows a job until every target has an outcome. */
export async function followJob(
  session: Session,
  jid: string,
): Promise<{ readonly view: JobView; readonly end: FollowEnd }> {
  const { io, flags } = session;
  const client = await session.master();
  return follow<JobView>({
    client,
    io,
    subject: `${eventSubject(`salt/job/${jid}`)}.>`,
    initial: startJob({ jid, fun: '', target: '', targets: [] }),
    snapshot: async (known) => merge(known, viewJob(await askForJob(client, jid))),
    fold: (view, event) => {
      const change = jobEventOf(event);
      return change === undefined ? view : foldJob(view, change);
    },
    isEnded: isJobOver,
    watcher: jobWatcher(session),
    limitMs: flags.timeoutMs === undefined ? undefined : flags.timeoutMs + GRACE_MS,
    isCancelledByInterrupt: flags.cancelOnInterrupt,
    onDetach: () => io.stderr.write(`\nleft running: edge-run jobs watch ${jid}   (again within 2 s: kill it)\n`),
  });
}

/** `--timeout` ends the function on each target; the master says so a little later. */
const GRACE_MS = 15_000;

/** The snapshot, unless what was heard is further on: then nothing is new. */
function merge(known: JobView, snapshot: JobView): JobView {
  const answered = (view: JobView): number => Object.values(view.hosts).filter((host) => host.outcome).length;
  const ahead = known.fun !== '' && (known.ended || !snapshot.ended) && answered(known) >= answered(snapshot);
  return ahead ? known : snapshot;
}

function jobWatcher(session: Session): Watcher<JobView> {
  const { io, flags, noteStyle } = session;
  if (flags.out === 'jsonl') return jsonWatcher(session);
  if (flags.quiet || flags.progress === 'none' || isMachineFormat(flags.out)) return silentWatcher;
  if (flags.progress !== 'tree' && (flags.progress === 'plain' || !io.stderr.isTty)) return heartbeatWatcher(session);
  const region = createLiveRegion(io.stderr);
  const shownFrom = io.clock.now() + 400;
  const draw = (view: JobView): void => {
    if (io.clock.now() < shownFrom) return;
    region.draw([noteStyle.dim(`▶ ${progressText(view, io.clock.now())}`)]);
  };
  return { changed: draw, tick: draw, close: () => region.clear() };
}

function heartbeatWatcher({ io }: Session): Watcher<JobView> {
  let wroteAt = io.clock.now();
  return {
    changed: () => {},
    tick(view) {
      const now = io.clock.now();
      if (now - wroteAt < HEARTBEAT_MS) return;
      wroteAt = now;
      io.stderr.write(`${formatInstant(now)} job ${view.jid} still running: ${progressText(view, now)}\n`);
    },
    close: () => {},
  };
}

function progressText(view: JobView, now: number): string {
  const waiting = Object.entries(view.hosts).filter(([, host]) => host.outcome === undefined);
  const total = Object.keys(view.hosts).length;
  const names = waiting.slice(0, 5).map(([id]) => id);
  const took = view.startedAt === undefined ? '' : `   ${formatDuration(now - view.startedAt)}`;
  const whom = waiting.length === 0 ? '' : `   waiting for ${names.join(', ')}${waiting.length > 5 ? ' …' : ''}`;
  return `${total - (countOutcomes(view).get('waiting') ?? 0)}/${total} answered${whom}${took}`;
}

/** Each return once, as it comes. */
function jsonWatcher({ io }: Session): Watcher<JobView> {
  const told = new Set<string>();
  const write = (line: unknown): void => io.stdout.write(`${JSON.stringify(line)}\n`);
  write(STREAM_VERSION);
  return {
    changed(view) {
      for (const [id, host] of Object.entries(view.hosts)) {
        if (host.outcome === undefined || told.has(id)) continue;
        told.add(id);
        write({ type: 'return', jid: view.jid, id, ...hostJson(host) });
      }
      if (isJobOver(view)) write({ type: 'end', jid: view.jid, counts: Object.fromEntries(countOutcomes(view)) });
    },
    tick: () => {},
    close: () => {},
  };
}

import { createHash } from 'node:crypto';
import { EdgeError, type InstantMs } from '@edge-run/shared/kernel';
import type { ScheduledJob } from '@edge-run/shared/schedule';
import { type Dispatcher, startJob } from '../jobs/index.ts';
import { type RunnerCalls, startRunner } from '../orchestration/index.ts';

/** Through what schedules act. */
export interface WorkPorts {
  readonly runners: RunnerCalls;
  readonly jobs: Pick<Dispatcher, 'run'>;
}

/** Work that goes on by itself. */
export interface StartedWork {
  readonly run?: string;
  readonly jid?: string;
  /** Rejects when the work fails. */
  readonly ended: Promise<void>;
}

/** The key of a run: the same whichever master starts it, so that it is one run however often it is started. */
export function fireKey(name: string, dueAt: InstantMs): string {
  const instant = new Date(dueAt).toISOString().replace(/[-:.]/g, '');
  const slug = name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 40);
  const distinct = slug === name ? '' : `-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
  return `${slug}${distinct}-${instant}`;
}

/** Starts what a schedule starts; resolves once it is on record, or has ended. */
export async function startWork(
  { schedule, work }: ScheduledJob,
  key: string,
  { runners, jobs }: WorkPorts,
  signal: AbortSignal,
): Promise<StartedWork> {
  const { fun, args, kwargs } = work;
  const by = `schedule:${schedule.name}`;
  if (work.kind === 'runner') {
    const { run, ended } = await startRunner(runners, { name: fun, args, kwargs, by, key, signal });
    const judged = ended.then(({ result }) => {
      if (!result) throw failed(`${fun} failed`, key, run === undefined ? undefined : `edge-run orch show ${run}`);
    });
    return run === undefined ? { ended: judged } : { run, ended: judged };
  }
  const { target, targetType, timeoutMs, transport } = work;
  const request = { fun, args, kwargs, by, target, targetType, jid: key };
  const limits = {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(transport === undefined ? {} : { transport }),
  };
  const { jid, ended } = await startJob(jobs, { ...request, ...limits }, signal);
  const judged = ended.then(({ targets }) => {
    const bad = [...targets].filter(([, { outcome }]) => outcome !== 'succeeded').map(([id]) => id);
    if (targets.size === 0)
      throw failed(`\`${target}\` matches no host${transport === 'ssh' ? ' of the roster' : ''}`, key);
    if (bad.length > 0) throw failed(`${fun} did not succeed on ${bad.join(', ')}`, key, `edge-run jobs show ${jid}`);
  });
  return { jid, ended: judged };
}

function failed(what: string, key: string, look?: string): EdgeError {
  return new EdgeError('EDGE_SCHEDULE_FAILED', what, { key }, look === undefined ? {} : { hint: `See '${look}'.` });
}

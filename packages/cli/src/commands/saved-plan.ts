import { randomBytes } from 'node:crypto';
import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { exitCodeOfJob, type HostPlan, type JobView, movesOf, readHostPlan } from '@edge-run/shared/view';
import { isMachineFormat } from '../flags.ts';
import { planSummaryLine } from '../output/highstate.ts';
import { loadPlan, type SavedPlan, savePlan } from '../plan-file.ts';
import type { FollowEnd } from '../progress/follow.ts';
import { followJob } from '../progress/follow-job.ts';
import type { Session } from '../session.ts';
import { targetText } from '../target.ts';
import { hasPendingChanges, printJob, runJob } from './job.ts';

type JobRequest = OperationArgs<'jobs.publish'>;

const PUBLISH_WITHIN_MS = 60_000;

/** `state plan … --save FILE`: looks, shows what would change, and keeps it. Nothing is saved unless all hosts answer. */
export async function planAndSave(
  session: Session,
  request: JobRequest,
  options: { readonly file: string; readonly detailedExitcode: boolean },
): Promise<ExitCode> {
  const { args, kwargs, typed } = request;
  const nonce = randomBytes(16).toString('hex');
  const { view, end } = await look(session, { ...request, fun: 'state.plan', kwargs: [...kwargs, ['nonce', nonce]] });
  const shown = withStates(view);
  await printJob(session, shown, end !== 'ended');
  if (end !== 'ended') return end === 'timed-out' ? EXIT.timedOut : EXIT.interrupted;
  const exitCode = exitCodeOfJob(view);
  if (exitCode !== EXIT.done) {
    session.note('the plan was not saved: not every host could be planned');
    return exitCode;
  }
  const hosts = Object.fromEntries(Object.entries(view.hosts).map(([id, { ret }]) => [id, hostPlan(id, ret)]));
  const digest = await savePlan(session.io.cwd, options.file, {
    version: 1,
    savedAt: new Date(session.io.clock.now()).toISOString(),
    target: request.target,
    complete: request.subset === undefined,
    request: { args, kwargs, ...(typed === undefined ? {} : { typed }) },
    nonce,
    hosts,
  });
  if (!isMachineFormat(session.flags.out)) session.io.stdout.write(`${planSummaryLine(shown)}\n`);
  session.note(
    `Saved ${options.file} (sha256 ${digest.slice(0, 8)}…). Apply exactly this:  edge-run apply ${options.file}`,
  );
  return options.detailedExitcode && hasPendingChanges(shown) ? EXIT.changesPending : EXIT.done;
}

/** `apply FILE`: looks at every host again; applies the plan when nothing has moved, and touches nothing otherwise. */
export async function applySaved(session: Session, file: string): Promise<ExitCode> {
  const plan = await loadPlan(session.io.cwd, file);
  const ids = Object.keys(plan.hosts);
  if (plan.complete) await refuseOtherHosts(session, plan, ids);
  const { args, kwargs, typed } = plan.request;
  const request = {
    target: { expr: ids, type: 'list' as const },
    args,
    ...(typed === undefined ? {} : { typed }),
  };
  const named = [...kwargs, ['nonce', plan.nonce] as [string, JsonValue]];
  const { view, end } = await look(session, { ...request, fun: 'state.plan', kwargs: named });
  if (end !== 'ended') return end === 'timed-out' ? EXIT.timedOut : EXIT.interrupted;
  const silent = Object.values(view.hosts).some(({ outcome }) => outcome === 'unreachable' || outcome === 'no-return');
  if (silent) {
    await printJob(session, withStates(view), false);
    session.note('nothing was applied: not every host of the plan answered');
    return EXIT.unreachable;
  }
  refuseMoved(plan, view);
  const expected = Object.fromEntries(ids.map((id) => [id, plan.hosts[id]!.digest]));
  const applied = {
    ...request,
    fun: 'state.apply_plan',
    kwargs: [...named, ['expected', expected] as [string, JsonValue]],
  };
  return runJob(session, applied, { exitCodeOf: exitCodeOfApplied });
}

/** A host that moved between the two looks refused by itself. */
function exitCodeOfApplied(view: JobView): ExitCode {
  const refused = Object.values(view.hosts).some(({ error }) => error?.code === 'EDGE_PLAN_STALE');
  return refused ? EXIT.stalePlan : exitCodeOfJob(view);
}

async function look(
  session: Session,
  request: JobRequest,
): Promise<{ readonly view: JobView; readonly end: FollowEnd }> {
  const { timeoutMs } = session.flags;
  const limited = timeoutMs === undefined ? request : { ...request, timeoutMs };
  const client = await session.master();
  const { jid } = await client.ask('jobs.publish', limited, { timeoutMs: PUBLISH_WITHIN_MS });
  // With `jsonl` the answers are printed once, as the plan they are.
  return followJob(
    { ...session, flags: { ...session.flags, ...(session.flags.out === 'jsonl' ? { out: 'json' } : {}) } },
    jid,
  );
}

async function refuseOtherHosts(session: Session, { target }: SavedPlan, planned: readonly string[]): Promise<void> {
  const { ids } = await (await session.master()).ask('match', { target });
  const moves = [
    ...ids.filter((id) => !planned.includes(id)).map((id) => `${id}: ${targetText(target)} selects it now`),
    ...planned
      .filter((id) => !ids.includes(id))
      .map((id) => `${id}: ${targetText(target)} does not select it any more`),
  ];
  if (moves.length > 0) throw stale(moves);
}

function refuseMoved(plan: SavedPlan, view: JobView): void {
  const moves = Object.entries(plan.hosts).flatMap(([id, saved]) => {
    const fresh = readHostPlan(view.hosts[id]?.ret);
    if (fresh === undefined) return [`${id}: its states cannot be planned any more`];
    if (fresh.digest === saved.digest) return [];
    const named = movesOf(saved.record, fresh.record);
    return (named.length > 0 ? named : ['the order of something has changed']).map((move) => `${id}: ${move}`);
  });
  if (moves.length > 0) throw stale(moves);
}

function stale(moves: readonly string[]): EdgeError {
  return new EdgeError(
    'EDGE_PLAN_STALE',
    `the plan is stale; nothing was applied. What moved:\n${moves.map((move) => `  ${move}`).join('\n')}`,
    { moves: [...moves] },
    { hint: 'Plan again: edge-run state plan TARGET … --save FILE' },
  );
}

/** The job as one of `state.apply` in test mode: that is what people read. */
function withStates(view: JobView): JobView {
  const hosts = Object.entries(view.hosts).map(([id, host]) => {
    const plan = readHostPlan(host.ret);
    return [id, plan === undefined ? host : { ...host, ret: plan.states }] as const;
  });
  return { ...view, hosts: Object.fromEntries(hosts) };
}

function hostPlan(id: string, ret: JsonValue | undefined): HostPlan {
  const plan = readHostPlan(ret);
  if (plan !== undefined) return plan;
  throw new EdgeError(
    'EDGE_NOT_SUPPORTED',
    `${id} answered something else than a plan`,
    { host: id },
    { hint: 'Its version of Edge may be older than this one: edge-run nodes ls' },
  );
}

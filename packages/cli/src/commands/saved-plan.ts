import { randomBytes } from 'node:crypto';
import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import {
  exitCodeOfJob,
  groupByAnswer,
  type HostPlan,
  type JobView,
  movesOf,
  readHostPlan,
} from '@edge-run/shared/view';
import { isOrchPlan, openOrchPlan } from '../orch-plan-file.ts';
import { openPlan, readPlanFile, type SavedPlan, savePlan } from '../plan-file.ts';
import type { FollowEnd } from '../progress/follow.ts';
import { followJob } from '../progress/follow-job.ts';
import type { Session } from '../session.ts';
import { targetText } from '../target.ts';
import { encodeWords } from '../words.ts';
import { exitCodeOfStates, hasPendingChanges, printJob, runJob } from './job.ts';
import { applyOrchPlan } from './orch-plan.ts';

type JobRequest = OperationArgs<'jobs.publish'>;

const PUBLISH_WITHIN_MS = 60_000;
/** A tree that was rewritten moves every state of it; the first ones say enough. */
const MOVES_AT_MOST = 20;

/** `state plan … --save FILE`: looks, shows what would change, and keeps it. Nothing is saved unless all hosts answer. */
export async function planAndSave(
  session: Session,
  request: JobRequest,
  options: { readonly file: string; readonly detailedExitcode: boolean },
): Promise<ExitCode> {
  const { args, kwargs, typed, transport } = request;
  const nonce = randomBytes(16).toString('hex');
  const { view, end } = await look(session, { ...request, fun: 'state.plan', kwargs: [...kwargs, ['nonce', nonce]] });
  const shown = withStates(view);
  await printJob(session, shown, end !== 'ended', { isPlan: true });
  if (end !== 'ended') return end === 'timed-out' ? EXIT.timedOut : EXIT.interrupted;
  const exitCode = exitCodeOfStates(view);
  if (exitCode !== EXIT.done) {
    session.note('the plan was not saved: not every host could be planned');
    return exitCode;
  }
  const hosts = Object.fromEntries(Object.entries(view.hosts).map(([id, { ret }]) => [id, hostPlan(id, ret)]));
  const digest = await savePlan(session.io.cwd, options.file, {
    savedAt: new Date(session.io.clock.now()).toISOString(),
    target: request.target,
    complete: request.subset === undefined,
    ...(transport === 'ssh' ? { transport } : {}),
    request: { args, kwargs, ...(typed === undefined ? {} : { typed }) },
    nonce,
    hosts,
  });
  const again = new Map(kwargs).has('pillar') ? " pillar='…'  (the values are not kept in the file)" : '';
  session.note(
    `Saved ${options.file} (sha256 ${digest.slice(0, 8)}…). Apply exactly this:  edge-run apply ${options.file}${again}`,
  );
  return options.detailedExitcode && hasPendingChanges(shown) ? EXIT.changesPending : EXIT.done;
}

/**
 * `apply FILE [pillar=…]`: runs the plan of an orchestration, or for states looks at every host again; applies the plan when nothing has moved, and touches nothing
 * otherwise.
 */
export async function applySaved(session: Session, file: string, words: readonly string[]): Promise<ExitCode> {
  const given = await readPillar(words);
  const content = await readPlanFile(session.io.cwd, file);
  if (isOrchPlan(content))
    return applyOrchPlan(session, await openOrchPlan(file, content, new Map(given.kwargs).get('pillar')));
  const plan = await openPlan(file, content, given);
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
    await printJob(session, withStates(view), false, { isPlan: true });
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

/** The one thing that may be said of a plan again. @throws EdgeError `EDGE_UNKNOWN_ARGUMENT` for any other word */
async function readPillar(words: readonly string[]): Promise<Pick<JobRequest, 'kwargs' | 'typed'>> {
  const { args, kwargs, typed } = await encodeWords(words);
  const other = args.length > 0 || kwargs.some(([name]) => name !== 'pillar');
  if (!other) return { kwargs, typed: { args: [], kwargs: typed.kwargs } };
  throw new EdgeError(
    'EDGE_UNKNOWN_ARGUMENT',
    'a saved plan takes nothing but the pillar= it was made with',
    { words: [...words] },
    { hint: 'Plan again for anything else: edge-run state plan TARGET … --save FILE' },
  );
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

async function refuseOtherHosts(
  session: Session,
  { target, transport }: SavedPlan,
  planned: readonly string[],
): Promise<void> {
  const limit = transport === undefined ? {} : { transport };
  const { ids } = await (await session.master()).ask('match', { target, ...limit });
  const [before, now] = [new Set(planned), new Set(ids)];
  const moves = new Map<string, readonly string[]>();
  for (const id of ids) if (!before.has(id)) moves.set(id, [`${targetText(target)} selects it now`]);
  for (const id of planned) if (!now.has(id)) moves.set(id, [`${targetText(target)} does not select it any more`]);
  refuseAny(moves);
}

function refuseMoved(plan: SavedPlan, view: JobView): void {
  const moves = new Map<string, readonly string[]>();
  for (const [id, saved] of Object.entries(plan.hosts)) {
    const fresh = readHostPlan(view.hosts[id]?.ret);
    if (fresh === undefined) moves.set(id, ['its states cannot be planned any more']);
    else if (fresh.digest !== saved.digest) {
      const named = movesOf(saved.record, fresh.record);
      moves.set(id, named.length > 0 ? named : ['the order of something has changed']);
    }
  }
  refuseAny(moves);
}

/** @throws EdgeError `EDGE_PLAN_STALE` that names what moved, once for all hosts where the same did */
function refuseAny(moves: ReadonlyMap<string, readonly string[]>): void {
  if (moves.size === 0) return;
  const lines = groupByAnswer(moves).flatMap(({ label, answer }) => [
    ...answer.slice(0, MOVES_AT_MOST).map((move) => `  ${label}: ${move}`),
    ...(answer.length > MOVES_AT_MOST ? [`  ${label}: and ${answer.length - MOVES_AT_MOST} more`] : []),
  ]);
  throw new EdgeError(
    'EDGE_PLAN_STALE',
    `the plan is stale; nothing was applied. What moved:\n${lines.join('\n')}`,
    { moves: Object.fromEntries(moves) },
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

import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { OperationArgs, RunJournalEvent } from '@edge-run/shared/protocol';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol/plain';
import { hasPlannedChanges, type OrchPlan, orchPlanMoves, orchPlanOf, unknownCallsOf } from '@edge-run/shared/view';
import { type SavedOrchPlan, saveOrchPlan } from '../orch-plan-file.ts';
import { emit } from '../output/emit.ts';
import { type LockNow, orchPlanJson, renderOrchPlan } from '../output/orch-plan.ts';
import { followRun } from '../progress/follow-run.ts';
import type { Session } from '../session.ts';
import { PLAN_WITHIN_MS } from './read-run-request.ts';
import { leaveRun, watchRun } from './start-run.ts';

type Request = OperationArgs<'orch.run'>;

/** What is asked of a plan beside the plan. */
export interface PlanWishes {
  /** Fail where an effect is not known. */
  readonly strict: boolean;
  readonly detailedExitcode: boolean;
  /** File to keep the plan in. */
  readonly save: string | undefined;
}

/** What moved is told by name, but a tree that was rewritten moves everything. */
const MOVES_AT_MOST = 20;

/** Looks what a run would do, prints that, and keeps it where asked. */
export async function planOrchestration(session: Session, request: Request, wishes: PlanWishes): Promise<ExitCode> {
  const looked = await look(session, request);
  if (typeof looked === 'number') return looked;
  const locks = await locksNow(session, looked);
  await emit(session, orchPlanJson(looked, locks), () =>
    renderOrchPlan(looked, locks, { style: session.style, verbose: session.flags.verbose > 0 }),
  );
  const { fails, unknown } = looked.counts.steps;
  const unknownCalls = unknownCallsOf(looked);
  if (fails > 0 || looked.error !== undefined) {
    session.note(`${wishes.save === undefined ? '' : 'the plan was not saved: '}the run would fail`);
    return EXIT.notStarted;
  }
  if (wishes.strict && unknown > 0) {
    session.note(`${unknown} step${unknown === 1 ? ' has an unknown effect' : 's have unknown effects'} (--strict)`);
    return EXIT.notStarted;
  }
  if (wishes.strict && unknownCalls > 0) {
    session.note(`${unknownCalls} call${unknownCalls === 1 ? '' : 's'} of templates may change something (--strict)`);
    return EXIT.notStarted;
  }
  if (wishes.save !== undefined) await save(session, wishes.save, { request, plan: looked });
  return wishes.detailedExitcode && hasPlannedChanges(looked) ? EXIT.changesPending : EXIT.done;
}

/** Looks again, and runs the saved plan when nothing has moved. @throws EdgeError `EDGE_PLAN_STALE` that says what has */
export async function applyOrchPlan(session: Session, { request, plan }: SavedOrchPlan): Promise<ExitCode> {
  const looked = await look(session, request);
  if (typeof looked === 'number') return looked;
  const moves = orchPlanMoves(plan, looked);
  if (moves.length > 0) throw stale(moves);
  const { digest, sources } = plan;
  const client = await session.master();
  const timeoutMs = session.flags.timeoutMs ?? PLAN_WITHIN_MS;
  const expect = { digest, sources: { ...sources } };
  const { run } = await client.ask('orch.run', { ...request, expect }, { timeoutMs });
  return session.flags.wait ? watchRun(session, run) : leaveRun(session, run);
}

/** The plan, or the exit code when nobody waited for it. */
async function look(session: Session, request: Request): Promise<OrchPlan | ExitCode> {
  const client = await session.master();
  const timeoutMs = session.flags.timeoutMs ?? PLAN_WITHIN_MS;
  const { run } = await client.ask('orch.run', { ...request, test: true }, { timeoutMs });
  const quiet = { ...session, flags: { ...session.flags, out: 'text', progress: progressOf(session) } } as const;
  const { end } = await followRun(quiet, run);
  if (end === 'cancel') await client.ask('orch.abort', { run });
  if (end === 'timed-out') return EXIT.timedOut;
  if (end !== 'ended') return EXIT.interrupted;
  const plan = await readPlan(session, run);
  if (plan !== undefined) return plan;
  throw new EdgeError('EDGE_INTERNAL', `the run ${run} has no plan`, { run });
}

/** A plan takes moments: what it is at is shown only where it can be taken away again. */
function progressOf({ io, flags }: Session): Session['flags']['progress'] {
  if (flags.progress !== 'auto') return flags.progress;
  return io.stderr.isTty && flags.out !== 'json' ? 'tree' : 'none';
}

async function readPlan(session: Session, run: string): Promise<OrchPlan | undefined> {
  const client = await session.master();
  const journals = new Map<string, readonly RunJournalEvent[]>();
  const read = async (id: string): Promise<void> => {
    const { events } = await client.ask('orch.show', { run: id });
    journals.set(id, events);
    for (const event of events) {
      const nested = event.type === 'step-ended' ? (event.answer.foreseen?.runs ?? []) : [];
      for (const inner of nested) if (!journals.has(inner)) await read(inner);
    }
  };
  await read(run);
  return orchPlanOf(journals.get(run)!, journals);
}

/** The locks a run would take and who has them now. */
async function locksNow(session: Session, { options }: OrchPlan): Promise<readonly LockNow[]> {
  const wanted = options?.locks ?? [];
  if (wanted.length === 0) return [];
  const { locks } = await (await session.master()).ask('orch.locks', {});
  return wanted.map((lock) => {
    const holder = locks.find((entry) => entry.position === 0 && entry.locks.includes(lock));
    const waiting = locks.filter((entry) => entry.position > 0 && entry.locks.includes(lock)).length;
    return { lock, waiting, ...(holder === undefined ? {} : { run: holder.run, name: holder.name, by: holder.by }) };
  });
}

async function save(session: Session, file: string, saved: Omit<SavedOrchPlan, 'savedAt'>): Promise<void> {
  const savedAt = new Date(session.io.clock.now()).toISOString();
  const { test: _test, ...request } = saved.request;
  const digest = await saveOrchPlan(session.io.cwd, file, { ...saved, request, savedAt });
  const again = request.pillar === undefined ? '' : " pillar='…'  (the values are not kept in the file)";
  session.note(`Saved ${file} (sha256 ${digest.slice(0, 8)}…). Run exactly this:  edge-run apply ${file}${again}`);
}

function stale(moves: readonly string[]): EdgeError {
  const shown = moves.slice(0, MOVES_AT_MOST).map((move) => `  ${move}`);
  const more = moves.length > MOVES_AT_MOST ? [`  and ${moves.length - MOVES_AT_MOST} more`] : [];
  return new EdgeError(
    'EDGE_PLAN_STALE',
    `the plan is stale; nothing was run. What moved:\n${[...shown, ...more].join('\n')}`,
    { moves: [...moves] as JsonValue },
    { hint: 'Plan again: edge-run orch plan NAME … --save FILE' },
  );
}

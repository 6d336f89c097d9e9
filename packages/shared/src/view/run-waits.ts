import type { InstantMs } from '../kernel/index.ts';
import { approveSteps, askingSteps, countedApprovals, missingApprovals } from './run-status.ts';
import type { LockHolder, RunView, StepView } from './run-view.ts';

/** One thing a run waits for. */
export interface RunWait {
  readonly kind: 'lock' | 'approval' | 'answer' | 'resume';
  /** In words, without what to do about it. */
  readonly text: string;
  readonly since?: InstantMs;
  /** Commands that end the wait, the likeliest first; none where only time does. */
  readonly commands: readonly string[];
}

/** What makes words of a wait. */
export interface WaitWords {
  /** An instant as the reader is to see it. */
  readonly when: (at: InstantMs) => string;
  /** Other runs by id, where they are known: since when and why they hold what is waited for. */
  readonly related?: (run: string) => RunView | undefined;
}

/** Everything a run waits for now, in words; none for a run that goes on or has ended. */
export function runWaits(view: RunView, words: WaitWords): readonly RunWait[] {
  if (view.endedAt !== undefined || view.rollback !== undefined) return [];
  return [...answerWaits(view), ...pauseWaits(view, words), ...approvalWaits(view, words), ...lockWaits(view, words)];
}

function answerWaits(view: RunView): RunWait[] {
  const steps = askingSteps(view);
  return steps.map((step) => ({
    kind: 'answer',
    text: `step ${step.id} failed: ${firstLine(step.comment)}; what now?`,
    since: step.asked!.at,
    commands: [`edge-run orch answer ${view.run} retry|skip|rollback|abort${steps.length > 1 ? stepFlag(step) : ''}`],
  }));
}

function pauseWaits({ run, pause }: RunView, { when }: WaitWords): RunWait[] {
  if (pause?.isPaused !== true) return [];
  const why = pause.reason === undefined ? '' : `: ${pause.reason}`;
  const text = `paused by ${pause.by} ${when(pause.at)}${why}`;
  return [{ kind: 'resume', text, since: pause.at, commands: [`edge-run orch resume ${run}`] }];
}

function approvalWaits(view: RunView, { when }: WaitWords): RunWait[] {
  const commands = [`edge-run approve ${view.run}`, `edge-run reject ${view.run}`];
  const waits: RunWait[] = approveSteps(view).map((step) => {
    const given = (view.approvals ?? []).filter((approval) => approval.step === step.key).map(({ by: who }) => who);
    const what = step.name === step.id ? '' : `: ${step.name}`;
    return {
      kind: 'approval',
      text: `approval of step ${step.id}${what}${given.length === 0 ? '' : ` (so far ${given.join(', ')})`}`,
      ...(step.startedAt === undefined ? {} : { since: step.startedAt }),
      commands: commands.map((command) => `${command}${stepFlag(step)}`),
    };
  });
  const { approvals } = view.options ?? {};
  if (approvals === undefined || missingApprovals(view) === 0) return waits;
  const given = countedApprovals(view);
  const names = given.length === 0 ? '' : ` (${given.map(({ by }) => by).join(', ')})`;
  const plan = view.digest === undefined ? '' : ` of plan ${shortDigest(view.digest)}`;
  const rule = approvals.self ? '' : `, not by ${view.by}`;
  const until = view.startedAt === undefined ? '' : `; expires ${when(view.startedAt + approvals.expiresMs)}`;
  const text = `${given.length} of ${approvals.count} approvals${names}${plan}${rule}${until}`;
  return [
    ...waits,
    { kind: 'approval', text, commands, ...(view.startedAt === undefined ? {} : { since: view.startedAt }) },
  ];
}

function lockWaits({ lock }: RunView, words: WaitWords): RunWait[] {
  if (lock?.state !== 'queued') return [];
  const holders = lock.holders ?? [];
  const held = holders.map((holder) => holderText(holder, words));
  const free = lock.locks.filter((name) => !holders.some((holder) => holder.lock === name));
  const what = [...held, ...free.map((name) => `lock ${name}`)].join('; ');
  const place = lock.position === undefined ? '' : `position ${lock.position} for `;
  const commands = [...new Set(holders.map(({ run }) => `edge-run orch show ${run}`))];
  return [{ kind: 'lock', text: `${place}${what}`, since: lock.since, commands }];
}

function holderText({ lock, run, name, by }: LockHolder, { when, related }: WaitWords): string {
  const holder = related?.(run);
  const since = holder?.lock?.state === 'held' ? ` since ${when(holder.lock.since)}` : '';
  const doing = holder === undefined ? '' : reasonOf(holder);
  return `lock ${lock} held by run ${run} ${name} (by ${by})${since}${doing}`;
}

/** Why somebody still has a lock: what they are at, or what they wait for themselves. */
function reasonOf(holder: RunView): string {
  if (holder.status === 'asking' || holder.status === 'paused' || holder.status === 'rolling-back')
    return `, ${holder.status}`;
  const steps = holder.steps.filter(({ status }) => status === 'running').map(({ id }) => id);
  return steps.length === 0 ? '' : `, at step ${steps.join(', ')}`;
}

/** ` --step canary`, with quotes where a shell needs them. */
export function stepFlag({ id }: Pick<StepView, 'id'>): string {
  return ` --step ${/^[\w.@%+:,/-]+$/.test(id) ? id : `'${id.replaceAll("'", `'\\''`)}'`}`;
}

/** `4be1c07a…`: enough of a digest to tell it from others. */
export function shortDigest(digest: string): string {
  return `${digest.replace(/^sha256:/, '').slice(0, 8)}…`;
}

function firstLine(text: string | undefined): string {
  return text?.split('\n').find((line) => line.trim() !== '') ?? 'no reason given';
}

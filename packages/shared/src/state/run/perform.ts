import type { Host } from '../../host/index.ts';
import { type Clock, EdgeError, errorMessage } from '../../kernel/index.ts';
import {
  type Change,
  type ModuleContext,
  type StateModule,
  type Verdict,
  verbOf,
} from '../../modules/contract/index.ts';
import type { Value } from '../../values/index.ts';
import { joinChanges, quietAnswer, type StepAnswer, shownChange } from './answer.ts';

/** How often a repair is looked at again while it settles. */
const LOOK_EVERY_MS = 200;

/** One look at a host and what comes of it. */
export interface Performance {
  readonly module: StateModule;
  /** Looks; `check` or `onWatch` with its arguments bound. */
  readonly look: () => Promise<Verdict>;
  /** Where changes are applied; absent while testing, so that nothing can be. */
  readonly write?: ModuleContext<Host>;
  /** A repair is looked at again after it was applied; an action or a reaction is not. */
  readonly isRepair: boolean;
  readonly clock: Clock;
}

/** Looks, and applies what looking found unless testing. */
export async function perform(performance: Performance): Promise<StepAnswer> {
  const verdict = await performance.look();
  switch (verdict.kind) {
    case 'in-sync':
      return quietAnswer(true, verdict.comment ?? `${performance.module.name}: already as it should be`);
    case 'refused':
      return quietAnswer(false, verdict.reason);
    case 'changes':
      return performance.write === undefined
        ? foreseenAnswer(verdict)
        : applyAll(performance, verdict, performance.write);
  }
}

type Changes = Extract<Verdict, { kind: 'changes' }>;

function foreseenAnswer({ changes, comment, foreseen = null }: Changes): StepAnswer {
  return {
    result: foreseen,
    changes: joinChanges(changes.map((change) => shownChange(change))),
    comment: comment ?? `would change: ${changes.map(({ what }) => what).join(', ')}`,
    verb: verbOf(changes),
  };
}

async function applyAll(performance: Performance, verdict: Changes, write: ModuleContext<Host>): Promise<StepAnswer> {
  const shown: Value[] = [];
  const comments: string[] = [];
  let result: boolean | null | undefined;
  for (const change of verdict.changes) {
    const failure = await applyOne(change, write, shown, comments);
    if (failure === undefined) continue;
    result = failure.result;
    if (result === false) break;
  }
  const changes = joinChanges(shown);
  const verb = verbOf(verdict.changes);
  const said = comments.length > 0 ? comments.join('\n') : undefined;
  if (result === false) return { result, changes, comment: said ?? verdict.comment ?? 'the change failed', verb };
  const missing = performance.isRepair ? await unsettled(performance) : undefined;
  if (missing !== undefined) return { result: false, changes, comment: missing, verb };
  const comment = said ?? verdict.comment ?? `changed: ${verdict.changes.map(({ what }) => what).join(', ')}`;
  return { result: result === undefined ? true : result, changes, comment, verb };
}

/** Applies one change; answers a result only where the change itself gave one. */
async function applyOne(
  change: Change,
  write: ModuleContext<Host>,
  shown: Value[],
  comments: string[],
): Promise<{ readonly result: boolean | null } | undefined> {
  try {
    const outcome = await change.apply(write);
    shown.push(shownChange(change, outcome?.changes));
    if (outcome?.comment !== undefined) comments.push(outcome.comment);
    return outcome?.result === undefined ? undefined : { result: outcome.result };
  } catch (error) {
    comments.push(`${change.what}: ${failureText(error)}`);
    return { result: false };
  }
}

/** Looks again until nothing is left to change or the time to settle is over; answers what is wrong then. */
async function unsettled({ module, look, write, clock }: Performance): Promise<string | undefined> {
  const end = clock.now() + (module.settleMs ?? 0);
  for (;;) {
    const verdict = await look();
    if (verdict.kind === 'in-sync') return undefined;
    if (clock.now() >= end) {
      const left = verdict.kind === 'refused' ? verdict.reason : verdict.changes.map(({ what }) => what).join(', ');
      return `${module.name} did not converge: applied, and looking again still found: ${left}`;
    }
    await clock.sleep(Math.min(LOOK_EVERY_MS, Math.max(1, end - clock.now())), write?.signal);
  }
}

/** The text of a failure, with its hint. */
export function failureText(error: unknown): string {
  const hint = error instanceof EdgeError && error.hint !== undefined ? `\n${error.hint}` : '';
  return `${errorMessage(error)}${hint}`;
}

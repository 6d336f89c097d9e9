import type { Host } from '../../host/index.ts';
import { type Clock, EdgeError, errorMessage } from '../../kernel/index.ts';
import {
  type ApplyOutcome,
  type Change,
  type ModuleContext,
  type StateModule,
  type Verdict,
  verbOf,
} from '../../modules/contract/index.ts';
import { fromPlain, type Value } from '../../values/index.ts';
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
  let found: Pick<StepAnswer, 'data'> = {};
  for (const change of verdict.changes) {
    const outcome = await applyOne(change, write);
    if (outcome.shown !== undefined) shown.push(outcome.shown);
    if (outcome.comment !== undefined) comments.push(outcome.comment);
    if (outcome.data !== undefined) found = { data: fromPlain(outcome.data) };
    if (outcome.result === undefined) continue;
    result = outcome.result;
    if (result === false) break;
  }
  const done = { changes: joinChanges(shown), verb: verbOf(verdict.changes), ...found };
  const said = comments.length > 0 ? comments.join('\n') : undefined;
  if (result === false) return { ...done, result, comment: said ?? verdict.comment ?? 'the change failed' };
  const missing = performance.isRepair ? await unsettled(performance) : undefined;
  if (missing !== undefined) return { ...done, result: false, comment: missing };
  const comment = said ?? verdict.comment ?? `changed: ${verdict.changes.map(({ what }) => what).join(', ')}`;
  return { ...done, result: result === undefined ? true : result, comment };
}

/** Applies one change; a result is there only where the change itself gave one, or it failed. */
async function applyOne(
  change: Change,
  write: ModuleContext<Host>,
): Promise<Omit<ApplyOutcome, 'changes'> & { readonly shown?: Value }> {
  try {
    const { changes, ...outcome } = (await change.apply(write)) ?? {};
    return { ...outcome, shown: shownChange(change, changes) };
  } catch (error) {
    return { result: false, comment: `${change.what}: ${failureText(error)}` };
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

import { createHash } from 'node:crypto';
import type { StateModule, Verdict } from '@edge-run/shared/modules/contract';
import type { StepKey } from '@edge-run/shared/state';
import type { Foresight } from './foresight.ts';
import type { RunRecord } from './run-record.ts';
import type { StepAnswer, StepContext, StepKind } from './step-kind.ts';

/** What a step kind is run with as a state. */
export interface StateParts {
  readonly contextOf: ContextOf;
  /** Only in a plan. */
  readonly foresight: Foresight | undefined;
  /** Hears what the engine has no place for: each host's end, and what was foreseen. */
  onAnswer(answer: StepAnswer): void;
}

/** Gives each attempt of a step its context. */
export type ContextOf = () => StepContext;

/**
 * A step kind as the state engine runs it: an action whose one change is to do the step. Guards, retries, slots and
 * requisites are thereby those of states.
 */
export function asState(kind: StepKind, { contextOf, foresight, onAnswer }: StateParts): StateModule {
  const { name, summary, args, examples, rest, keywords } = kind;
  return {
    name,
    summary,
    args,
    examples,
    ...(rest === undefined ? {} : { rest }),
    ...(keywords === undefined ? {} : { keywords }),
    effect: 'action',
    async check(given): Promise<Verdict> {
      const ctx = contextOf();
      if (foresight === undefined) return theStep(name, undefined, () => kind.run(given as never, ctx), onAnswer);
      const foreseen = await kind.plan(given as never, ctx, foresight);
      onAnswer(foreseen);
      if (foreseen.result === false) return { kind: 'refused', reason: foreseen.comment };
      if (foreseen.result === true) return { kind: 'in-sync', comment: foreseen.comment };
      return theStep(name, foreseen, () => kind.run(given as never, ctx), onAnswer);
    },
  };
}

/** Step kinds for the compiler, which only reads their declarations. */
export function declaredStates(kinds: readonly StepKind[]): ReadonlyMap<string, StateModule> {
  const never: ContextOf = () => {
    throw new TypeError('the compiler runs no steps');
  };
  return new Map(
    kinds.map((kind) => [kind.name, asState(kind, { contextOf: never, foresight: undefined, onAnswer: () => {} })]),
  );
}

function theStep(
  name: string,
  foreseen: StepAnswer | undefined,
  run: () => Promise<StepAnswer>,
  onAnswer: (answer: StepAnswer) => void,
): Verdict {
  return {
    kind: 'changes',
    changes: [
      {
        what: name,
        before: null,
        after: null,
        ...(foreseen === undefined ? {} : { changes: foreseen.changes }),
        async apply() {
          const answer = await run();
          onAnswer(answer);
          return { changes: answer.changes, result: answer.result, comment: answer.comment };
        },
      },
    ],
    ...(foreseen === undefined ? {} : { comment: foreseen.comment }),
  };
}

/** What to do with a step of a run that had started when its master died. Ordinary states look before they act. */
export function afterCrash(record: RunRecord, step: StepKey, kinds: readonly StepKind[]): StepKind['afterCrash'] {
  const { graph } = record.state;
  const chunk = graph.nodes[graph.runNodes.get(step)!]?.chunk;
  return kinds.find(({ name }) => name === `${chunk?.state}.${chunk?.fun}`)?.afterCrash ?? 'rerun';
}

/** The id of a step's job: the same for the same run, step, mode and attempt, and one subject token. */
export function stepJobId(run: string, step: StepKey, mode: string, attempt: string): string {
  return `${run}-${createHash('sha256').update(`${step}\n${mode}\n${attempt}`).digest('hex').slice(0, 12)}`;
}

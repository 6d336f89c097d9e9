import { type Compiled, EdgeError, requireCompiled } from '@edge-run/shared/kernel';
import type { ForeseenStep, ForeseenWorld, RunnerDeclaration } from '@edge-run/shared/protocol';
import { didYouMean, parseArguments } from '@edge-run/shared/schema';
import { fromPlain, revealValue, type Value } from '@edge-run/shared/values';
import type { z } from 'zod';
import type { PlannableCalls, RunnerRequest } from '../orchestration/index.ts';

/** What a runner knows of its caller. */
export type RunnerContext = Pick<RunnerRequest, 'by' | 'key' | 'causedBy' | 'signal' | 'report'>;

/** What a runner's plan knows besides: what earlier steps of the plan would do. */
export type RunnerPlanContext = RunnerContext & { readonly world: ForeseenWorld };

/** What a call of a runner would do. */
export interface PlannedRun extends ForeseenStep {
  /** JavaScript data or a Value. */
  readonly changes?: unknown;
  /** False: it would fail. */
  readonly result?: false;
  readonly comment?: string;
}

/** A runner that only looks; one of which nobody knows what it does, and why; or what says so. */
export type RunnerPlan<A extends z.ZodObject = z.ZodObject> =
  | { readonly kind: 'looks' }
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'planned'; plan(args: z.output<A>, ctx: RunnerPlanContext): Promise<PlannedRun> };

/** The plan of a runner that only looks. */
export const LOOKS = { kind: 'looks' } as const;

/** A function of the master: `state.orchestrate`, `cloud.provision`. */
export interface Runner<A extends z.ZodObject = z.ZodObject> extends RunnerDeclaration<A> {
  run(args: z.output<A>, ctx: RunnerContext): Promise<unknown>;
  /** What `run` would change, found without changing anything. */
  readonly plan: RunnerPlan<A>;
  /** True for an answer that means failure; by default only `false` does. */
  readonly failed?: (answer: unknown) => boolean;
}

/** Declares a runner. */
export function defineRunner<A extends z.ZodObject>(runner: Runner<A>): Runner {
  return runner as unknown as Runner;
}

/** The runners of a list by name. @throws EdgeError `EDGE_DUPLICATE_MODULE` when two have one name */
export function createRunnerCalls(runners: readonly Runner[]): PlannableCalls {
  const byName = new Map<string, Runner>();
  for (const runner of runners) {
    if (byName.has(runner.name)) throw new EdgeError('EDGE_DUPLICATE_MODULE', `two runners are called ${runner.name}`);
    byName.set(runner.name, runner);
  }
  const find = (name: string): Runner => {
    const runner = byName.get(name);
    if (runner !== undefined) return runner;
    const hint = didYouMean(name, byName.keys());
    throw new EdgeError(
      'EDGE_UNKNOWN_FUNCTION',
      `no runner \`${name}\``,
      { runner: name },
      hint === '' ? {} : { hint },
    );
  };
  return {
    has: (name) => byName.has(name),
    names: () => byName.keys(),
    onlyLooks: (name) => byName.get(name)?.plan.kind === 'looks',
    async call({ name, args, kwargs, ...ctx }) {
      const runner = find(name);
      const answer = await runner.run(bound(runner, args, kwargs), ctx);
      const failed = runner.failed ?? ((value: unknown) => value === false);
      return { answer: fromPlain(answer), result: !failed(answer) };
    },
    async plan({ name, args, kwargs, ...ctx }) {
      const runner = find(name);
      const planned = await planOf(runner, bound(runner, args, kwargs), ctx);
      const { changes = {}, result, comment = `${name} would be called`, ...foreseen } = planned;
      // As Salt has it, also for one that only looks: it has not been called.
      return { foreseen, result: result ?? null, changes: fromPlain(changes), comment };
    },
  };
}

function bound(runner: Runner, args: readonly Value[], kwargs: ReadonlyMap<string, Value>): never {
  // What lies over the pillar stays sealed, so that an orchestration knows what of it is secret.
  const revealed = new Map([...kwargs].map(([key, value]) => [key, key === 'pillar' ? value : revealValue(value)]));
  return requireCompiled(
    parseArguments(runner, { args: args.map((arg) => revealValue(arg)), kwargs: revealed }) as Compiled<never>,
  );
}

async function planOf({ name, plan }: Runner, args: never, ctx: RunnerPlanContext): Promise<PlannedRun> {
  switch (plan.kind) {
    case 'looks':
      return { effect: 'nothing', comment: `${name} would look, and change nothing` };
    case 'unknown':
      return { effect: 'unknown', why: plan.why };
    case 'planned':
      return plan.plan(args, ctx);
  }
}

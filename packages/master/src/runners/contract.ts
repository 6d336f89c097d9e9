import { type Compiled, EdgeError, requireCompiled } from '@edge-run/shared/kernel';
import type { RunnerDeclaration } from '@edge-run/shared/protocol';
import { didYouMean, parseArguments } from '@edge-run/shared/schema';
import { fromPlain } from '@edge-run/shared/values';
import type { z } from 'zod';
import type { RunnerCalls, RunnerRequest } from '../orchestration/index.ts';

/** What a runner knows of its caller. */
export type RunnerContext = Pick<RunnerRequest, 'by' | 'key' | 'causedBy' | 'signal' | 'report'>;

/** A function of the master: `state.orchestrate`, `cloud.provision`. */
export interface Runner<A extends z.ZodObject = z.ZodObject> extends RunnerDeclaration<A> {
  run(args: z.output<A>, ctx: RunnerContext): Promise<unknown>;
  /** True for an answer that means failure; by default only `false` does. */
  readonly failed?: (answer: unknown) => boolean;
}

/** Declares a runner. */
export function defineRunner<A extends z.ZodObject>(runner: Runner<A>): Runner {
  return runner as unknown as Runner;
}

/** The runners of a list by name. @throws EdgeError `EDGE_DUPLICATE_MODULE` when two have one name */
export function createRunnerCalls(runners: readonly Runner[]): RunnerCalls {
  const byName = new Map<string, Runner>();
  for (const runner of runners) {
    if (byName.has(runner.name)) throw new EdgeError('EDGE_DUPLICATE_MODULE', `two runners are called ${runner.name}`);
    byName.set(runner.name, runner);
  }
  return {
    has: (name) => byName.has(name),
    names: () => byName.keys(),
    async call({ name, args, kwargs, ...ctx }) {
      const runner = byName.get(name);
      if (runner === undefined) {
        const hint = didYouMean(name, byName.keys());
        throw new EdgeError(
          'EDGE_UNKNOWN_FUNCTION',
          `no runner \`${name}\``,
          { runner: name },
          hint === '' ? {} : { hint },
        );
      }
      const parsed: Compiled<never> = parseArguments(runner, { args, kwargs }) as Compiled<never>;
      const answer = await runner.run(requireCompiled(parsed), ctx);
      const failed = runner.failed ?? ((value: unknown) => value === false);
      return { answer: fromPlain(answer), result: !failed(answer) };
    },
  };
}

import type { HostRuntime, RuntimeExecutor } from '@edge-run/shared/execute';
import { unknownFunction } from '@edge-run/shared/execute';
import { EdgeError, fromErrorRecord, type Logger } from '@edge-run/shared/kernel';
import { FUNCTIONS_AS_RUNNERS, functionAsRunner, functionRunnerDeclarations } from '@edge-run/shared/protocol';
import { PyMap, type Value } from '@edge-run/shared/values';
import { defineRunner, LOOKS, type Runner, type RunnerPlan } from './contract.ts';

/** Execution functions on the master itself: `salt.cmd`, and those that Salt has as runners. */
export function functionRunners(executor: RuntimeExecutor, runtime: HostRuntime, log: Logger): readonly Runner[] {
  const call = async (
    fun: string,
    args: readonly Value[],
    kwargs: ReadonlyMap<string, Value>,
    signal: AbortSignal,
  ): Promise<Value> => {
    if (!runtime.catalog.functions.has(fun)) throw unknownFunction(fun, runtime.catalog);
    const end = await executor.execute({ jid: 'runner', fun, args, kwargs }, { signal, log });
    if (end.outcome === 'succeeded') return end.ret;
    throw end.error === undefined
      ? new EdgeError('EDGE_COMMAND_FAILED', `${fun} failed: ${String(end.ret)}`)
      : fromErrorRecord(end.error);
  };
  const direct = [...runtime.catalog.functions.values()]
    .filter(({ name }) => FUNCTIONS_AS_RUNNERS.test(name))
    .map((module) =>
      defineRunner({
        ...functionAsRunner(module),
        plan: module.access === 'read' ? LOOKS : unknownFunctionPlan(module.name),
        run: ({ args, kwargs }, { signal }) =>
          call(module.name, Array.isArray(args) ? args : [], mapOf(kwargs), signal),
      }),
    );
  return [
    defineRunner({
      ...functionRunnerDeclarations['salt.cmd'],
      plan: {
        kind: 'planned',
        async plan({ fun }) {
          const module = runtime.catalog.functions.get(fun);
          if (module === undefined) throw unknownFunction(fun, runtime.catalog);
          return module.access === 'read' ? { effect: 'nothing' } : { effect: 'unknown', why: whyUnknown(fun) };
        },
      },
      run: ({ fun, args, kwargs }, { signal }) => call(fun, Array.isArray(args) ? args : [], mapOf(kwargs), signal),
    }),
    ...direct,
  ];
}

function unknownFunctionPlan(name: string): Extract<RunnerPlan, { kind: 'unknown' }> {
  return { kind: 'unknown', why: whyUnknown(name) };
}

function whyUnknown(name: string): string {
  return `${name} cannot be looked up beforehand`;
}

function mapOf(kwargs: Value | undefined): ReadonlyMap<string, Value> {
  return kwargs instanceof PyMap ? new Map([...kwargs].map(([key, value]) => [String(key), value])) : new Map();
}

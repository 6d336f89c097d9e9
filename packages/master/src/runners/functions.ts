import type { HostRuntime, RuntimeExecutor } from '@edge-run/shared/execute';
import { unknownFunction } from '@edge-run/shared/execute';
import { EdgeError, fromErrorRecord, type Logger } from '@edge-run/shared/kernel';
import { anyValue } from '@edge-run/shared/schema';
import { PyMap, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import { defineRunner, type Runner } from './contract.ts';

/** Modules whose functions are runners too, as Salt's runners of the same names are. */
const AS_RUNNERS = /^(test|http|network|config|sys|defaults)\./;

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
    .filter(({ name }) => AS_RUNNERS.test(name))
    .map(({ name, summary }) =>
      defineRunner({
        name,
        summary,
        returns: 'What the function answers.',
        rest: 'args',
        keywords: 'kwargs',
        args: z.object({
          args: anyValue().optional().describe('Positional arguments.'),
          kwargs: anyValue().optional().describe('Keyword arguments.'),
        }),
        examples: [{ title: 'on the master', args: {} }],
        run: ({ args, kwargs }, { signal }) => call(name, Array.isArray(args) ? args : [], mapOf(kwargs), signal),
      }),
    );
  return [
    defineRunner({
      name: 'salt.cmd',
      summary: 'Runs an execution function on the master.',
      returns: 'What the function answers.',
      rest: 'args',
      keywords: 'kwargs',
      args: z.object({
        fun: z.string().describe('The function: `test.ping`.'),
        args: anyValue().optional().describe('Positional arguments.'),
        kwargs: anyValue().optional().describe('Keyword arguments.'),
      }),
      examples: [{ title: 'ping', args: { fun: 'test.ping' } }],
      run: ({ fun, args, kwargs }, { signal }) => call(fun, Array.isArray(args) ? args : [], mapOf(kwargs), signal),
    }),
    ...direct,
  ];
}

function mapOf(kwargs: Value | undefined): ReadonlyMap<string, Value> {
  return kwargs instanceof PyMap ? new Map([...kwargs].map(([key, value]) => [String(key), value])) : new Map();
}

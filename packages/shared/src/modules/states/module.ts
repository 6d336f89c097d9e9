import { z } from 'zod';
import { anyValue, parseArguments } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import {
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';

const args = z.object({
  name: anyValue().describe('Function to call, in the older syntax; elsewhere the name of the state.'),
  m_name: anyValue().optional().describe('Argument `name` of the function, in the older syntax.'),
  args: z.array(anyValue()).optional().describe('Positional arguments, in the older syntax.'),
  kwargs: anyValue().optional().describe('Keyword arguments, in the older syntax.'),
  returner: z.string().optional().describe('Accepted for Salt trees; returns are always kept.'),
  rest: anyValue()
    .optional()
    .describe('Functions with their arguments (`test.echo: [text: hi]`), or arguments of the one function.'),
});
type Args = z.output<typeof args>;

/** A function that a `module.run` calls. */
export interface ModuleCall {
  readonly fun: string;
  readonly args: readonly Value[];
  readonly kwargs: Readonly<Record<string, Value>>;
}

/** Execution functions called as states. Calling one is a change. */
export const moduleStates: readonly StateModule[] = [
  defineState({
    name: 'module.run',
    summary: 'Call execution functions.',
    effect: 'action',
    args,
    keywords: 'rest',
    examples: [{ title: 'two functions, newer syntax', args: { name: 'prepare', rest: null } }],
    shownName: functionNames,
    check: (given, ctx) => runVerdict(given, ctx),
    onWatch: (given, ctx) => runVerdict(given, ctx),
  }),
  ...(['wait', 'watch'] as const).map((name) =>
    defineState({
      name: `module.${name}`,
      summary: 'Call execution functions only when a watched state changed.',
      effect: 'action',
      args,
      keywords: 'rest',
      examples: [],
      shownName: functionNames,
      check: () => Promise.resolve(inSync()),
      onWatch: (given, ctx) => runVerdict(given, ctx),
    }),
  ),
];

/** The functions that a `module.run` with these arguments calls; none where it does not take them. */
export function moduleCalls(given: PyMap): readonly ModuleCall[] {
  const kwargs = new Map([...given].map(([key, value]) => [String(key), value]));
  const { value } = parseArguments(moduleStates[0]!, { args: [], kwargs });
  return value === undefined ? [] : callsOf(value as Args);
}

/** In the newer syntax, the functions stand for the name. */
function functionNames(given: Args): readonly string[] | undefined {
  return legacyFunction(given) === undefined ? callsOf(given).map(({ fun }) => fun) : undefined;
}

function runVerdict(given: Args, ctx: ModuleContext): Promise<Verdict> {
  const calls = callsOf(given);
  if (calls.length === 0)
    return Promise.resolve(refused('module.run names no function: write `- test.echo: [text: hi]`'));
  const unknown = calls.map(({ fun }) => fun).filter((fun) => !ctx.hasFunction(fun));
  if (unknown.length > 0) return Promise.resolve(refused(`Unavailable function: ${unknown.join(', ')}.`));
  const isLegacy = legacyFunction(given) !== undefined;
  return Promise.resolve(
    changesOf(
      ...calls.map(({ fun, args: positional, kwargs }) => ({
        what: `call ${fun}`,
        before: null,
        after: fun,
        verb: 'run' as const,
        changes: { [isLegacy ? 'ret' : fun]: null },
        async apply({ call }: ModuleContext) {
          const answer = await call(fun, positional, kwargs);
          const isFailure = answer === false || (answer instanceof PyMap && isFailed(answer));
          return {
            changes: { [isLegacy ? 'ret' : fun]: answer },
            result: !isFailure,
            comment: `Module function ${fun} executed`,
          };
        },
      })),
    ),
  );
}

/** A return that says itself that it failed. */
function isFailed(answer: PyMap): boolean {
  const retcode = answer.get('retcode');
  return (
    answer.get('result') === false || answer.get('success') === false || (typeof retcode === 'number' && retcode !== 0)
  );
}

function legacyFunction({ name }: Args): string | undefined {
  return typeof name === 'string' && /^\w+\.\w+$/.test(name) ? name : undefined;
}

function callsOf(given: Args): ModuleCall[] {
  const rest = given.rest instanceof PyMap ? [...given.rest] : [];
  const newer = rest.filter(([key]) => /^\w+\.\w+$/.test(String(key)));
  if (newer.length > 0) return newer.map(([key, body]) => newerCall(String(key), body));
  const listed = Array.isArray(given.name) ? given.name.map((fun) => newerCall(String(fun), null)) : [];
  const fun = legacyFunction(given);
  if (fun === undefined) return listed;
  const kwargs: Record<string, Value> = Object.fromEntries(
    rest.map(([key, value]) => [String(key).replace(/^m_/, ''), value]),
  );
  if (given.kwargs instanceof PyMap) for (const [key, value] of given.kwargs) kwargs[String(key)] = value;
  if (given.m_name !== undefined) kwargs.name = given.m_name;
  return [{ fun, args: given.args ?? [], kwargs }];
}

/** `fun: [positional, {keyword: value}]`, or one value, or nothing. */
function newerCall(fun: string, body: Value): ModuleCall {
  const items = body === null ? [] : Array.isArray(body) ? body : [body];
  const args = items.filter((item) => !(item instanceof PyMap));
  const maps = items.filter((item): item is PyMap => item instanceof PyMap);
  return {
    fun,
    args,
    kwargs: Object.fromEntries(maps.flatMap((map) => [...map]).map(([key, value]) => [String(key), value])),
  };
}

import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { EDGE_VERSION, EdgeError, systemClock } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { CodedAnswer, defineRead, type ExecutionModule } from '../contract/index.ts';

const none = z.object({});
const listed = (what: string) => z.array(anyValue()).default([]).describe(what);
const mapped = (what: string) =>
  anyValue()
    .default(() => new PyMap())
    .describe(what);

/** Functions that touch nothing: for trying a target, a command line, a template. */
export const testFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'test.ping',
    summary: 'Answer true, to see that the target is there.',
    args: none,
    returns: 'True.',
    examples: [{ title: 'is everybody there?', args: {} }],
    run: () => Promise.resolve(true),
  }),
  defineRead({
    name: 'test.echo',
    summary: 'Answer the text that was given.',
    args: z.object({ text: anyValue().describe('What is answered.') }),
    returns: 'The argument as it is.',
    examples: [{ title: 'say it back', args: { text: 'hello' } }],
    run: ({ text }) => Promise.resolve(text),
  }),
  defineRead({
    name: 'test.arg',
    summary: 'Show the positional and keyword arguments as they arrived.',
    args: z.object({ args: listed('Positional arguments.'), kwargs: mapped('Keyword arguments.') }),
    rest: 'args',
    keywords: 'kwargs',
    returns: 'A mapping of args and kwargs.',
    examples: [],
    run: ({ args, kwargs }) =>
      Promise.resolve(
        new PyMap([
          ['args', args],
          ['kwargs', withoutPrivate(kwargs)],
        ]),
      ),
  }),
  defineRead({
    name: 'test.args',
    summary: 'Answer the positional arguments.',
    args: z.object({ args: listed('Positional arguments.') }),
    rest: 'args',
    returns: 'A list.',
    examples: [],
    run: ({ args }) => Promise.resolve(args),
  }),
  defineRead({
    name: 'test.arg_clean',
    summary: 'Show the arguments as they arrived, without those the daemon added.',
    args: z.object({ args: listed('Positional arguments.'), kwargs: mapped('Keyword arguments.') }),
    rest: 'args',
    keywords: 'kwargs',
    returns: 'A mapping of args and kwargs.',
    examples: [],
    run: ({ args, kwargs }) =>
      Promise.resolve(
        new PyMap([
          ['args', args],
          ['kwargs', withoutPrivate(kwargs)],
        ]),
      ),
  }),
  defineRead({
    name: 'test.kwarg',
    summary: 'Answer the keyword arguments.',
    args: z.object({ kwargs: mapped('Keyword arguments.') }),
    keywords: 'kwargs',
    returns: 'A mapping.',
    examples: [],
    run: ({ kwargs }) => Promise.resolve(withoutPrivate(kwargs)),
  }),
  defineRead({
    name: 'test.arg_type',
    summary: 'Show the types the arguments arrived with, in the names of Python.',
    args: z.object({ args: listed('Positional arguments.'), kwargs: mapped('Keyword arguments.') }),
    rest: 'args',
    keywords: 'kwargs',
    returns: 'A mapping of args and kwargs.',
    examples: [],
    run: ({ args, kwargs }) =>
      Promise.resolve({
        args: args.map(typeName),
        kwargs: new PyMap([...(withoutPrivate(kwargs) as PyMap)].map(([key, value]) => [key, typeName(value)])),
      }),
  }),
  defineRead({
    name: 'test.sleep',
    summary: 'Wait, then answer true.',
    args: z.object({ length: z.coerce.number().min(0).describe('Seconds.') }),
    returns: 'True.',
    examples: [{ title: 'five seconds', args: { length: 5 } }],
    async run({ length }, { signal }) {
      await systemClock.sleep(length * 1000, signal);
      return true;
    },
  }),
  defineRead({
    name: 'test.rand_sleep',
    summary: 'Wait for a random time below a limit, then answer true.',
    args: z.object({ max: z.coerce.number().min(0).default(60).describe('Most seconds.') }),
    returns: 'True.',
    examples: [],
    async run({ max }, { signal }) {
      await systemClock.sleep(Math.random() * max * 1000, signal);
      return true;
    },
  }),
  defineRead({
    name: 'test.version',
    summary: 'Answer the version of Edge that runs there.',
    args: none,
    returns: 'A version such as 1.2.3.',
    examples: [],
    run: () => Promise.resolve(EDGE_VERSION),
  }),
  constant('test.true', 'True', true),
  constant('test.false', 'False', false),
  constant('test.none', 'None', null),
  // Salt's own names of them, which trees call.
  constant('test.true_', 'True', true),
  constant('test.false_', 'False', false),
  defineRead({
    name: 'test.outputter',
    summary: 'Answer the data, to try an output format.',
    args: z.object({ data: anyValue().describe('What is answered.') }),
    returns: 'The argument as it is.',
    examples: [],
    run: ({ data }) => Promise.resolve(data),
  }),
  defineRead({
    name: 'test.retcode',
    summary: 'Answer true with return code 42, to try how failures show.',
    args: z.object({ code: z.coerce.number().int().default(42).describe('The return code.') }),
    returns: 'True.',
    examples: [],
    run: ({ code }) => Promise.resolve(new CodedAnswer(true, code)),
  }),
  defineRead({
    name: 'test.fib',
    summary: 'Work out the Fibonacci number, to keep a processor busy.',
    args: z.object({ num: z.coerce.number().int().min(0).max(1000).describe('Which one.') }),
    returns: 'The number and the seconds it took.',
    examples: [],
    run: ({ num }) => {
      const started = performance.now();
      return Promise.resolve([fibonacci(num), (performance.now() - started) / 1000]);
    },
  }),
  defineRead({
    name: 'test.collatz',
    summary: 'Count the steps of the Collatz sequence from a number to 1.',
    args: z.object({ start: z.coerce.number().int().min(1).describe('Where it starts.') }),
    returns: 'Steps and the seconds it took.',
    examples: [],
    run: ({ start }) => {
      const started = performance.now();
      let steps = 0;
      for (let at = start; at > 1; at = at % 2 === 0 ? at / 2 : at * 3 + 1) steps += 1;
      return Promise.resolve([steps, (performance.now() - started) / 1000]);
    },
  }),
  defineRead({
    name: 'test.rand_str',
    summary: 'Answer a random text.',
    args: z.object({
      size: z.coerce.number().int().min(1).max(4096).default(32).describe('How many hexadecimal digits.'),
    }),
    returns: 'A text of hexadecimal digits.',
    examples: [],
    run: ({ size }) =>
      Promise.resolve(
        randomBytes(Math.ceil(size / 2))
          .toString('hex')
          .slice(0, size),
      ),
  }),
  defineRead({
    name: 'test.exception',
    summary: 'Fail with a message, to try how errors show.',
    args: z.object({ message: z.string().default('Test Exception').describe('The text of the error.') }),
    returns: 'Nothing: it always fails.',
    examples: [],
    run: ({ message }) => Promise.reject(new EdgeError('EDGE_COMMAND_FAILED', message)),
  }),
  defineRead({
    name: 'test.not_implemented',
    summary: 'Fail as a function does that the host cannot offer.',
    args: none,
    returns: 'Nothing: it always fails.',
    examples: [],
    run: (_, { host }) =>
      Promise.reject(new EdgeError('EDGE_NOT_SUPPORTED', `test.not_implemented cannot be done on ${host.id}`)),
  }),
];

function constant(name: `${string}.${string}`, shown: string, value: Value): ExecutionModule {
  return defineRead({
    name,
    summary: `Answer ${shown}.`,
    args: none,
    returns: `${shown}.`,
    examples: [],
    run: () => Promise.resolve(value),
  });
}

function fibonacci(num: number): bigint {
  let [a, b] = [0n, 1n];
  for (let index = 0; index < num; index += 1) [a, b] = [b, a + b];
  return a;
}

/** Keyword arguments that begin with two underscores are the daemon's. */
function withoutPrivate(kwargs: Value): Value {
  if (!(kwargs instanceof PyMap)) return kwargs;
  return new PyMap([...kwargs].filter(([key]) => !String(key).startsWith('__')));
}

function typeName(value: Value): string {
  if (value === null) return "<class 'NoneType'>";
  const names: Record<string, string> = { boolean: 'bool', string: 'str', bigint: 'int' };
  const name =
    names[typeof value] ??
    (typeof value === 'number' ? (Number.isInteger(value) ? 'int' : 'float') : undefined) ??
    (Array.isArray(value) ? 'list' : value instanceof PyMap ? 'dict' : 'float');
  return `<class '${name}'>`;
}

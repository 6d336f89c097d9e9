import { PyMap, PySet, PyTuple } from '../../values/index.ts';
import { mod } from './runtime/arithmetic.ts';
import { isIterable } from './runtime/attributes.ts';
import { eq, ge, gt, isIn, le, lt, ne } from './runtime/comparison.ts';
import type { Env } from './runtime/env.ts';
import { typeError } from './runtime/fault.ts';
import { isFloating, numeric, truth } from './runtime/operands.ts';
import { str } from './runtime/print.ts';
import { regexMatch } from './runtime/regex.ts';
import { define } from './runtime/signature.ts';
import { type Builtin, DictView, isCallable, isText, Markup, PyRange, textOf, Undefined } from './runtime/types.ts';

type Test = (value: unknown) => boolean;

function isNumber(value: unknown): boolean {
  return numeric(value) !== undefined;
}

function hasLength(value: unknown): boolean {
  return (
    isText(value) ||
    Array.isArray(value) ||
    [PyMap, PyTuple, PySet, DictView, PyRange, Uint8Array].some((type) => value instanceof type)
  );
}

function isSequence(value: unknown): boolean {
  return hasLength(value) && !(value instanceof PySet) && !(value instanceof DictView);
}

function strictly(value: unknown): unknown {
  if (value instanceof Undefined && value.strict) throw value.fault();
  return value;
}

const SIMPLE: Readonly<Record<string, Test>> = {
  odd: (value) => truth(eq(mod(value, 2), 1)),
  even: (value) => truth(eq(mod(value, 2), 0)),
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  true: (value) => value === true,
  false: (value) => value === false,
  integer: (value) => isNumber(value) && typeof value !== 'boolean' && !isFloating(numeric(value)!),
  float: (value) => isNumber(value) && isFloating(numeric(value)!),
  lower: (value) => /\p{Ll}/u.test(str(value)) && !/[\p{Lu}\p{Lt}]/u.test(str(value)),
  upper: (value) => /\p{Lu}/u.test(str(value)) && !/[\p{Ll}\p{Lt}]/u.test(str(value)),
  string: isText,
  mapping: (value) => value instanceof PyMap,
  number: isNumber,
  sequence: isSequence,
  iterable: (value) => isIterable(strictly(value)),
  callable: (value) => isCallable(value) || value instanceof Undefined,
  escaped: (value) => value instanceof Markup,
  list: (value) => Array.isArray(value),
};

const COMPARISONS: Readonly<Record<string, (value: unknown, other: unknown) => boolean>> = {
  eq,
  equalto: eq,
  '==': eq,
  ne,
  '!=': ne,
  lt,
  lessthan: lt,
  '<': lt,
  le,
  '<=': le,
  gt,
  greaterthan: gt,
  '>': gt,
  ge,
  '>=': ge,
  in: isIn,
  sameas: (value, other) =>
    value === other || (numeric(value) !== undefined && typeof value === typeof other && eq(value, other)),
};

/** Jinja's tests and Salt's. */
export const TESTS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ...Object.entries(SIMPLE).map(
    ([name, test]) => [name, define(`test_${name}(value)`, (_env, value: unknown) => test(value))] as const,
  ),
  ...Object.entries(COMPARISONS).map(
    ([name, test]) =>
      [name, define('test(value, other)', (_env, value: unknown, other: unknown) => test(value, other))] as const,
  ),
  ['divisibleby', define('test_divisibleby(value, num)', (_env, value: unknown, by: unknown) => eq(mod(value, by), 0))],
  ['filter', define('test_filter(value)', (env: Env, value: unknown) => env.filters.has(str(value)))],
  ['test', define('test_test(value)', (env: Env, value: unknown) => env.tests.has(str(value)))],
  [
    'match',
    define(
      'test_match(txt, rgx, ignorecase=False, multiline=False)',
      (_env, text: unknown, pattern: unknown, ignoreCase: unknown, multiline: unknown) => {
        if (text instanceof Undefined) throw text.fault();
        if (textOf(text) === undefined || textOf(pattern) === undefined)
          throw typeError('expected string or bytes-like object');
        return (
          regexMatch(
            textOf(pattern)!,
            textOf(text)!,
            { ignoreCase: truth(ignoreCase), multiline: truth(multiline) },
            'match',
          ) !== undefined
        );
      },
    ),
  ],
]);

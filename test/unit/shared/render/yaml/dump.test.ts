import { Secret } from '@edge-run/shared/kernel';
import { type DumpOptions, dumpYaml, formatYaml, loadYaml } from '@edge-run/shared/render';
import {
  float,
  integer,
  PyDate,
  PyMap,
  PySet,
  PyTuple,
  toPlain,
  type Value,
  valuesEqual,
} from '@edge-run/shared/values';
import fc from 'fast-check';
import { FAILSAFE_SCHEMA, load as loadWithJsYaml } from 'js-yaml';
import { describe, expect, test } from 'vitest';

const shared: Value[] = ['x'];

describe('dumpYaml writes what PyYAML on libyaml writes', () => {
  const cases: readonly [name: string, value: Value, expected: string, options?: DumpOptions][] = [
    [
      'keys sorted, lists not indented',
      new PyMap([
        ['b', [1, 'two']],
        ['a', null],
      ]),
      'a: null\nb:\n- 1\n- two\n',
    ],
    [
      'keys as they are',
      new PyMap([
        ['b', 1],
        ['a', 2],
      ]),
      'b: 1\na: 2\n',
      { sortKeys: false },
    ],
    ['keys of mixed types as they are', new PyMap([['b', 1] as [Value, Value], [1, 2]]), 'b: 1\n1: 2\n'],
    [
      'leaves in brackets',
      new PyMap([
        ['a', [1, [2]]],
        ['b', [3]],
      ]),
      'a:\n- 1\n- [2]\nb: [3]\n',
      { flowStyle: 'leaves' },
    ],
    [
      'what looks like something else in quotes',
      ['yes', '1', '', 'a: b', '~'],
      "- 'yes'\n- '1'\n- ''\n- 'a: b'\n- '~'\n",
    ],
    ['a text of two lines', ['a\nb'], "- 'a\n\n  b'\n"],
    [
      'long text folded after column 80',
      ['word '.repeat(20).trim()],
      `- ${'word '.repeat(15)}word\n  word word word word\n`,
    ],
    ['what cannot be printed escaped', ['\ttab', '😀'], '- "\\ttab"\n- "\\U0001F600"\n'],
    [
      'floats',
      [float(1), 1e20, 1.5e-7, Number.POSITIVE_INFINITY].map((x) => (typeof x === 'number' ? float(x) : x)),
      '- 1.0\n- 1.0e+20\n- 1.5e-07\n- .inf\n',
    ],
    ['a container met twice', [shared, shared], '- &id001\n  - x\n- *id001\n'],
    ['equal containers apart', [['x'], ['x']], '- - x\n- - x\n'],
    ['long and compound keys', new PyMap([[new PyTuple([1, 2]), 'x']]), '? - 1\n  - 2\n: x\n'],
    ['bytes', [new Uint8Array([1, 2, 3])], '- !!binary |\n  AQID\n'],
    ['a set', new PySet(['b', 'a']), '!!set\na: null\nb: null\n'],
    [
      'dates',
      [new PyDate('date', '2024-01-02'), new PyDate('datetime', '2024-01-02T03:04:05')],
      '- 2024-01-02\n- 2024-01-02 03:04:05\n',
    ],
    ['a big integer', [integer(12345678901234567890n)], '- 12345678901234567890\n'],
    ['start and end marked', new PyMap([['a', 1]]), '---\na: 1\n...\n', { explicitStart: true, explicitEnd: true }],
    ['a secret sealed', [new Secret('pw')], "- '[secret]'\n"],
    ['a secret revealed', [new Secret('pw')], '- pw\n', { secrets: 'revealed' }],
  ];
  for (const [name, value, expected, options] of cases) {
    test(name, () => expect(dumpYaml(value, options)).toBe(expected));
  }
});

test('formatYaml: braces by default, no white space around', () => {
  expect(formatYaml(new PyMap([['a', [1, null]]]))).toBe('{a: [1, null]}');
  expect(formatYaml('word')).toBe('word');
  expect(formatYaml(new PyMap([['a', 1]]), { flowStyle: false })).toBe('a: 1');
});

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .array(fc.constantFrom(' ', '\n', ':', '#', '-', "'", '"', 'a', '1', '\t', '{', ',', 'é', '?'), { maxLength: 10 })
    .map((chars) => chars.join('')),
  fc.constantFrom('yes', 'null', '0755', '1:30', '2024-01-02', '---', '<<', '=', 'word '.repeat(30)),
);
const scalar: fc.Arbitrary<Value> = fc.oneof(
  text,
  fc.boolean(),
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.bigInt().map(integer),
  fc.double({ noNaN: true }).map((x) => float(x)),
  fc.uint8Array({ maxLength: 70 }),
);
const { value: anyValue } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(text, tie('value')), { maxLength: 4 }).map((pairs) => new PyMap(pairs)),
  ),
}));
const layout = fc.record({
  flowStyle: fc.constantFrom<boolean | 'leaves'>(true, false, 'leaves'),
  sortKeys: fc.boolean(),
  width: fc.constantFrom(80, 20, 1000),
  allowUnicode: fc.boolean(),
});

test('property: what was dumped loads equal', () => {
  fc.assert(
    fc.property(anyValue, layout, (value, options) => {
      const dumped = dumpYaml(value, options);
      expect(valuesEqual(loadYaml(dumped), value), dumped).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('property: js-yaml reads what was dumped as the same tree', () => {
  // YAML 1.2 knows neither NEL nor LS and PS as line ends.
  const common = text.filter((string) => !/[\u0085\u2028\u2029]/.test(string) && string !== '__proto__');
  const { tree } = fc.letrec<{ tree: Value }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      common,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.array(fc.tuple(common, tie('tree')), { maxLength: 4 }).map((pairs) => new PyMap(pairs)),
    ),
  }));
  fc.assert(
    fc.property(tree, layout, (value, options) => {
      expect(loadWithJsYaml(dumpYaml(value, options), { schema: FAILSAFE_SCHEMA })).toEqual(toPlain(value));
    }),
    { numRuns: 1000 },
  );
});

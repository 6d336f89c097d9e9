import { dumpJson, floatText, loadJson } from '@edge-run/shared/render';
import { float, integer, PyFloat, PyMap, PySet, PyTuple, type Value, valuesEqual } from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('dumpJson writes what json.dumps writes', () => {
  const map = new PyMap([
    ['b', [1, float(1), null, true]],
    ['é', '"\\\n\u007f'],
    ['a', new PyMap()],
  ]);
  test('on one line', () => {
    expect(dumpJson(map)).toBe('{"b": [1, 1.0, null, true], "\\u00e9": "\\"\\\\\\n\\u007f", "a": {}}');
  });
  test('sorted, unescaped', () => {
    expect(dumpJson(map, { sortKeys: true, ensureAscii: false })).toBe(
      '{"a": {}, "b": [1, 1.0, null, true], "é": "\\"\\\\\\n\u007f"}',
    );
  });
  test('indented', () => {
    expect(dumpJson(new PyMap([['a', [1, []]]]), { indent: 2 })).toBe('{\n  "a": [\n    1,\n    []\n  ]\n}');
    expect(dumpJson([1], { indent: 0 })).toBe('[\n1\n]');
    expect(dumpJson([1], { indent: '\t' })).toBe('[\n\t1\n]');
  });
  test('keys that are not text', () => {
    const keys: [Value, Value][] = [
      [null, 0],
      [true, 0],
      [2, 0],
      [1.5, 0],
    ];
    expect(dumpJson(new PyMap(keys))).toBe('{"null": 0, "true": 0, "2": 0, "1.5": 0}');
  });
  test('tuples, big integers, numbers beyond JSON', () => {
    expect(dumpJson(new PyTuple([integer(2n ** 70n), Number.NaN, float(-0)]))).toBe(
      '[1180591620717411303424, NaN, -0.0]',
    );
  });
  test('what JSON cannot hold is refused', () => {
    const loop: Value[] = [];
    loop.push(loop);
    expect(() => dumpJson(new PySet([1]))).toThrow(/set has no JSON form/);
    expect(() => dumpJson(new PyMap([[new PyTuple([1]), 1]]))).toThrow(/key of type tuple/);
    expect(() => dumpJson(new PyMap([['a', 1] as [Value, Value], [1, 1]]), { sortKeys: true })).toThrow(/sorted/);
    expect(() => dumpJson(loop)).toThrow(/inside itself/);
  });
});

describe('loadJson', () => {
  test('keeps the order of keys, big integers and floats', () => {
    const map = loadJson('{"2": 1.0, "1": 12345678901234567890, "a": -0}') as PyMap;
    expect([...map]).toEqual([
      ['2', new PyFloat(1)],
      ['1', 12345678901234567890n],
      ['a', 0],
    ]);
  });
  for (const [text, message] of [
    ['{"a": 1,}', /1:9: a value belongs here|1:9/],
    ["{'a': 1}", /1:2: a key in double quotes/],
    ['[1\n2]', /2:1: ',' or ']'/],
    ['', /ends where a value belongs/],
    ['[1] x', /1:5: there is more text/],
    ['"a\nb"', /1:3: a control character/],
    ['"\\x"', /unknown escape/],
    ['01', /more text/],
    ['['.repeat(100_000), /deep/],
  ] as const) {
    test(`refuses ${JSON.stringify(text.slice(0, 20))}`, () => expect(() => loadJson(text)).toThrow(message));
  }
});

test('floatText: Python notation', () => {
  const shown = [1, -0, 0.1, 1e15, 1e16, 1e-4, 1e-5, 1.5e300, 123456.789, Number.NaN, Number.NEGATIVE_INFINITY].map(
    floatText,
  );
  expect(shown).toEqual([
    '1.0',
    '-0.0',
    '0.1',
    '1000000000000000.0',
    '1e+16',
    '0.0001',
    '1e-05',
    '1.5e+300',
    '123456.789',
    'nan',
    '-inf',
  ]);
});

test('property: what was dumped loads equal', () => {
  const { value } = fc.letrec<{ value: Value }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'binary' }),
      fc.boolean(),
      fc.constant(null),
      fc.bigInt().map(integer),
      fc.double({ noNaN: true }).map((x) => float(x)),
      fc.array(tie('value')),
      fc.array(fc.tuple(fc.string(), tie('value'))).map((pairs) => new PyMap(pairs)),
    ),
  }));
  fc.assert(
    fc.property(value, fc.boolean(), fc.constantFrom(null, 0, 2), (data, ensureAscii, indent) => {
      expect(valuesEqual(loadJson(dumpJson(data, { ensureAscii, indent })), data)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

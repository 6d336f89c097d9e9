import {
  decodeValue,
  encodeValue,
  float,
  fromPlain,
  PyMap,
  PySet,
  PyTuple,
  type Value,
  valuesEqual,
} from '@edge-run/shared/values';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const scalar: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.string(),
  fc.constantFrom('628', '$float', '$key:1', '__proto__', '\u0000t'),
  fc.double({ noNaN: true }).map(float),
  fc.bigInt({ min: 2n ** 60n, max: 2n ** 80n }),
);
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(scalar, { maxLength: 4 }).map((items) => new PyTuple(items)),
    fc.array(scalar, { maxLength: 4 }).map((items) => new PySet(items)),
    fc.array(fc.tuple(scalar, tie('value')), { maxLength: 5 }).map((entries) => new PyMap(entries)),
  ),
})).value;

describe('encodeValue', () => {
  it('gives back what it was given, key order included, after a trip through JSON text', () => {
    fc.assert(
      fc.property(value, (original) => {
        const back = decodeValue(JSON.parse(JSON.stringify(encodeValue(original))));
        expect(valuesEqual(back, original)).toBe(true);
        if (original instanceof PyMap && back instanceof PyMap) {
          expect([...back.keys()].map(String)).toEqual([...original.keys()].map(String));
        }
      }),
    );
  });

  it('keeps the order of integer-like keys', () => {
    const map = new PyMap([
      ['b', 1],
      ['628', 2],
      ['1', 3],
    ]);
    const back = decodeValue(JSON.parse(JSON.stringify(encodeValue(map)))) as PyMap;
    expect([...back.keys()]).toEqual(['b', '628', '1']);
  });
});

describe('PyMap', () => {
  it('holds 1, True and 1.0 as one key under its first spelling', () => {
    const map = new PyMap([
      [1, 'a'],
      [true, 'b'],
      [float(1), 'c'],
    ]);
    expect([...map]).toEqual([[1, 'c']]);
  });
});

describe('fromPlain', () => {
  it('leaves undefined members out', () => {
    expect([...(fromPlain({ a: 1, b: undefined }) as PyMap).keys()]).toEqual(['a']);
  });
});

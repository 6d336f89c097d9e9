import { anyValue, type Declaration, parseArguments } from '@edge-run/shared/schema';
import { float, PyMap } from '@edge-run/shared/values';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const declaration: Declaration = {
  name: 'a.b',
  summary: 'Takes what comes.',
  args: z.object({ rest: z.array(anyValue()).default([]).describe('Values.') }),
  rest: 'rest',
  examples: [],
};

describe('parseArguments', () => {
  it('keeps the values of a list of any values as they are', () => {
    const values = [1, float(2), new PyMap([['k', 'v']])];
    const { value } = parseArguments(declaration, { args: values, kwargs: new Map() });
    expect(value).toEqual({ rest: values });
    expect((value!.rest as unknown[])[2]).toBeInstanceOf(PyMap);
  });
});

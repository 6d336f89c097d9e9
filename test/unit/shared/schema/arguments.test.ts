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

  const wide: Declaration = {
    name: 'a.c',
    summary: 'Takes names for a template.',
    args: z.object({
      on: z.boolean().default(true).describe('Yes or no.'),
      text: z.string().optional().describe('A text.'),
      none: z.string().nullable().default('x').describe('A text, or nothing.'),
      needed: z.string().describe('A text.'),
      template: z.string().optional().describe('The engine.'),
      others: anyValue().optional().describe('Other names.'),
    }),
    keywords: 'others',
    keywordsWith: 'template',
    examples: [],
  };
  const parse = (kwargs: Record<string, string | number | boolean | null>) =>
    parseArguments(wide, { args: [], kwargs: new Map(Object.entries({ needed: 'x', ...kwargs })) });
  it('takes 1 and 0 for yes and no, and None for an argument that was not given', () => {
    expect(parse({ on: 0, text: null }).value).toEqual({ on: false, none: 'x', needed: 'x' });
    expect(parse({ on: null, none: null }).value).toEqual({ on: true, none: null, needed: 'x' });
    expect(parse({ on: 2 }).value).toBeUndefined();
    expect(parse({ needed: null }).value).toBeUndefined();
  });
  it('takes other names only beside the argument they belong to, and none that is nearly an argument', () => {
    expect(parse({ template: 'jinja', worker: 1 }).value).toMatchObject({ others: new PyMap([['worker', 1]]) });
    expect(parse({ worker: 1 }).diagnostics).toMatchObject([{ code: 'EDGE_UNKNOWN_ARGUMENT' }]);
    expect(parse({ template: 'jinja', tex: 1 }).diagnostics).toMatchObject([
      { detail: 'did you mean `text`? A name for the template goes below `context`.' },
    ]);
  });
});

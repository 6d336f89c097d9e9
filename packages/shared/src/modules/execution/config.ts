import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import type { PyMap, Value } from '../../values/index.ts';
import { defineRead, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { traverse } from './data-path.ts';

const sources = {
  omit_opts: z.boolean().default(false).describe('Leave the configuration out.'),
  omit_grains: z.boolean().default(false).describe('Leave the grains out.'),
  omit_pillar: z.boolean().default(false).describe('Leave the pillar out.'),
};

/** Values looked up in configuration, grains and pillar, in this order. */
export const configFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'config.get',
    summary: 'Answer a value of the configuration, else of the grains, else of the pillar, else a default.',
    args: z.object({
      key: z.string().describe('Path of keys, with colons.'),
      default: anyValue().default('').describe('Answer when nobody has it.'),
      delimiter: z.string().default(':').describe('What separates the parts of the path.'),
      ...sources,
    }),
    returns: 'The value.',
    examples: [{ title: 'the environment', args: { key: 'saltenv', default: 'base' } }],
    run: ({ key, default: fallback, delimiter, ...omit }, ctx) => {
      const found = firstFound(ctx, omit, (data) => traverse(data, key, delimiter));
      return Promise.resolve(found === undefined ? fallback : found);
    },
  }),
  defineRead({
    name: 'config.option',
    summary: 'Answer a value by a plain key from configuration, grains, pillar, or a default.',
    args: z.object({
      value: z.string().describe('The key.'),
      default: anyValue().default('').describe('Answer when nobody has it.'),
      ...sources,
    }),
    returns: 'The value.',
    examples: [],
    run: ({ value, default: fallback, ...omit }, ctx) => {
      const found = firstFound(ctx, omit, (data) => data.get(value));
      return Promise.resolve(found === undefined ? fallback : found);
    },
  }),
  defineRead({
    name: 'config.items',
    summary: 'Answer the whole configuration.',
    args: z.object({}),
    returns: 'A mapping.',
    examples: [],
    run: (_, { opts }) => Promise.resolve(opts),
  }),
];

/** The value of the first source that has one; nothing (null) is a value. */
function firstFound(
  { opts, facts, pillar }: ModuleContext,
  omit: { readonly omit_opts: boolean; readonly omit_grains: boolean; readonly omit_pillar: boolean },
  find: (data: PyMap) => Value | undefined,
): Value | undefined {
  const inOpts = omit.omit_opts ? undefined : find(opts);
  if (inOpts !== undefined) return inOpts;
  const inGrains = omit.omit_grains ? undefined : find(facts);
  // The pillar may be broken: it is looked into only when nobody else has the key.
  return inGrains !== undefined || omit.omit_pillar ? inGrains : find(pillar.data);
}

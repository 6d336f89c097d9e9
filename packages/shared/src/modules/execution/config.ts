import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import type { Value } from '../../values/index.ts';
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
    run: ({ key, default: fallback, delimiter, ...omit }, ctx) =>
      Promise.resolve(lookUp(ctx, key, delimiter, omit) ?? fallback),
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
    run: ({ value, default: fallback, ...omit }, { opts, facts, pillar }) => {
      const found =
        (omit.omit_opts ? undefined : opts.get(value)) ??
        (omit.omit_grains ? undefined : facts.get(value)) ??
        (omit.omit_pillar ? undefined : pillar.data.get(value));
      return Promise.resolve(found ?? fallback);
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

function lookUp(
  { opts, facts, pillar }: ModuleContext,
  key: string,
  delimiter: string,
  omit: { omit_opts: boolean; omit_grains: boolean; omit_pillar: boolean },
): Value | undefined {
  const found = omit.omit_opts ? undefined : traverse(opts, key, delimiter);
  return (
    found ??
    (omit.omit_grains ? undefined : traverse(facts, key, delimiter)) ??
    (omit.omit_pillar ? undefined : traverse(pillar.data, key, delimiter))
  );
}

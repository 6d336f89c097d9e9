import { z } from 'zod';
import { mergePillars } from '../../pillar/index.ts';
import { anyValue } from '../../schema/index.ts';
import { compileGlob } from '../../target/index.ts';
import { copyValue, PyMap, traverse, type Value } from '../../values/index.ts';
import { defineRead, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { CONFIG_DEFAULTS } from './config-defaults.ts';

const sources = {
  omit_opts: z.boolean().default(false).describe('Leave the configuration out.'),
  omit_grains: z.boolean().default(false).describe('Leave the grains out.'),
  omit_pillar: z.boolean().default(false).describe('Leave the pillar out.'),
  omit_master: z.boolean().default(false).describe('Leave out what the pillar says below `master`.'),
};

type Omissions = { readonly [name in keyof typeof sources]: boolean };
const NOTHING: Omissions = { omit_opts: true, omit_grains: true, omit_pillar: true, omit_master: true };

/** Values looked up in configuration, grains and pillar, in this order (Salt 3006 modules/config.py). */
export const configFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'config.get',
    summary: 'Answer a value of the configuration, else of the grains, the pillar, its `master` part, else a default.',
    args: z.object({
      key: z.string().describe('Path of keys, with colons.'),
      default: anyValue().default('').describe('Answer when nobody has it.'),
      delimiter: z.string().default(':').describe('What separates the parts of the path.'),
      merge: z
        .string()
        .nullable()
        .default(null)
        .describe('`recurse` or `overwrite`: look it up in all sources merged; what is omitted counts all the same.'),
      ...sources,
    }),
    returns: 'The value.',
    examples: [
      { title: 'the environment', args: { key: 'saltenv', default: 'base' } },
      { title: 'a mapping of all sources together', args: { key: 'app', merge: 'recurse' } },
    ],
    run: async ({ key, default: fallback, delimiter, merge, ...omit }, ctx) => {
      const searched = merge === null ? sourcesOf(ctx, omit) : [allMerged(ctx, strategyOf(merge, ctx))];
      return firstFound(searched, (data) => traverse(data, key, delimiter), fallback);
    },
  }),
  defineRead({
    name: 'config.option',
    summary: 'Answer a value by a plain key from configuration, grains, pillar, its `master` part, or a default.',
    args: z.object({
      value: z.string().describe('The key.'),
      default: anyValue().nullable().default(null).describe('Answer when nobody has it; empty where absent.'),
      ...sources,
      omit_all: z.boolean().default(false).describe("Look at Salt's built-in defaults only."),
      wildcard: z.boolean().default(false).describe('Take the key as a glob and answer a mapping of what matches.'),
    }),
    returns: 'The value; with `wildcard`, keys and their values.',
    examples: [{ title: 'every setting of redis', args: { value: 'redis.*', wildcard: true } }],
    run: async ({ value, default: given, omit_all, wildcard, ...omit }, ctx) => {
      const searched = sourcesOf(ctx, omit_all ? NOTHING : omit);
      if (!wildcard) return firstFound(searched, (data) => data.get(value), given ?? '');
      const found = matching(searched, value);
      return found.size > 0 ? found : (given ?? new PyMap());
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

/** Who is asked, in order. The pillar may be broken: it is looked into only when nobody before it has the key. */
function* sourcesOf({ opts, facts, pillar }: ModuleContext, omit: Omissions): Generator<PyMap> {
  if (!omit.omit_opts) yield opts;
  if (!omit.omit_grains) yield facts;
  if (!omit.omit_pillar) yield pillar.data;
  if (!omit.omit_master) yield masterPart(pillar.data);
  yield CONFIG_DEFAULTS;
}

/** The value of the first source that has one; null is a value. */
function firstFound(searched: Iterable<PyMap>, find: (data: PyMap) => Value | undefined, fallback: Value): Value {
  for (const data of searched) {
    const found = find(data);
    if (found !== undefined) return found;
  }
  return fallback;
}

/** Keys of text that match a glob; what an earlier source has stays. */
function matching(searched: Iterable<PyMap>, pattern: string): PyMap {
  const matches = compileGlob(pattern);
  const found = new PyMap();
  for (const data of searched) {
    for (const [key, value] of data) {
      if (typeof key === 'string' && matches(key) && !found.has(key)) found.set(key, value);
    }
  }
  return found;
}

/** All sources in one mapping, the configuration over grains over pillar; omissions do not count, as in Salt. */
function allMerged({ opts, facts, pillar }: ModuleContext, strategy: 'recurse' | 'overwrite'): PyMap {
  const mergeLists = opts.get('pillar_merge_lists') === true;
  const merged = [masterPart(pillar.data), pillar.data, facts, opts].reduce(
    (earlier, later) => mergePillars(earlier, later, { strategy, mergeLists }),
    CONFIG_DEFAULTS,
  );
  return copyValue(merged);
}

function strategyOf(merge: string, { log }: ModuleContext): 'recurse' | 'overwrite' {
  if (merge === 'recurse' || merge === 'overwrite') return merge;
  log.warn("config.get merges by 'recurse' or 'overwrite'; this merges by 'recurse'", { merge });
  return 'recurse';
}

function masterPart(pillar: PyMap): PyMap {
  const master = pillar.get('master');
  return master instanceof PyMap ? master : new PyMap();
}

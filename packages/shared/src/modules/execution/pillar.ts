import { z } from 'zod';
import { pillarGet } from '../../pillar/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, traverse, type Value } from '../../values/index.ts';
import { defineRead, type ExecutionModule } from '../contract/index.ts';
import { keysAt, traverseOr } from './data-path.ts';
import { filterBy } from './filter-by.ts';

const keyArg = z.string().describe('Path of keys, with colons: app:port.');
const delimiterArg = z.string().default(':').describe('What separates the parts of the path.');

/** The pillar of the host, as it was compiled for this job. */
export const pillarFunctions: readonly ExecutionModule[] = [
  ...(['pillar.get', 'pillar.fetch'] as const).map((name) =>
    defineRead({
      name,
      summary: 'Answer the value at a path of the pillar, or a default.',
      args: z.object({
        key: keyArg,
        default: anyValue().optional().describe('Answer when the path leads nowhere; an empty text where absent.'),
        merge: z.boolean().default(false).describe('Merge the value over the default.'),
        merge_nested_lists: z.boolean().optional().describe('With merge: join lists instead of replacing them.'),
        delimiter: delimiterArg,
        pillarenv: z.string().optional().describe('Accepted for Salt trees; the pillar is that of the job.'),
        saltenv: z.string().optional().describe('Accepted for Salt trees.'),
      }),
      returns: 'The value.',
      examples: [{ title: 'a port with a default', args: { key: 'app:port', default: 8080 } }],
      run: ({ key, default: fallback, merge, merge_nested_lists, delimiter }, { pillar, opts }) =>
        Promise.resolve(
          pillarGet(pillar.data, key, fallback, {
            merge,
            mergeNestedLists: merge_nested_lists ?? opts.get('pillar_merge_lists') === true,
            delimiter,
            raiseOnMissing: opts.get('pillar_raise_on_missing') === true,
          }),
        ),
    }),
  ),
  ...(['pillar.items', 'pillar.data', 'pillar.raw'] as const).map((name) =>
    defineRead({
      name,
      summary: 'Answer the whole pillar of the host.',
      args: z.object({ key: z.string().optional().describe('For raw: only this top-level key.') }),
      returns: 'A mapping; secrets stay sealed.',
      examples: [],
      run: ({ key }, { pillar }) =>
        Promise.resolve(key === undefined ? pillar.data : (pillar.data.get(key) ?? new PyMap())),
    }),
  ),
  defineRead({
    name: 'pillar.filter_by',
    summary: 'Choose from a mapping by a value of the pillar.',
    args: z.object({
      lookup_dict: anyValue().describe('Mapping of values (shell patterns allowed) to what is chosen.'),
      pillar: keyArg,
      merge: anyValue().optional().describe('Mapping merged over what was chosen.'),
      default: z.string().default('default').describe('Key chosen when no other fits.'),
      base: z.string().optional().describe('Key whose mapping lies under what was chosen.'),
    }),
    returns: 'What was chosen, or none.',
    examples: [],
    run: ({ lookup_dict, pillar: key, merge, default: fallback, base }, { pillar }) =>
      Promise.resolve(
        filterBy(traverse(pillar.data, key), { table: lookup_dict, merge, fallback, base }, 'pillar.filter_by'),
      ),
  }),
  defineRead({
    name: 'pillar.item',
    summary: 'Answer several values of the pillar.',
    args: z.object({
      keys: z.array(z.string()).default([]).describe('Paths of keys.'),
      default: anyValue().optional().describe('Answer for paths that lead nowhere.'),
      delimiter: delimiterArg,
    }),
    rest: 'keys',
    returns: 'A mapping of paths to values.',
    examples: [],
    run: ({ keys, default: fallback = '', delimiter }, { pillar }) =>
      Promise.resolve(
        new PyMap(keys.map((key): [Value, Value] => [key, traverseOr(pillar.data, key, fallback, delimiter)])),
      ),
  }),
  ...(['pillar.keys', 'pillar.ls'] as const).map((name) =>
    defineRead({
      name,
      summary: 'Answer the keys of the pillar, or of a mapping in it.',
      args: z.object({
        key: z.string().default('').describe('Path of a mapping; the pillar itself where absent.'),
        delimiter: delimiterArg,
      }),
      returns: 'A list of keys.',
      examples: [],
      run: ({ key, delimiter }, { pillar }) => Promise.resolve(keysAt(pillar.data, key, delimiter, 'pillar')),
    }),
  ),
  defineRead({
    name: 'pillar.exists',
    summary: 'Tell whether a path is in the pillar.',
    args: z.object({ key: keyArg, delimiter: delimiterArg }),
    returns: 'True or false.',
    examples: [],
    run: ({ key, delimiter }, { pillar }) => Promise.resolve(traverse(pillar.data, key, delimiter) !== undefined),
  }),
];

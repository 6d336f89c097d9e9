import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { copyValue, PyMap, type Value } from '../../values/index.ts';
import { defineRead, type ExecutionModule } from '../contract/index.ts';
import { mergeRecursive, updateInPlace } from '../text/index.ts';

const strategyArg = z
  .enum(['smart', 'aggregate', 'list', 'overwrite', 'recurse'])
  .default('smart')
  .describe('How mappings are merged.');

/** Merging of data, for templates. */
export const mergingFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'slsutil.merge',
    summary: 'Merge one mapping over another.',
    args: z.object({
      obj_a: anyValue().describe('The mapping below.'),
      obj_b: anyValue().describe('The mapping that wins.'),
      strategy: strategyArg,
      renderer: z.string().optional().describe('Accepted for Salt trees.'),
      merge_lists: z.boolean().default(false).describe('Join lists instead of replacing them.'),
    }),
    returns: 'The merged mapping.',
    examples: [],
    run: ({ obj_a, obj_b, strategy, merge_lists }) => Promise.resolve(merged(obj_a, obj_b, strategy, merge_lists)),
  }),
  defineRead({
    name: 'slsutil.merge_all',
    summary: 'Merge several mappings, each over those before it.',
    args: z.object({
      lst: anyValue().describe('List of mappings.'),
      strategy: strategyArg,
      merge_lists: z.boolean().default(false).describe('Join lists instead of replacing them.'),
    }),
    returns: 'The merged mapping.',
    examples: [],
    run: ({ lst, strategy, merge_lists }) =>
      Promise.resolve(
        (Array.isArray(lst) ? lst : []).reduce(
          (under, over) => merged(under, over, strategy, merge_lists),
          new PyMap() as Value,
        ),
      ),
  }),
  defineRead({
    name: 'slsutil.update',
    summary: 'Merge a mapping into another, level by level; the first itself is changed.',
    args: z.object({
      dest: anyValue().describe('The mapping below.'),
      upd: anyValue().describe('The mapping that wins.'),
      recursive_update: z.boolean().default(true).describe('False replaces top-level values whole.'),
      merge_lists: z.boolean().default(false).describe('Join lists instead of replacing them.'),
    }),
    returns: 'The merged mapping.',
    examples: [],
    run: ({ dest, upd, recursive_update, merge_lists }) =>
      Promise.resolve(recursive_update ? updateInPlace(dest, upd, merge_lists) : replaceInPlace(dest, upd)),
  }),
  ...(['defaults.merge', 'defaults.update'] as const).map((name) =>
    defineRead({
      name,
      summary:
        name === 'defaults.merge'
          ? 'Merge a mapping into another.'
          : 'Merge defaults under every value of a mapping of mappings.',
      args: z.object({
        dest: anyValue().describe('Mapping below; for update: the mapping of mappings.'),
        src: anyValue().describe('Mapping that wins; for update: the defaults.'),
        merge_lists: z
          .boolean()
          .default(name === 'defaults.update')
          .describe('Join lists instead of replacing them.'),
        in_place: z.boolean().default(true).describe('Change the first mapping itself; false leaves it alone.'),
        convert_none: z.boolean().default(true).describe('Take nothing for an empty mapping.'),
      }),
      returns: 'The merged mapping.',
      examples: [],
      run: ({ dest, src, merge_lists, in_place, convert_none }) => {
        const [under, over] = [dest, src].map((map) => (map === null && convert_none ? new PyMap() : map)) as [
          Value,
          Value,
        ];
        const changed = in_place ? under : copyValue(under);
        if (name === 'defaults.merge') return Promise.resolve(updateInPlace(changed, over, merge_lists));
        if (!(changed instanceof PyMap))
          throw new EdgeError('EDGE_BAD_ARGUMENT', 'defaults.update needs a mapping of mappings');
        for (const [key, value] of [...changed]) changed.set(key, updateInPlace(copyValue(over), value, merge_lists));
        return Promise.resolve(changed);
      },
    }),
  ),
  defineRead({
    name: 'defaults.deepcopy',
    summary: 'Answer a copy that shares nothing with its source.',
    args: z.object({ source: anyValue().describe('The data.') }),
    returns: 'The copy.',
    examples: [],
    run: ({ source }) => Promise.resolve(copyValue(source)),
  }),
];

function merged(under: Value, over: Value, strategy: string, mergeLists: boolean): Value {
  switch (strategy) {
    case 'overwrite':
      return under instanceof PyMap && over instanceof PyMap ? new PyMap([...under, ...over]) : over;
    case 'list':
      return listMerged(under, over);
    case 'aggregate':
      return mergeRecursive(under, over, true);
    default:
      return updateInPlace(copyValue(under), over, mergeLists);
  }
}

/** Strategy `list`: every key becomes the list of its values. */
function listMerged(under: Value, over: Value): Value {
  if (!(under instanceof PyMap) || !(over instanceof PyMap)) return over;
  const result = new PyMap(under);
  for (const [key, value] of over) result.set(key, result.has(key) ? [result.get(key)!, value] : value);
  return result;
}

function replaceInPlace(dest: Value, over: Value): Value {
  if (!(dest instanceof PyMap) || !(over instanceof PyMap))
    throw new EdgeError('EDGE_BAD_ARGUMENT', 'only mappings can be merged');
  for (const [key, value] of over) dest.set(key, value);
  return dest;
}

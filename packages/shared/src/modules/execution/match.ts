import { z } from 'zod';
import { EdgeError, requireCompiled } from '../../kernel/index.ts';
import type { TargetType } from '../../protocol/plain/index.ts';
import { anyValue } from '../../schema/index.ts';
import { matchTarget, parseTarget } from '../../target/index.ts';
import { copyValue, PyMap, toPlain, type Value } from '../../values/index.ts';
import { defineRead, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { updateInPlace } from '../text/index.ts';

const minionIdArg = z.string().optional().describe('Id to look at instead of that of the host.');
const delimiterArg = z.string().default(':').describe('What separates the parts of the path.');

/** The function of a type that asks for ids → whether another id may be given. */
const ID_TYPES = { compound: true, glob: true, list: true, pcre: true, ipcidr: false } as const;
const DATA_TYPES = ['grain', 'grain_pcre', 'pillar', 'pillar_pcre'] as const;

/** Types that `match.filter_by` and `match.search_by` may be told. */
const typeArg = z
  .enum([...(Object.keys(ID_TYPES) as (keyof typeof ID_TYPES)[]), ...DATA_TYPES])
  .default('compound')
  .describe('Type of the targets.');

/** Whether this host is among those that a target means. */
export const matchFunctions: readonly ExecutionModule[] = [
  ...Object.entries(ID_TYPES).map(([type, takesId]) =>
    defineRead({
      name: `match.${type}`,
      summary: `Tell whether a ${type} target means this host.`,
      args: z.object({
        tgt: targetArg(type),
        ...(takesId ? { minion_id: minionIdArg } : {}),
      }),
      returns: 'True or false; false for an empty target.',
      examples: [],
      run: ({ tgt, minion_id }: { tgt: Target; minion_id?: string | undefined }, ctx) =>
        Promise.resolve(isMeant(ctx, tgt, type as TargetType, { id: minion_id })),
    }),
  ),
  ...DATA_TYPES.map((type) =>
    defineRead({
      name: `match.${type}`,
      summary: `Tell whether a ${type} target means this host.`,
      args: z.object({ tgt: z.string().describe('Path and pattern: os:Debian.'), delimiter: delimiterArg }),
      returns: 'True or false; false for an empty target.',
      examples: [],
      run: ({ tgt, delimiter }, ctx) => Promise.resolve(isMeant(ctx, tgt, type, { delimiter })),
    }),
  ),
  defineRead({
    name: 'match.filter_by',
    summary: 'Choose from a mapping by the first of its keys that, read as a target, means this host.',
    args: z.object({
      lookup: anyValue().describe('Mapping of targets to what is chosen.'),
      tgt_type: typeArg,
      minion_id: minionIdArg,
      merge: anyValue().optional().describe('Mapping merged over what was chosen.'),
      merge_lists: z.boolean().default(false).describe('With merge: join lists instead of replacing them.'),
      default: z.string().default('default').describe('Key chosen when no other fits.'),
    }),
    returns: 'What was chosen, or none.',
    examples: [],
    run: ({ lookup, tgt_type, minion_id, merge, merge_lists, default: fallback }, ctx) => {
      const table = tableOf(lookup, 'match.filter_by');
      const key = [...table.keys()].find((target) => isMeant(ctx, String(target), tgt_type, { id: minion_id }));
      if (key === undefined) return Promise.resolve(table.get(fallback) ?? null);
      const chosen = table.get(key) ?? null;
      if (!(merge instanceof PyMap)) return Promise.resolve(chosen);
      return Promise.resolve(chosen === null ? merge : updateInPlace(chosen, copyValue(merge), merge_lists));
    },
  }),
  defineRead({
    name: 'match.search_by',
    summary: 'Answer the keys of a mapping whose targets mean this host.',
    args: z.object({
      lookup: anyValue().describe('Mapping of names to a target or a list of targets.'),
      tgt_type: typeArg,
      minion_id: minionIdArg,
    }),
    returns: 'A list of keys; none where no target fits.',
    examples: [],
    run: ({ lookup, tgt_type, minion_id }, ctx) => {
      const found = [...tableOf(lookup, 'match.search_by')]
        .filter(([, targets]) =>
          (Array.isArray(targets) ? targets : [targets]).some((target) =>
            isMeant(ctx, String(target), tgt_type, { id: minion_id }),
          ),
        )
        .map(([key]) => key);
      return Promise.resolve(found.length === 0 ? null : found);
    },
  }),
];

type Target = string | readonly string[];

/** Lists are words of a compound target, or ids. */
function targetArg(type: string): z.ZodType<Target> {
  const text = z.string();
  const given = type === 'compound' || type === 'list' ? z.union([text, z.array(text)]) : text;
  return given.describe(`Target of type ${type}.`) as z.ZodType<Target>;
}

/**
 * An empty target means nobody: it is what a pillar without the pattern gives, and only a question here, not a command.
 * @throws DiagnosticsError for a target that cannot be read
 */
function isMeant(
  ctx: ModuleContext,
  target: Target,
  type: TargetType,
  { id = ctx.host.id, delimiter = ':' }: { id?: string | undefined; delimiter?: string },
): boolean {
  if (target.length === 0) return false;
  const expression = requireCompiled(parseTarget(target, type, { delimiter }));
  // The pillar may be broken: only a target that asks for it looks into it.
  const subject = {
    id,
    grains: ctx.facts,
    get pillar() {
      return ctx.pillar.data;
    },
  };
  const groups = ctx.opts.get('nodegroups');
  return matchTarget(
    expression,
    subject,
    groups instanceof PyMap ? { nodegroups: toPlain(groups) as Record<string, string | string[]> } : {},
  );
}

function tableOf(lookup: Value, name: string): PyMap {
  if (lookup instanceof PyMap) return lookup;
  throw new EdgeError('EDGE_BAD_ARGUMENT', `${name} needs a mapping as lookup`);
}

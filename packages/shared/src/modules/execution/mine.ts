import { z } from 'zod';
import { EdgeError, errorMessage } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import {
  defineRead,
  defineWrite,
  type ExecutionModule,
  type MineEntry,
  type ModuleContext,
} from '../contract/index.ts';
import { type MineFunction, mergeMineFunctions, parseAllow, shownMineFunction } from './mine-functions.ts';

/** Data that hosts publish for each other. */
export const mineFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'mine.get',
    summary: 'Answer what other hosts published.',
    args: z.object({
      tgt: z.union([z.string(), z.array(z.string())]).describe('Target expression, or a list of ids.'),
      fun: z
        .union([z.string(), z.array(z.string())])
        .describe('Name of what was published; several with commas, or a list.'),
      tgt_type: z.string().default('glob').describe('Kind of the target expression.'),
      exclude_minion: z.boolean().default(false).describe('Leave this host out.'),
    }),
    returns: 'A mapping of ids to values; of several names, a mapping of names to such mappings.',
    examples: [{ title: 'addresses of the web servers', args: { tgt: 'web*', fun: 'network.ip_addrs' } }],
    async run({ tgt, fun, tgt_type, exclude_minion }, ctx) {
      const names = typeof fun === 'string' ? fun.split(',').map((name) => name.trim()) : fun;
      const type = Array.isArray(tgt) ? 'list' : tgt_type;
      const read = async (name: string): Promise<PyMap> => {
        const values = await ctx.mine.get(tgt, name, type);
        return exclude_minion ? new PyMap([...values].filter(([id]) => id !== ctx.host.id)) : values;
      };
      if (typeof fun === 'string' && names.length === 1) return read(names[0]!);
      const found = await Promise.all(names.map(async (name): Promise<[Value, PyMap]> => [name, await read(name)]));
      return new PyMap(found.filter(([, values]) => values.size > 0));
    },
  }),
  defineWrite({
    name: 'mine.update',
    summary: 'Run the functions of mine_functions and publish their answers.',
    args: z.object({
      clear: z.boolean().default(false).describe('Take back everything else this host published.'),
      mine_functions: anyValue().optional().describe('Instead of those of configuration and pillar.'),
    }),
    returns: 'True.',
    examples: [{ title: 'now', args: {} }],
    async run({ clear, mine_functions }, ctx) {
      const functions = mine_functions === undefined ? configured(ctx) : mergeMineFunctions([mine_functions]);
      const entries: MineEntry[] = [];
      for (const entry of functions) {
        // One that fails keeps none of the others from being published, as in Salt.
        try {
          entries.push(await evaluate(entry, ctx));
        } catch (error) {
          ctx.log.error(`mine: ${entry.alias} was not published: ${errorMessage(error)}`, { fun: entry.fun });
        }
      }
      if (entries.length > 0 || clear) await ctx.mine.update(entries, { replaceAll: clear });
      return true;
    },
  }),
  defineWrite({
    name: 'mine.send',
    summary: 'Run a function and publish its answer.',
    args: z.object({
      name: z.string().describe('The function, or the alias to publish under.'),
      args: z.array(anyValue()).default([]).describe('Positional arguments of the function.'),
      mine_function: z.string().optional().describe('The function, where `name` is an alias.'),
      allow_tgt: anyValue().optional().describe('Who may read it; everybody when absent.'),
      allow_tgt_type: z.string().optional().describe('Kind of `allow_tgt`; glob when absent.'),
      kwargs: anyValue().optional().describe('Keyword arguments of the function.'),
    }),
    rest: 'args',
    keywords: 'kwargs',
    returns: 'True; false when there is no such function.',
    failed: (answer) => answer === false,
    examples: [{ title: 'addresses', args: { name: 'network.ip_addrs' } }],
    async run({ name, args, mine_function, allow_tgt, allow_tgt_type, kwargs }, ctx) {
      const fun = mine_function ?? name;
      if (!ctx.hasFunction(fun)) return false;
      const allow = parseAllow(name, allow_tgt, allow_tgt_type);
      const named = kwargs instanceof PyMap ? [...kwargs].map(([key, value]) => [String(key), value] as const) : [];
      const entry = { alias: name, fun, args, kwargs: new Map(named), ...(allow === undefined ? {} : { allow }) };
      await ctx.mine.update([await evaluate(entry, ctx)], { replaceAll: false });
      return true;
    },
  }),
  defineWrite({
    name: 'mine.delete',
    summary: 'Take back one value this host published.',
    args: z.object({ fun: z.string().describe('Name of what was published.') }),
    returns: 'True.',
    examples: [{ title: 'addresses', args: { fun: 'network.ip_addrs' } }],
    async run({ fun }, { mine }) {
      await mine.remove([fun]);
      return true;
    },
  }),
  defineWrite({
    name: 'mine.flush',
    summary: 'Take back everything this host published.',
    args: z.object({}),
    returns: 'True.',
    examples: [{ title: 'all', args: {} }],
    async run(_, { mine }) {
      await mine.remove();
      return true;
    },
  }),
  defineRead({
    name: 'mine.valid',
    summary: 'Answer the functions of mine_functions that this host has.',
    args: z.object({}),
    returns: 'A mapping of names to arguments; of an alias, to its function and arguments.',
    examples: [{ title: 'all', args: {} }],
    run: (_, ctx) => {
      const known = configured(ctx).filter(({ fun }) => ctx.hasFunction(fun));
      return Promise.resolve(new PyMap(known.map((entry): [Value, Value] => [entry.alias, shownMineFunction(entry)])));
    },
  }),
];

/** Those of the configuration win over those of the pillar (Salt 3006, modules/config.py `merge`). */
function configured({ opts, pillar }: ModuleContext): readonly MineFunction[] {
  return mergeMineFunctions([pillar.data.get('mine_functions') ?? null, opts.get('mine_functions') ?? null]);
}

async function evaluate({ alias, fun, args, kwargs, allow }: MineFunction, ctx: ModuleContext): Promise<MineEntry> {
  if (fun.startsWith('mine.'))
    throw new EdgeError('EDGE_BAD_ARGUMENT', `${alias}: the mine cannot publish ${fun}`, { fun });
  const value = await ctx.call(fun, args, Object.fromEntries(kwargs));
  return { name: alias, value, ...(allow === undefined ? {} : { allow }) };
}

import { z } from 'zod';
import { defineRead, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { mustProbe } from '../operations/index.ts';

/** The environment that commands on the host are run with. */
export const environFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'environ.get',
    summary: 'Answer a variable of the environment, or a default.',
    args: z.object({
      key: z.string().describe('Name.'),
      default: z.string().default('').describe('Answer where it is not set.'),
    }),
    returns: 'A text.',
    examples: [{ title: 'where programs are', args: { key: 'PATH' } }],
    run: async ({ key, default: fallback }, ctx) => (await environmentOf(ctx)).get(key) ?? fallback,
  }),
  defineRead({
    name: 'environ.has_value',
    summary: 'Tell whether a variable of the environment is set, or has a value.',
    args: z.object({
      key: z.string().describe('Name.'),
      value: z.string().optional().describe('The value; any where absent.'),
    }),
    returns: 'True or false.',
    examples: [],
    run: async ({ key, value }, ctx) => {
      const found = (await environmentOf(ctx)).get(key);
      return found !== undefined && (value === undefined || value === found);
    },
  }),
  defineRead({
    name: 'environ.items',
    summary: 'Answer the whole environment.',
    args: z.object({}),
    returns: 'A mapping.',
    examples: [],
    run: async (_, ctx) => Object.fromEntries(await environmentOf(ctx)),
  }),
];

/** The environment that commands on the host are run with. */
export async function environmentOf({ host }: ModuleContext): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await mustProbe(host, ['env', '-0']);
  return new Map(
    stdout
      .split('\0')
      .filter((entry) => entry.includes('='))
      .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)] as const),
  );
}

import { dirname } from 'node:path/posix';
import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { EdgeError } from '../../kernel/index.ts';
import { dumpYaml } from '../../render/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, traverse, type Value } from '../../values/index.ts';
import { defineWrite, type ExecutionModule, type ModuleContext } from '../contract/index.ts';
import { readGrainsFile } from '../facts/index.ts';
import { makeDirectories } from '../operations/index.ts';
import { appendToGrain, editGrain, type GrainEdit, removeFromGrain } from '../text/index.ts';

const pathArg = z.string().describe('Path of keys, with colons: roles:web.');
const delimiterArg = z.string().default(':').describe('What separates the parts of the path.');
const destructiveArg = z.boolean().default(false).describe('Nothing as the value removes the key.');
const refreshArg = z
  .boolean()
  .default(true)
  .describe('Accepted for Salt trees: the pillar of the next job sees the grains.');

/** Functions that write the grains file; the grains are gathered anew afterwards, and the master is told. */
export const grainsWriteFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'grains.setvals',
    summary: 'Set several grains in the grains file.',
    args: z.object({
      grains: anyValue().describe('Mapping of names to values.'),
      destructive: destructiveArg,
      refresh_pillar: refreshArg,
    }),
    returns: 'The grains that were set.',
    examples: [{ title: 'two roles', args: { grains: new PyMap([['role', 'web']]) } }],
    run: ({ grains, destructive }, ctx) => {
      if (!(grains instanceof PyMap))
        throw new EdgeError('EDGE_BAD_ARGUMENT', 'setvals grains must be a dictionary.', {}, { hint: '{role: web}' });
      return writeGrains(ctx, grains, destructive);
    },
  }),
  defineWrite({
    name: 'grains.setval',
    summary: 'Set a grain in the grains file.',
    args: z.object({
      key: z.string().describe('Name of the grain; colons are part of it.'),
      val: anyValue().describe('Its value.'),
      destructive: destructiveArg,
      refresh_pillar: refreshArg,
    }),
    returns: 'The grain that was set.',
    examples: [{ title: 'a role', args: { key: 'role', val: 'web' } }],
    run: ({ key, val, destructive }, ctx) => writeGrains(ctx, new PyMap([[key, val]]), destructive),
  }),
  defineWrite({
    name: 'grains.set',
    summary: 'Set a grain, nested ones too, and refuse to replace lists and mappings unless forced.',
    args: z.object({
      key: pathArg,
      val: anyValue().default('').describe('Its value.'),
      force: z.boolean().default(false).describe('Replace a list or a mapping.'),
      destructive: destructiveArg,
      delimiter: delimiterArg,
    }),
    returns: 'A mapping of result, changes and comment.',
    examples: [{ title: 'a nested one', args: { key: 'app:tier', val: 'front' } }],
    failed: (answer) => answer instanceof PyMap && answer.get('result') === false,
    run: ({ key, val, ...options }, ctx) =>
      answered(ctx, editGrain(readerOf(ctx, options.delimiter), key, val, options), options),
  }),
  defineWrite({
    name: 'grains.append',
    summary: 'Add a value to a list in the grains file.',
    args: z.object({
      key: pathArg,
      val: anyValue().describe('What to add.'),
      convert: z.boolean().default(false).describe('Make a list of what is none.'),
      delimiter: delimiterArg,
    }),
    returns: 'The grain that was set, or why it was not.',
    examples: [{ title: 'one more role', args: { key: 'roles', val: 'web' } }],
    run: ({ key, val, ...options }, ctx) =>
      spoken(ctx, appendToGrain(readerOf(ctx, options.delimiter), key, val, options)),
  }),
  defineWrite({
    name: 'grains.remove',
    summary: 'Take a value out of a list in the grains file.',
    args: z.object({ key: pathArg, val: anyValue().describe('What to take out.'), delimiter: delimiterArg }),
    returns: 'The grain that was set, or why it was not.',
    examples: [{ title: 'one role less', args: { key: 'roles', val: 'web' } }],
    run: ({ key, val, delimiter }, ctx) => spoken(ctx, removeFromGrain(readerOf(ctx, delimiter), key, val, delimiter)),
  }),
  defineWrite({
    name: 'grains.delval',
    summary: 'Make a grain nothing in the grains file, or remove it.',
    args: z.object({
      key: pathArg,
      destructive: z.boolean().default(false).describe('Remove the key too.'),
      force: z.boolean().default(false).describe('Lists and mappings too.'),
    }),
    returns: 'A mapping of result, changes and comment.',
    examples: [{ title: 'no role', args: { key: 'role' } }],
    failed: (answer) => answer instanceof PyMap && answer.get('result') === false,
    run: ({ key, ...options }, ctx) => removeGrain(ctx, key, options),
  }),
  defineWrite({
    name: 'grains.delkey',
    summary: 'Remove a grain from the grains file.',
    args: z.object({ key: pathArg, force: z.boolean().default(false).describe('Lists and mappings too.') }),
    returns: 'A mapping of result, changes and comment.',
    examples: [{ title: 'no role', args: { key: 'role' } }],
    failed: (answer) => answer instanceof PyMap && answer.get('result') === false,
    run: ({ key, force }, ctx) => removeGrain(ctx, key, { force, destructive: true }),
  }),
];

/**
 * Writes grains into the grains file and has them gathered anew; null with `destructive` removes the name.
 * @throws EdgeError `EDGE_NOT_SUPPORTED` on a host without a grains file, `EDGE_CONFIG_INVALID` on a broken one
 */
export async function writeGrains(ctx: ModuleContext<Host>, grains: PyMap, destructive: boolean): Promise<PyMap> {
  const file = ctx.opts.get('grains_file');
  if (typeof file !== 'string')
    throw new EdgeError('EDGE_NOT_SUPPORTED', `${ctx.host.id} has no grains file`, {}, { hint: 'Set grains_file.' });
  const written = await readGrainsFile(ctx.host, file);
  for (const [key, value] of grains) {
    if (value === null && destructive) written.delete(key);
    else written.set(key, value);
  }
  await makeDirectories(ctx.host, dirname(file));
  await ctx.host.writeFile(file, new TextEncoder().encode(dumpYaml(written)), { mode: 0o644 });
  await ctx.refreshFacts?.();
  return grains;
}

function readerOf({ facts }: ModuleContext, delimiter = ':'): (path: string) => Value | undefined {
  return (path) => traverse(facts, path, delimiter);
}

function removeGrain(
  ctx: ModuleContext<Host>,
  key: string,
  options: { readonly force: boolean; readonly destructive: boolean },
): Promise<PyMap> {
  const all = { ...options, delimiter: ':' };
  return answered(ctx, editGrain(readerOf(ctx), key, null, all), all);
}

async function answered(
  ctx: ModuleContext<Host>,
  edit: GrainEdit,
  { destructive }: { readonly destructive: boolean },
): Promise<PyMap> {
  const changes = edit.kind === 'set' ? await writeEdit(ctx, edit, destructive) : new PyMap();
  return new PyMap([
    ['comment', edit.kind === 'set' ? '' : edit.comment],
    ['changes', changes],
    ['result', edit.kind !== 'refused'],
  ] as [Value, Value][]);
}

function spoken(ctx: ModuleContext<Host>, edit: GrainEdit): Promise<PyMap | string> {
  return edit.kind === 'set' ? writeEdit(ctx, edit, false) : Promise.resolve(edit.comment);
}

function writeEdit(
  ctx: ModuleContext<Host>,
  { key, value }: Extract<GrainEdit, { kind: 'set' }>,
  destructive: boolean,
): Promise<PyMap> {
  return writeGrains(ctx, new PyMap([[key, value]]), destructive);
}

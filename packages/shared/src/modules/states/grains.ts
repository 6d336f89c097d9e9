import { z } from 'zod';
import type { Host } from '../../host/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, traverse, type Value } from '../../values/index.ts';
import {
  type Change,
  changesOf,
  defineState,
  inSync,
  type ModuleContext,
  refused,
  type StateModule,
  type Verdict,
} from '../contract/index.ts';
import { writeGrains } from '../execution/grains-write.ts';
import { appendToGrain, editGrain, type GrainEdit, removeFromGrain } from '../text/index.ts';

const nameArg = z.string().describe('Path of keys, with colons.');
const delimiterArg = z.string().default(':').describe('What separates the parts of the path.');
const forceArg = z.boolean().default(false).describe('Replace or remove a list or a mapping.');

/** Grains that are kept in the grains file of the host. */
export const grainsStates: readonly StateModule[] = [
  defineState({
    name: 'grains.present',
    summary: 'Ensure a grain has a value.',
    effect: 'repair',
    args: z.object({
      name: nameArg,
      value: anyValue().describe('Its value.'),
      delimiter: delimiterArg,
      force: forceArg,
    }),
    examples: [{ title: 'a role', args: { name: 'role', value: 'web' } }],
    check: async ({ name, value, ...options }, ctx) =>
      verdictOf(
        ctx,
        name,
        editGrain(readerOf(ctx, options.delimiter), name, value, { ...options, destructive: false }),
      ),
  }),
  defineState({
    name: 'grains.exists',
    summary: 'Ensure a grain is there, whatever its value.',
    effect: 'repair',
    args: z.object({ name: nameArg, delimiter: delimiterArg }),
    examples: [{ title: 'a role', args: { name: 'role' } }],
    check: async ({ name, delimiter }, ctx) =>
      traverse(ctx.facts, name, delimiter) === undefined ? refused('Grain does not exist') : inSync('Grain exists'),
  }),
  defineState({
    name: 'grains.absent',
    summary: 'Ensure a grain is nothing, or not there at all.',
    effect: 'repair',
    args: z.object({
      name: nameArg,
      destructive: z.boolean().default(false).describe('Remove the key too.'),
      delimiter: delimiterArg,
      force: forceArg,
    }),
    examples: [{ title: 'no role', args: { name: 'role', destructive: true } }],
    async check({ name, ...options }, ctx) {
      const read = readerOf(ctx, options.delimiter);
      if (read(name) === undefined) return inSync(`Grain ${name} does not exist`);
      return verdictOf(ctx, name, editGrain(read, name, null, options), options.destructive);
    },
  }),
  defineState({
    name: 'grains.append',
    summary: 'Ensure a value is in a list grain.',
    effect: 'repair',
    args: z.object({
      name: nameArg,
      value: anyValue().describe('What the list is to hold.'),
      convert: z.boolean().default(false).describe('Make a list of what is none.'),
      delimiter: delimiterArg,
    }),
    examples: [{ title: 'one more role', args: { name: 'roles', value: 'web', convert: true } }],
    async check({ name, value, ...options }, ctx) {
      const read = readerOf(ctx, options.delimiter);
      if (read(name) === undefined) return refused(`Grain ${name} does not exist`);
      return verdictOf(ctx, name, appendToGrain(read, name, value, options));
    },
  }),
  ...(['present', 'absent'] as const).map((wanted) =>
    defineState({
      name: `grains.list_${wanted}`,
      summary: wanted === 'present' ? 'Ensure a list grain holds values.' : 'Ensure a list grain does not hold values.',
      effect: 'repair',
      args: z.object({
        name: nameArg,
        value: anyValue().describe('A value, or a list of them.'),
        delimiter: delimiterArg,
      }),
      examples: [{ title: 'a role', args: { name: 'roles', value: 'web' } }],
      async check({ name, value, delimiter }, ctx) {
        const read = readerOf(ctx, delimiter);
        if (wanted === 'absent' && read(name) === undefined) return inSync(`Grain ${name} does not exist`);
        return verdictOf(ctx, name, editList(read, name, Array.isArray(value) ? value : [value], delimiter, wanted));
      },
    }),
  ),
];

/** One edit after the other, each on what the one before left. */
function editList(
  read: (path: string) => Value | undefined,
  name: string,
  values: readonly Value[],
  delimiter: string,
  wanted: 'present' | 'absent',
): GrainEdit {
  let last: GrainEdit = { kind: 'same', comment: `Grain ${name} is as it should be` };
  let now = read;
  for (const value of values) {
    const edit =
      wanted === 'present'
        ? appendToGrain(now, name, value, { convert: false, delimiter })
        : removeFromGrain(now, name, value, delimiter);
    if (edit.kind === 'refused') return edit;
    if (edit.kind === 'same') continue;
    last = edit;
    const top = new PyMap([[edit.key, edit.value]]);
    now = (path) => traverse(top, path, delimiter);
  }
  return last;
}

function readerOf({ facts }: ModuleContext, delimiter: string): (path: string) => Value | undefined {
  return (path) => traverse(facts, path, delimiter);
}

function verdictOf(ctx: ModuleContext, name: string, edit: GrainEdit, destructive = false): Verdict {
  if (edit.kind === 'refused') return refused(edit.comment);
  if (edit.kind === 'same') return inSync(edit.comment);
  const { key, value } = edit;
  const change: Change = {
    what: value === null && destructive ? `grain ${name}: absent` : `grain ${name}: set`,
    before: ctx.facts.get(key) ?? null,
    after: value,
    changes: { grains: new PyMap([[key, value]]) },
    async apply(writer: ModuleContext<Host>) {
      await writeGrains(writer, new PyMap([[key, value]]), destructive);
      return undefined;
    },
  };
  return changesOf(change);
}

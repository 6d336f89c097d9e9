import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, traverse, type Value, valuesEqual } from '../../values/index.ts';
import { defineRead, type ExecutionModule } from '../contract/index.ts';
import { keysAt, traverseOr } from './data-path.ts';
import { filterBy } from './filter-by.ts';

const keyArg = z.string().describe('Path of keys, with colons: ip_interfaces:eth0.');
const delimiterArg = z.string().default(':').describe('What separates the parts of the path.');

/** The facts of the host. */
export const grainsFunctions: readonly ExecutionModule[] = [
  defineRead({
    name: 'grains.get',
    summary: 'Answer the value at a path of the grains, or a default.',
    args: z.object({
      key: keyArg,
      default: anyValue().default('').describe('Answer when the path leads nowhere.'),
      delimiter: delimiterArg,
      ordered: z.boolean().default(true).describe('Accepted for Salt trees; mappings always keep their order.'),
    }),
    returns: 'The value.',
    examples: [{ title: 'the operating system', args: { key: 'os' } }],
    run: ({ key, default: fallback, delimiter }, { facts }) =>
      Promise.resolve(traverseOr(facts, key, fallback, delimiter)),
  }),
  defineRead({
    name: 'grains.items',
    summary: 'Answer all grains.',
    args: z.object({ sanitize: z.boolean().default(false).describe('Hide serial numbers and the name of the host.') }),
    returns: 'A mapping.',
    examples: [],
    run: ({ sanitize }, { facts }) => {
      const hidden = ['serialnumber', 'domain', 'fqdn', 'id', 'host', 'localhost', 'nodename', 'mac', 'server_id'];
      if (!sanitize) return Promise.resolve(facts);
      return Promise.resolve(
        new PyMap(
          [...facts].map(([key, value]): [Value, Value] => [key, hidden.includes(String(key)) ? '*'.repeat(8) : value]),
        ),
      );
    },
  }),
  defineRead({
    name: 'grains.item',
    summary: 'Answer several grains.',
    args: z.object({
      keys: z.array(z.string()).default([]).describe('Paths of keys.'),
      default: anyValue().default('').describe('Answer for paths that lead nowhere.'),
      delimiter: delimiterArg,
    }),
    rest: 'keys',
    returns: 'A mapping of paths to values.',
    examples: [],
    run: ({ keys, default: fallback, delimiter }, { facts }) =>
      Promise.resolve(new PyMap(keys.map((key): [Value, Value] => [key, traverseOr(facts, key, fallback, delimiter)]))),
  }),
  ...(['grains.ls', 'grains.keys'] as const).map((name) =>
    defineRead({
      name,
      summary: 'Answer the names of the grains.',
      args: z.object({
        key: z.string().default('').describe('Path of a mapping; all grains where absent.'),
        delimiter: delimiterArg,
      }),
      returns: 'A list of names.',
      examples: [],
      run: ({ key, delimiter }, { facts }) => Promise.resolve(keysAt(facts, key, delimiter, 'grains')),
    }),
  ),
  defineRead({
    name: 'grains.has_value',
    summary: 'Tell whether a grain is there.',
    args: z.object({ key: keyArg }),
    returns: 'True or false.',
    examples: [],
    run: ({ key }, { facts }) => Promise.resolve(traverse(facts, key) !== undefined),
  }),
  defineRead({
    name: 'grains.equals',
    summary: 'Tell whether a grain has a value.',
    args: z.object({ key: keyArg, value: anyValue().describe('The value.') }),
    returns: 'True or false.',
    examples: [],
    run: ({ key, value }, { facts }) => {
      const found = traverse(facts, key);
      return Promise.resolve(found !== undefined && (valuesEqual(found, value) || String(found) === String(value)));
    },
  }),
  defineRead({
    name: 'grains.filter_by',
    summary: 'Choose from a mapping by the value of a grain.',
    args: z.object({
      lookup_dict: anyValue().describe('Mapping of values of the grain (shell patterns allowed) to what is chosen.'),
      grain: z.string().default('os_family').describe('The grain.'),
      merge: anyValue().optional().describe('Mapping merged over what was chosen.'),
      default: z.string().default('default').describe('Key chosen when no other fits.'),
      base: z.string().optional().describe('Key whose mapping lies under what was chosen.'),
    }),
    returns: 'What was chosen, or none.',
    examples: [{ title: 'the name of a package', args: { lookup_dict: null, grain: 'os_family' } }],
    run: ({ lookup_dict, grain, merge, default: fallback, base }, { facts }) =>
      Promise.resolve(
        filterBy(traverse(facts, grain), { table: lookup_dict, merge, fallback, base }, 'grains.filter_by'),
      ),
  }),
];

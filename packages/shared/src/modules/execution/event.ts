import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { defineRead, defineWrite, type ExecutionModule } from '../contract/index.ts';

const tagArg = z.string().describe('Tag, parts separated by slashes: app/deployed.');

/** Events of the host, and data hosts publish for each other. */
export const eventFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'event.send',
    summary: 'Send an event onto the bus.',
    args: z.object({
      tag: tagArg,
      data: anyValue().optional().describe('Mapping sent with it.'),
      with_grains: z
        .union([z.boolean(), z.array(z.string())])
        .default(false)
        .describe('Add all grains, or those named.'),
      with_pillar: z
        .union([z.boolean(), z.array(z.string())])
        .default(false)
        .describe('Add the pillar, or keys of it.'),
      kwargs: anyValue().optional().describe('Further keyword arguments become data.'),
    }),
    keywords: 'kwargs',
    returns: 'True.',
    examples: [{ title: 'a deployment is done', args: { tag: 'app/deployed' } }],
    async run({ tag, data, with_grains, with_pillar, kwargs }, { events, facts, pillar }) {
      const sent = new PyMap([...entries(data), ...entries(kwargs).filter(([key]) => !String(key).startsWith('__'))]);
      if (with_grains !== false) sent.set('grains', picked(facts, with_grains));
      if (with_pillar !== false) sent.set('pillar', picked(pillar.data, with_pillar));
      await events.send(tag, sent);
      return true;
    },
  }),
  ...(['event.fire', 'event.fire_master'] as const).map((name) =>
    defineWrite({
      name,
      summary: 'Send an event onto the bus; data first.',
      args: z.object({ data: anyValue().describe('Mapping sent with it.'), tag: tagArg }),
      returns: 'True.',
      examples: [],
      async run({ data, tag }, { events }) {
        await events.send(tag, data);
        return true;
      },
    }),
  ),
  defineRead({
    name: 'mine.get',
    summary: 'Answer what other hosts published for everybody.',
    args: z.object({
      tgt: z.string().describe('Target expression.'),
      fun: z
        .union([z.string(), z.array(z.string())])
        .describe('Name the data was published under; several make a mapping.'),
      tgt_type: z.string().default('glob').describe('Kind of the target expression.'),
      exclude_minion: z.boolean().default(false).describe('Leave this host out.'),
    }),
    returns: 'A mapping of ids to data.',
    examples: [{ title: 'addresses of the databases', args: { tgt: 'db*', fun: 'network.ip_addrs' } }],
    async run({ tgt, fun, tgt_type, exclude_minion }, { mine, host }) {
      const get = async (name: string): Promise<PyMap> => {
        const found = await mine.get(tgt, name, tgt_type);
        return exclude_minion ? new PyMap([...found].filter(([id]) => id !== host.id)) : found;
      };
      if (typeof fun === 'string') return await get(fun);
      const several = new PyMap();
      for (const name of fun) several.set(name, await get(name));
      return several;
    },
  }),
];

function entries(value: Value | undefined): [Value, Value][] {
  if (value === undefined || value === null) return [];
  return value instanceof PyMap ? [...value] : [['data', value]];
}

function picked(map: PyMap, which: true | readonly string[]): PyMap {
  return which === true ? map : new PyMap([...map].filter(([key]) => which.includes(String(key))));
}

import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap, type Value } from '../../values/index.ts';
import { defineWrite, type ExecutionModule } from '../contract/index.ts';

const tagArg = z.string().describe('Tag, parts separated by slashes: app/deployed.');

/** Events of the host. */
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
];

function entries(value: Value | undefined): [Value, Value][] {
  if (value === undefined || value === null) return [];
  return value instanceof PyMap ? [...value] : [['data', value]];
}

function picked(map: PyMap, which: true | readonly string[]): PyMap {
  return which === true ? map : new PyMap([...map].filter(([key]) => which.includes(String(key))));
}

import { deadline } from '@edge-run/shared/kernel';
import { decodeValue, PyMap, type Value } from '@edge-run/shared/values';
import { z } from 'zod';
import { defineStep, type StepAnswer } from '../step-kind.ts';

/** Waits until an event came from, or about, everybody on a list (Salt 3006 `saltmod.wait_for_event`). */
export const saltWaitForEvent = defineStep({
  name: 'salt.wait_for_event',
  summary: 'Waits until an event has come for each id of a list.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('Tag of the event; `*` and `?` as in a glob.'),
    id_list: z
      .union([z.string(), z.array(z.string())])
      .describe('The ids to wait for: a list, or ids with commas between.'),
    event_id: z.string().default('id').describe('Key of the event data that holds the id.'),
    timeout: z.number().default(300).describe('Seconds until the step fails.'),
    node: z.string().default('master').describe('Accepted for Salt trees: events are always those of the whole bus.'),
  }),
  examples: [{ title: 'a host reports itself', args: { name: 'salt/minion/*/start', id_list: ['web1'] } }],

  async plan(args) {
    return { result: null, changes: new PyMap(), comment: `Orchestration would wait for event '${args.name}'` };
  },

  async run(args, ctx): Promise<StepAnswer> {
    const missing = new Set(
      typeof args.id_list === 'string' ? args.id_list.split(',').map((id) => id.trim()) : args.id_list,
    );
    const limit = deadline(args.timeout * 1000, `waiting for ${args.name}`, ctx.signal);
    const seen: string[] = [];
    const tag = globPattern(args.name);
    try {
      for await (const event of await ctx.ports.events.listen(limit.signal)) {
        if (!tag.test(event.tag)) continue;
        const id = idOf(decodeValue(event.data), args.event_id);
        if (id === undefined || !missing.delete(id)) continue;
        seen.push(id);
        ctx.report('event', `${event.tag}: ${id}`, id);
        if (missing.size === 0) {
          return {
            result: true,
            changes: new PyMap([['minions_seen', [...seen]]]),
            comment: 'All events seen in the time allowed.',
          };
        }
      }
    } finally {
      limit.dispose();
    }
    const comment = `Timeout value reached: no event ${args.name} for ${[...missing].join(', ')} within ${args.timeout} s.`;
    return {
      result: false,
      changes: seen.length === 0 ? new PyMap() : new PyMap([['minions_seen', [...seen]]]),
      comment,
    };
  },
});

function idOf(data: Value, key: string): string | undefined {
  const id = data instanceof PyMap ? data.get(key) : undefined;
  return typeof id === 'string' ? id : undefined;
}

function globPattern(glob: string): RegExp {
  const source = [...glob].map((char) =>
    char === '*' ? '.*' : char === '?' ? '.' : char.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'),
  );
  return new RegExp(`^${source.join('')}$`, 's');
}

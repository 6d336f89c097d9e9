import { z } from 'zod';
import { anyValue } from '../../schema/index.ts';
import { PyMap } from '../../values/index.ts';
import { changesOf, defineState, type StateModule, type Verdict } from '../contract/index.ts';

/** States that do something each time: events. */
export const actionStates: readonly StateModule[] = [
  defineState({
    name: 'event.send',
    summary: 'Send an event onto the bus.',
    effect: 'action',
    args: z.object({
      name: z.string().describe('Tag, parts separated by slashes.'),
      data: anyValue().optional().describe('Mapping sent with it.'),
      with_grains: z.boolean().default(false).describe('Add all grains.'),
      show_changed: z.boolean().default(true).describe('Count as a change.'),
    }),
    examples: [{ title: 'a deployment is done', args: { name: 'app/deployed' } }],
    check: (args) => Promise.resolve(eventVerdict(args)),
    onWatch: (args) => Promise.resolve(eventVerdict(args)),
  }),
];

function eventVerdict({
  name,
  data,
  with_grains,
  show_changed,
}: {
  name: string;
  data?: unknown;
  with_grains: boolean;
  show_changed: boolean;
}): Verdict {
  return changesOf({
    what: `event ${name}: sent`,
    before: null,
    after: name,
    verb: 'send',
    changes: { tag: name, data: data ?? null },
    async apply({ events, facts }) {
      const sent = new PyMap(data instanceof PyMap ? data : []);
      if (with_grains) sent.set('grains', facts);
      await events.send(name, sent);
      return { changes: show_changed ? { tag: name, data: sent } : {}, result: true, comment: 'Event fired' };
    },
  });
}

import { z } from 'zod';
import { step } from './step.ts';

/** Waits until an event came from, or about, everybody on a list (Salt 3006 `saltmod.wait_for_event`). */
export const saltWaitForEventStep = step({
  name: 'salt.wait_for_event',
  summary: 'Waits until an event has come for each id of a list.',
  afterCrash: 'rerun',
  args: z.object({
    name: z.string().describe('Tag of the event; a glob.'),
    id_list: z
      .union([z.string(), z.array(z.union([z.string(), z.number()]))])
      .describe('The ids to wait for: a list, or ids with commas between.'),
    event_id: z.string().default('id').describe('Key of the event data that holds the id.'),
    timeout: z.number().default(300).describe('Seconds until the step fails.'),
    node: z.string().default('master').describe('Accepted for Salt trees: events are always those of the whole bus.'),
  }),
  examples: [{ title: 'a host reports itself', args: { name: 'salt/minion/*/start', id_list: ['web1'] } }],
});

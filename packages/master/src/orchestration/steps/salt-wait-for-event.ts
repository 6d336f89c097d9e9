import { saltWaitForEventStep } from '@edge-run/shared/protocol';
import { decodeValue, PyMap, type Value } from '@edge-run/shared/values';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { limitOf } from './event-limit.ts';

/** Waits until an event came from, or about, everybody on a list (Salt 3006 `saltmod.wait_for_event`). */
export const saltWaitForEvent = defineStep({
  ...saltWaitForEventStep,

  async plan(args) {
    const ids = typeof args.id_list === 'string' ? args.id_list : args.id_list.join(', ');
    const waitsFor = `event ${args.name} of ${ids}, at most ${args.timeout} s`;
    const comment = `Orchestration would wait for event '${args.name}'`;
    return { result: null, changes: new PyMap(), comment, foreseen: { effect: 'nothing', waitsFor } };
  },

  async run(args, ctx): Promise<StepAnswer> {
    const missing =
      typeof args.id_list === 'string' ? args.id_list.split(',').map((id) => id.trim()) : [...args.id_list];
    const wait = limitOf(args.timeout * 1000, ctx);
    const seen: Id[] = [];
    try {
      const wanted = { glob: args.name, since: ctx.eventsSince };
      for await (const event of await ctx.ports.events.listen(wait.signal, wanted)) {
        const id = idOf(decodeValue(event.data), args.event_id);
        const index = id === undefined ? -1 : missing.indexOf(id);
        if (id === undefined || index < 0) continue;
        missing.splice(index, 1);
        if (!seen.includes(id)) seen.push(id);
        ctx.report('event', `${event.tag}: ${id}`, String(id));
        if (missing.length === 0) {
          return {
            result: true,
            changes: new PyMap([['minions_seen', seen]]),
            comment: 'All events seen in the time allowed.',
          };
        }
      }
    } finally {
      wait.end();
    }
    const comment = `Timeout value reached: no event ${args.name} for ${missing.join(', ')} within ${args.timeout} s.`;
    return {
      result: false,
      changes: seen.length === 0 ? new PyMap() : new PyMap([['minions_seen', seen]]),
      comment,
    };
  },
});

type Id = string | number;

/** Who an event is about; hosts put what they send below `data`. */
function idOf(data: Value, key: string): Id | undefined {
  if (!(data instanceof PyMap)) return undefined;
  const inner = data.get('data');
  const id = data.get(key) ?? (inner instanceof PyMap ? inner.get(key) : undefined);
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}

import { waitUntilEventStep } from '@edge-run/shared/protocol';
import { decodeValue, PyMap, traverse, type Value, valuesEqual } from '@edge-run/shared/values';
import { defineStep, type StepAnswer } from '../step-kind.ts';
import { limitOf } from './event-limit.ts';
import { wouldWait } from './waiting.ts';

/** Waits until an event has come, whoever it is about. */
export const waitUntilEvent = defineStep({
  ...waitUntilEventStep,

  plan: async (args) => wouldWait(`an event ${args.name} has come`),

  async run(args, ctx): Promise<StepAnswer> {
    const wait = limitOf(args.deadline * 1000, ctx);
    let others = 0;
    try {
      const wanted = { glob: args.name, since: ctx.eventsSince };
      for await (const event of await ctx.ports.events.listen(wait.signal, wanted)) {
        const data = decodeValue(event.data);
        if (holds(data, args.where)) {
          const seen = new PyMap([
            ['tag', event.tag],
            ['data', data],
          ]);
          return { result: true, changes: new PyMap([['event', seen]]), comment: `The event ${event.tag} has come.` };
        }
        others += 1;
        ctx.report('event', `${event.tag}: other data`);
      }
    } finally {
      wait.end();
    }
    ctx.signal.throwIfAborted();
    const besides = others === 0 ? '' : `; ${others} of that tag had other data`;
    const comment = `No event ${args.name} as expected came within ${args.deadline} s${besides}.`;
    return { result: false, changes: new PyMap(), comment };
  },
});

/** True when all that `where` names is so, in the data of the event or below its `data`, where hosts put theirs. */
function holds(data: Value, where: Value | undefined): boolean {
  if (!(where instanceof PyMap)) return true;
  const inner = data instanceof PyMap ? data.get('data') : undefined;
  return [...where].every(([path, wanted]) =>
    [data, inner].some((place) => {
      const found = place === undefined ? undefined : traverse(place, String(path));
      return found !== undefined && valuesEqual(found, wanted);
    }),
  );
}

import { z } from 'zod';
import { EdgeError } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap } from '../../values/index.ts';
import { type Change, changesOf, defineState, type StateModule, type Verdict } from '../contract/index.ts';
import { awaitHttp, httpArgs, httpProblem, queryHttp } from '../execution/http.ts';

const { url: _, ...questionArgs } = httpArgs;
const named = { name: httpArgs.url, ...questionArgs };

/** States that do something each time: events, questions over HTTP. */
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
  defineState({
    name: 'http.query',
    summary: 'Ask over HTTP and fail unless the answer is as expected.',
    effect: 'action',
    args: z.object(named),
    examples: [{ title: 'is it healthy?', args: { name: 'http://127.0.0.1:8080/health', status: 200 } }],
    check: ({ name, ...args }) =>
      Promise.resolve(
        changesOf({
          what: `${args.method} ${name}`,
          before: null,
          after: args.status ?? 'an answer',
          ...askVerb(args.method),
          async apply({ host, signal }) {
            const answer = await queryHttp({ url: name, ...args }, host, signal);
            const problem = httpProblem(args, answer);
            return {
              changes: args.method === 'GET' ? {} : { status: answer.status },
              result: problem === undefined,
              comment: problem ?? `Status ${answer.status}`,
            };
          },
        }),
      ),
  }),
  defineState({
    name: 'http.wait_for_successful_query',
    summary: 'Ask over HTTP until the answer is as expected.',
    effect: 'action',
    args: z.object({
      ...named,
      wait_for: z.coerce.number().positive().default(300).describe('Seconds to go on asking.'),
      request_interval: z.coerce.number().min(0.05).default(1).describe('Seconds between two questions.'),
    }),
    examples: [],
    check: ({ name, wait_for, request_interval, ...args }) =>
      Promise.resolve(
        changesOf({
          what: `${args.method} ${name} until it is as expected`,
          before: null,
          after: args.status ?? 'an answer',
          ...askVerb(args.method),
          async apply({ host, signal }) {
            const patience = { waitForS: wait_for, intervalS: request_interval };
            try {
              const { status } = await awaitHttp({ url: name, ...args }, patience, host, signal);
              return { changes: {}, result: true, comment: `Status ${status}` };
            } catch (error) {
              if (error instanceof EdgeError && error.code === 'EDGE_DEADLINE')
                return { changes: {}, result: false, comment: error.message };
              throw error;
            }
          },
        }),
      ),
  }),
];

/** A question that changes nothing, as far as HTTP says; anything else is sent. */
function askVerb(method: string): Pick<Change, 'verb' | 'changes'> {
  return /^(GET|HEAD|OPTIONS)$/i.test(method) ? { verb: 'ask', changes: {} } : { verb: 'send' };
}

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

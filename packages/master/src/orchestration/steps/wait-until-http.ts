import { EdgeError } from '@edge-run/shared/kernel';
import { httpProblem, queryHttp } from '@edge-run/shared/modules/execution';
import { waitUntilHttpStep } from '@edge-run/shared/protocol';
import { defineStep } from '../step-kind.ts';
import { type Look, waitUntil, wouldWait } from './waiting.ts';

const SHOWN_CHARACTERS = 300;

/** Asks over HTTP, on the master, until the answer is as expected. */
export const waitUntilHttp = defineStep({
  ...waitUntilHttpStep,

  plan: async (args) => wouldWait(`${args.name} answers as expected`),

  async run(args, ctx) {
    const { name, status, status_type, match, match_type, method, data, header_dict, timeout } = args;
    const expected = { status, status_type, match, match_type };
    const look = async (): Promise<Look> => {
      const from = ctx.ports.clock.now();
      try {
        const answer = await queryHttp(
          { url: name, method: method.toUpperCase(), data, header_dict, timeout },
          ctx.signal,
        );
        const problem = httpProblem(expected, answer);
        const body = answer.body.trim().slice(0, SHOWN_CHARACTERS);
        const seen = `${answer.status} in ${ctx.ports.clock.now() - from} ms${body === '' ? '' : `: ${body}`}`;
        return { isGood: problem === undefined, seen: problem === undefined ? seen : `${problem}; ${seen}` };
      } catch (error) {
        if (!(error instanceof EdgeError) || ctx.signal.aborted) throw error;
        return { isGood: false, seen: error.message };
      }
    };
    return (await waitUntil(args, name, look, ctx)).answer;
  },
});

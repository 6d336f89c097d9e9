import { readFile } from 'node:fs/promises';
import { EdgeError, errorMessage } from '@edge-run/shared/kernel';
import { httpProblem, queryHttp } from '@edge-run/shared/modules/execution';
import { waitUntilHttpStep } from '@edge-run/shared/protocol';
import { defineStep } from '../step-kind.ts';
import { type Look, waitUntil, wouldWait } from './waiting.ts';

const SHOWN_CHARACTERS = 300;

/** What is read of the master itself. @throws EdgeError `EDGE_BAD_ARGUMENT` */
const MASTER_FILES = {
  async readFile(path: string): Promise<Uint8Array> {
    try {
      return await readFile(path);
    } catch (cause) {
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        `\`ca_bundle\` cannot be read: ${errorMessage(cause)}`,
        { path },
        { cause, hint: 'It is a path on the master.' },
      );
    }
  },
};

/** Asks over HTTP, on the master, until the answer is as expected. */
export const waitUntilHttp = defineStep({
  ...waitUntilHttpStep,

  plan: async (args) => wouldWait(`${args.name} answers as expected`),

  async run(args, ctx) {
    const { name, status, status_type, match, match_type } = args;
    const { method, data, header_dict, timeout, verify_ssl, ca_bundle } = args;
    const expected = { status, status_type, match, match_type };
    const look = async (): Promise<Look> => {
      const from = ctx.ports.clock.now();
      try {
        const asked = { url: name, method: method.toUpperCase(), data, header_dict, timeout, verify_ssl, ca_bundle };
        const answer = await queryHttp(asked, MASTER_FILES, ctx.signal);
        const problem = httpProblem(expected, answer);
        const body = answer.body.trim().slice(0, SHOWN_CHARACTERS);
        const seen = `${answer.status} in ${ctx.ports.clock.now() - from} ms${body === '' ? '' : `: ${body}`}`;
        return { isGood: problem === undefined, seen: problem === undefined ? seen : `${problem}; ${seen}` };
      } catch (error) {
        const isAnswer = error instanceof EdgeError && error.code !== 'EDGE_BAD_ARGUMENT';
        if (!isAnswer || ctx.signal.aborted) throw error;
        return { isGood: false, seen: error.message };
      }
    };
    return (await waitUntil(args, name, look, ctx)).answer;
  },
});

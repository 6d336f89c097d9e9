import { z } from 'zod';
import { EdgeError, errorMessage } from '../../kernel/index.ts';
import { PyMap } from '../../values/index.ts';
import { CodedAnswer, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { askHttp, type HttpAnswer } from '../providers/http.ts';
import { shownAddress } from '../providers/http-failure.ts';
import { expectedStatus, httpArgs, waitArgs } from './http-arguments.ts';
import { decodedBody, type Expected, httpProblem, requirePatterns } from './http-judge.ts';
import { type Asked, askUntil, dialOf, readQuestion } from './http-question.ts';

const schema = z.object({
  ...httpArgs,
  status: z
    .union([z.boolean(), expectedStatus])
    .optional()
    .describe('Status expected: a number, a list of them, or with status_type pcre an expression. True expects none.'),
  headers: z.boolean().default(true).describe('False leaves the headers of the answer out.'),
  text: z.boolean().default(false).describe('Answer the body as `text` too, as Salt does.'),
});
type FunctionArgs = z.output<typeof schema>;

/** Questions over HTTP from where the module runs. */
export const httpFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'http.query',
    summary: 'Ask over HTTP.',
    args: schema,
    returns: 'A mapping of status, headers, body, and dict with decode.',
    examples: [{ title: 'is it healthy?', args: { url: 'http://127.0.0.1:8080/health', status: 200 } }],
    async run(args, { host, signal }) {
      requirePatterns(args);
      const { question } = await readQuestion(args, host);
      let answer: HttpAnswer;
      try {
        answer = await askHttp(question, signal, dialOf(host));
      } catch (error) {
        if (args.raise_error || signal.aborted) throw error;
        return new CodedAnswer(new PyMap([['error', errorMessage(error)]]), 1);
      }
      const problem = httpProblem(args, answer);
      return new CodedAnswer(shown(args, answer), problem === undefined ? 0 : 1);
    },
  }),
  defineWrite({
    name: 'http.wait_for_successful_query',
    summary: 'Ask over HTTP again and again until the answer is as expected.',
    args: z.object({ ...schema.shape, ...waitArgs }),
    returns: 'The answer that was as expected.',
    examples: [{ title: 'until it is healthy', args: { url: 'http://127.0.0.1:8080/health', status: 200 } }],
    async run({ wait_for: waitForS, request_interval: intervalS, ...args }, { host, signal }) {
      requirePatterns(args);
      const ready = await readQuestion(args, host);
      const isEnough = (answer: HttpAnswer): boolean => httpProblem(args, answer) === undefined;
      const asked = await askUntil(ready, isEnough, { waitForS, intervalS }, { host, signal });
      if (asked.kind === 'answer' && isEnough(asked.answer)) return shown(args, asked.answer);
      throw notAsExpected(shownAddress(args.url), waitForS, ready.redactor.text(problemOf(args, asked)));
    },
  }),
];

/** How much of a body is worth repeating in an error. */
const SHOWN_BODY_CHARACTERS = 300;

/** What was wrong with the last of several questions, with the beginning of its answer. */
function problemOf(expected: Expected, asked: Asked): string {
  if (asked.kind === 'none') return asked.error.message;
  return `${httpProblem(expected, asked.answer) ?? 'as expected too late'}; last answer: ${answerText(asked.answer)}`;
}

/** An answer in a few words: `503 starting`. */
export function answerText({ status, body }: HttpAnswer): string {
  return `${status} ${body.trim().slice(0, SHOWN_BODY_CHARACTERS)}`.trim();
}

function notAsExpected(address: string, waitForS: number, problem: string): EdgeError {
  return new EdgeError(
    'EDGE_DEADLINE',
    `${address} was not as expected within ${waitForS} s: ${problem}`,
    { url: address },
    { hint: 'Look at the service, or raise wait_for.' },
  );
}

function shown(args: FunctionArgs, answer: HttpAnswer): Record<string, unknown> {
  const { status, headers, body } = answer;
  const dict = args.decode ? decodedBody(args, answer) : undefined;
  return {
    status,
    ...(args.headers ? { headers } : {}),
    body,
    ...(args.text ? { text: body } : {}),
    ...(dict === undefined ? {} : { dict }),
  };
}

import { z } from 'zod';
import { type EdgeError, errorMessage } from '../../kernel/index.ts';
import { fromPlain, type Redactor, type Value } from '../../values/index.ts';
import { type ApplyOutcome, type Change, defineState, type StateModule, type Verdict } from '../contract/index.ts';
import { answerText } from '../execution/http.ts';
import { expectedStatus, httpArgs, waitArgs } from '../execution/http-arguments.ts';
import { decodedBody, judgeAnswer, requirePatterns } from '../execution/http-judge.ts';
import { type Asked, answerOrNone, askUntil, readQuestion } from '../execution/http-question.ts';
import type { HttpAnswer } from '../providers/http.ts';
import { shownAddress } from '../providers/http-failure.ts';

/** Of a longer body the return of a state keeps the beginning; what is compared is all of it. */
const KEPT_BODY_CHARACTERS = 64 * 1024;
/** A body that is decoded is kept as a whole, in the journal of a run too. */
const MAX_DECODED_CHARACTERS = 1024 * 1024;

const { url: name, ...questionArgs } = httpArgs;
const asked = {
  name,
  ...questionArgs,
  status: expectedStatus
    .optional()
    .describe('Status expected: a number, a list of them, or with status_type pcre an expression.'),
  headers: z.boolean().default(false).describe('Keep the headers of the answer in `data`.'),
  text: z.boolean().default(true).describe('Accepted as in Salt; the text is always in `data`.'),
};
type StateArgs = z.output<z.ZodObject<typeof asked>>;

/** An answer that nothing is expected of says nothing (Salt 3006 states/http.py, query). */
const EXPECTS_NOTHING = {
  error: 'Either match text (match) or a status code (status) is required.',
  path: ['status'],
};
const expectsSomething = ({ match, status }: Pick<StateArgs, 'match' | 'status'>): boolean =>
  match !== undefined || status !== undefined;

/** States that ask over HTTP. */
export const httpStates: readonly StateModule[] = [
  defineState({
    name: 'http.query',
    summary: 'Ask over HTTP and fail unless the answer is as expected.',
    effect: 'action',
    args: z
      .object({
        ...asked,
        wait_for: z.coerce
          .number()
          .positive()
          .optional()
          .describe('Seconds to go on asking while nobody answers, or the answer is an error.'),
        request_interval: waitArgs.request_interval,
      })
      .refine(expectsSomething, EXPECTS_NOTHING),
    examples: [
      { title: 'is it healthy?', args: { name: 'http://127.0.0.1:8080/health', status: 200 } },
      {
        title: 'tell the chat',
        args: {
          name: 'https://chat.example.org/hooks/deploy',
          method: 'POST',
          header_file: '/etc/edge/chat.headers',
          data: { text: 'deployed' },
          status: [200, 201],
        },
      },
    ],
    async check({ wait_for: waitForS, request_interval: intervalS, ...args }) {
      requirePatterns(args);
      return asking({
        ...questionOf(args, ''),
        async apply({ host, signal }) {
          const ready = await readQuestion({ url: args.name, ...args }, host);
          const isAnswered = (answer: HttpAnswer): boolean => answer.status < 400 || judgeAnswer(args, answer).isGood;
          const end =
            waitForS === undefined
              ? await answerOrNone(ready.question, host, signal)
              : await askUntil(ready, isAnswered, { waitForS, intervalS }, { host, signal });
          return outcomeOf(args, end, { redactor: ready.redactor });
        },
      });
    },
  }),
  defineState({
    name: 'http.wait_for_successful_query',
    summary: 'Ask over HTTP until the answer is as expected.',
    effect: 'action',
    args: z.object({ ...asked, ...waitArgs }).refine(expectsSomething, EXPECTS_NOTHING),
    examples: [
      { title: 'until it is healthy', args: { name: 'http://127.0.0.1:8080/health', status: 200, wait_for: 30 } },
    ],
    async check({ wait_for: waitForS, request_interval: intervalS, ...args }) {
      requirePatterns(args);
      return asking({
        ...questionOf(args, ' until it is as expected'),
        async apply({ host, signal }) {
          const ready = await readQuestion({ url: args.name, ...args }, host);
          const isEnough = (answer: HttpAnswer): boolean => judgeAnswer(args, answer).isGood;
          const end = await askUntil(ready, isEnough, { waitForS, intervalS }, { host, signal });
          return outcomeOf(args, end, { redactor: ready.redactor, waitedS: waitForS });
        },
      });
    },
  }),
];

/** The question, with what a run that only looks says of it. */
function asking(change: Change): Verdict {
  return { kind: 'changes', changes: [change], comment: `would ask: ${change.what} (TEST MODE)` };
}

/** What a plan shows of a question: nothing is sent for it. */
function questionOf({ method, name: url, status, match }: StateArgs, until: string): Omit<Change, 'apply'> {
  const what = `${method} ${shownAddress(url)}${until}`;
  return { what, before: null, after: status ?? match, ...askVerb(method) };
}

/** A question that changes nothing, as far as HTTP says; anything else is sent. */
function askVerb(method: string): Pick<Change, 'verb' | 'changes'> {
  return isLook(method) ? { verb: 'ask', changes: {} } : { verb: 'send' };
}

function isLook(method: string): boolean {
  return /^(GET|HEAD|OPTIONS)$/.test(method);
}

interface Circumstances {
  readonly redactor: Redactor;
  /** How long was asked, where somebody waited. */
  readonly waitedS?: number;
}

/** The end of a state: Salt's comment, what is wrong where something is, and the answer as `data`. */
function outcomeOf(args: StateArgs, end: Asked, { redactor, waitedS }: Circumstances): ApplyOutcome {
  const answer = end.kind === 'answer' ? end.answer : undefined;
  const { isGood, comment } = judgeAnswer(args, answer);
  const reasons = [comment];
  if (!isGood && waitedS !== undefined)
    reasons.push(`${shownAddress(args.name)} was not as expected within ${waitedS} s.`);
  if (end.kind === 'none') reasons.push(told(end.error));
  else if (!isGood) reasons.push(`Last answer: ${answerText(end.answer)}`);
  const { data, problem } = answer === undefined ? noData(end) : dataOf(args, answer);
  if (isGood && problem !== undefined) reasons.push(problem);
  return {
    changes: answer === undefined || isLook(args.method) ? {} : { status: answer.status },
    result: isGood && problem === undefined,
    comment: redactor.text(reasons.join(' ')),
    data: redactor.value(fromPlain(data)),
  };
}

function noData(end: Asked): { readonly data: object; readonly problem?: undefined } {
  return { data: { status: 0, ...(end.kind === 'none' ? { error: end.error.message } : {}) } };
}

function dataOf(args: StateArgs, answer: HttpAnswer): { readonly data: object; readonly problem?: string } {
  const { status, headers, body } = answer;
  const kept = body.slice(0, KEPT_BODY_CHARACTERS);
  const data = {
    ...{ body: kept, text: kept, status },
    ...(kept.length < body.length ? { truncated: true } : {}),
    ...(args.headers ? { headers } : {}),
  };
  if (!args.decode) return { data };
  if (body.length > MAX_DECODED_CHARACTERS)
    return { data, problem: `The answer has ${body.length} characters, too many for \`dict\`: leave decode out.` };
  try {
    const dict: Value | undefined = decodedBody(args, answer);
    return { data: dict === undefined ? data : { ...data, dict } };
  } catch (error) {
    return { data, problem: told(error as EdgeError) };
  }
}

function told(error: EdgeError): string {
  return [errorMessage(error), error.hint].filter((text) => text !== undefined).join('\n');
}

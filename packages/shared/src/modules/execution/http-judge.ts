import { EdgeError } from '../../kernel/index.ts';
import { fromPlain, type Value } from '../../values/index.ts';
import type { HttpAnswer } from '../providers/http.ts';
import { deserializeData, pythonRegex } from '../text/index.ts';
import type { HttpArgs } from './http-arguments.ts';

/** What an answer is to be. */
export type Expected = Pick<HttpArgs, 'match' | 'match_type'> & {
  readonly status_type: HttpArgs['status_type'];
  /** True and false say only whether the status is wanted in the answer, as in Salt. */
  readonly status?: number | string | boolean | readonly (number | string)[] | undefined;
};

/** What about an answer is not as expected; without expectations a status of 400 and more is. */
export function httpProblem(expected: Expected, { status, body }: HttpAnswer): string | undefined {
  const wanted = statusesOf(expected);
  const isStatus =
    wanted.length === 0 ? expected.match !== undefined || status < 400 : statusFound(expected, status) !== undefined;
  if (!isStatus) return `Status ${status} was not ${wanted.join(' or ') || 'below 400'}`;
  if (expected.match === undefined || holdsMatch(expected, body)) return undefined;
  return `Match text "${expected.match}" was not found`;
}

/** Refuses an expression that is none, before anything is sent. @throws EdgeError `EDGE_BAD_ARGUMENT` */
export function requirePatterns(expected: Expected): void {
  if (expected.match_type === 'pcre' && expected.match !== undefined) pythonRegex(expected.match);
  if (expected.status_type === 'pcre') for (const status of statusesOf(expected)) pythonRegex(String(status));
}

/**
 * How an answer compares, in Salt's words (Salt 3006 states/http.py, query). The text of an error counts only where that
 * status is expected. Undefined stands for no answer.
 */
export function judgeAnswer(
  expected: Expected,
  answer: HttpAnswer | undefined,
): { readonly isGood: boolean; readonly comment: string } {
  const comments: string[] = [];
  let isGood = answer !== undefined;
  const say = (isFound: boolean, text: string): void => {
    comments.push(text);
    isGood &&= isFound;
  };
  const { match, match_type: matchType } = expected;
  const wanted = statusesOf(expected);
  if (match !== undefined) {
    const isError = wanted.length === 0 && answer !== undefined && answer.status >= 400;
    const isFound = answer !== undefined && !isError && holdsMatch(expected, answer.body);
    say(isFound, `Match ${matchType === 'pcre' ? 'pattern' : 'text'} "${match}" was ${isFound ? '' : 'not '}found.`);
    if (isError) comments.push(`The answer is an error: status ${answer.status}.`);
  }
  if (wanted.length > 0) {
    const found = answer === undefined ? undefined : statusFound(expected, answer.status);
    const isPattern = expected.status_type === 'pcre';
    if (found !== undefined) say(true, `Status ${isPattern ? `pattern "${found}"` : found} was found.`);
    else if (wanted.length > 1) say(false, `Statuses [${wanted.map(listed).join(', ')}] were not found.`);
    else say(false, `Status ${isPattern ? `pattern "${wanted[0]}"` : wanted[0]} was not found.`);
  }
  return { isGood, comment: comments.join(' ') };
}

/** What the body of an answer says; undefined for plain text. @throws EdgeError `EDGE_BAD_ARGUMENT` when it is not of that kind */
export function decodedBody(
  { decode_type: given }: Pick<HttpArgs, 'decode_type'>,
  answer: HttpAnswer,
): Value | undefined {
  const type = given === 'auto' ? typeOf(answer.headers['content-type'] ?? 'json') : given;
  if (type === 'plain') return undefined;
  try {
    return type === 'json' ? fromPlain(JSON.parse(answer.body)) : deserializeData(answer.body, 'yaml');
  } catch (cause) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `the answer is not ${type.toUpperCase()}`,
      {},
      { hint: 'Leave decode out, or say what it is with `decode_type`.', cause },
    );
  }
}

function typeOf(contentType: string): 'json' | 'yaml' | 'plain' {
  if (contentType.includes('json')) return 'json';
  return contentType.includes('yaml') ? 'yaml' : 'plain';
}

function statusesOf({ status }: Expected): readonly (number | string)[] {
  if (status === undefined || typeof status === 'boolean') return [];
  return typeof status === 'object' ? status : [status];
}

/** The expectation that a status fulfils. */
function statusFound(expected: Expected, status: number): number | string | undefined {
  return statusesOf(expected).find((wanted) =>
    expected.status_type === 'pcre'
      ? pythonRegex(String(wanted)).test(String(status))
      : String(wanted) === String(status),
  );
}

function holdsMatch({ match = '', match_type: type }: Expected, body: string): boolean {
  return type === 'pcre' ? body.search(pythonRegex(match)) !== -1 : body.includes(match);
}

/** As Python prints it in a list. */
function listed(status: number | string): string {
  return typeof status === 'number' ? String(status) : `'${status}'`;
}

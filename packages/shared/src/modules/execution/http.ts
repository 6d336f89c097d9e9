import { z } from 'zod';
import type { HostReader } from '../../host/index.ts';
import { EdgeError, errorMessage, systemClock } from '../../kernel/index.ts';
import { anyValue } from '../../schema/index.ts';
import { PyMap, toPlain, type Value } from '../../values/index.ts';
import { CodedAnswer, defineWrite, type ExecutionModule } from '../contract/index.ts';
import { askHttp, type HttpAnswer, type TlsChecks } from '../providers/http.ts';
import { pythonRegex } from '../text/index.ts';

/** Arguments of a question over HTTP, in Salt's order. */
export const httpArgs = {
  url: z
    .string()
    .regex(/^https?:\/\//, 'not an http address')
    .describe('Address.'),
  method: z
    .string()
    .default('GET')
    .transform((method) => method.toUpperCase())
    .describe('GET, POST, PUT, …'),
  params: anyValue().optional().describe('Mapping added to the address as a query.'),
  data: anyValue().optional().describe('Body: a text, or a mapping sent as JSON.'),
  header_dict: anyValue().optional().describe('Mapping of headers.'),
  username: z.string().optional().describe('User of basic authentication.'),
  password: z.string().optional().describe('Password of basic authentication.'),
  timeout: z.coerce.number().positive().default(60).describe('Seconds.'),
  verify_ssl: z.boolean().default(true).describe('False takes any certificate of the server.'),
  ca_bundle: z
    .string()
    .optional()
    .describe('File of certificates in PEM to trust in place of the usual ones, on the host.'),
  decode: z.boolean().default(false).describe('Read the body as JSON into `dict`.'),
  text: z.boolean().default(true).describe('Answer the body as text.'),
  status: z
    .union([z.number(), z.string()])
    .optional()
    .describe('Status expected: a number, or with status_type pcre an expression.'),
  status_type: z.enum(['string', 'pcre']).default('string').describe('How status is compared.'),
  match: z.string().optional().describe('Text, or expression, the body must hold.'),
  match_type: z.enum(['string', 'pcre']).default('string').describe('How match is compared.'),
  raise_error: z.boolean().default(true).describe('False answers `error` where nobody answers, instead of failing.'),
};
const schema = z.object(httpArgs);
/** A question over HTTP as it was asked. */
export type HttpArgs = z.output<typeof schema>;

/** Questions over HTTP from where the module runs. */
export const httpFunctions: readonly ExecutionModule[] = [
  defineWrite({
    name: 'http.query',
    summary: 'Ask over HTTP.',
    args: schema,
    returns: 'A mapping of status, headers, body, and dict with decode.',
    examples: [{ title: 'is it healthy?', args: { url: 'http://127.0.0.1:8080/health', status: 200 } }],
    async run(args, { host, signal }) {
      let answer: HttpAnswer;
      try {
        answer = await queryHttp(args, host, signal);
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
    args: z.object({
      ...httpArgs,
      wait_for: z.coerce.number().positive().default(300).describe('Seconds to go on asking.'),
      request_interval: z.coerce.number().min(0.05).default(1).describe('Seconds between two questions.'),
    }),
    returns: 'The answer that was as expected.',
    examples: [],
    run: async (args, { host, signal }) =>
      shown(args, await awaitHttp(args, { waitForS: args.wait_for, intervalS: args.request_interval }, host, signal)),
  }),
];

/** How much of a body is worth repeating in an error. */
const SHOWN_BODY_CHARACTERS = 300;

/** What of a question goes over the wire. */
type HttpQuestionArgs = Pick<HttpArgs, 'url' | 'method' | 'timeout'> &
  Partial<Pick<HttpArgs, 'params' | 'data' | 'header_dict' | 'username' | 'password' | 'verify_ssl' | 'ca_bundle'>>;

/** Where the files that a question names are read. */
type Reader = Pick<HostReader, 'readFile'>;

/** Asks once; `ca_bundle` is read on `host`. @throws EdgeError `EDGE_HOST_UNREACHABLE`, `EDGE_DEADLINE` */
export async function queryHttp(args: HttpQuestionArgs, host: Reader, signal: AbortSignal): Promise<HttpAnswer> {
  const url = new URL(args.url);
  if (args.params instanceof PyMap)
    for (const [key, value] of args.params) url.searchParams.append(String(key), plainText(value));
  const headers = Object.fromEntries(
    args.header_dict instanceof PyMap
      ? [...args.header_dict].map(([key, value]) => [String(key), plainText(value)])
      : [],
  );
  const isData = args.data instanceof PyMap || Array.isArray(args.data);
  if (isData) headers['content-type'] ??= 'application/json';
  if (args.username !== undefined)
    headers.authorization = `Basic ${Buffer.from(`${args.username}:${args.password ?? ''}`).toString('base64')}`;
  const body =
    args.data === undefined || args.data === null
      ? undefined
      : isData
        ? JSON.stringify(toPlain(args.data))
        : plainText(args.data);
  return await askHttp(
    {
      ...{ url: String(url), method: args.method, headers, body, timeoutMs: args.timeout * 1000 },
      tls: await tlsOf(args, host),
    },
    signal,
  );
}

async function tlsOf(
  { verify_ssl: verify = true, ca_bundle: bundle }: HttpQuestionArgs,
  host: Reader,
): Promise<TlsChecks | undefined> {
  if (verify && bundle === undefined) return undefined;
  return { verify, ca: bundle === undefined ? undefined : Buffer.from(await host.readFile(bundle)).toString('utf8') };
}

/** Asks until the answer is as expected. @throws EdgeError `EDGE_DEADLINE` with what was wrong last */
export async function awaitHttp(
  args: HttpArgs,
  { waitForS, intervalS }: { readonly waitForS: number; readonly intervalS: number },
  host: Reader,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const giveUpAt = systemClock.now() + waitForS * 1000;
  for (;;) {
    let problem: string;
    try {
      const answer = await queryHttp(args, host, signal);
      const wrong = httpProblem(args, answer);
      if (wrong === undefined) return answer;
      problem = `${wrong}; last answer: ${answer.status} ${answer.body.trim().slice(0, SHOWN_BODY_CHARACTERS)}`;
    } catch (error) {
      if (!(error instanceof EdgeError) || signal.aborted) throw error;
      problem = error.message;
    }
    if (systemClock.now() + intervalS * 1000 > giveUpAt)
      throw new EdgeError(
        'EDGE_DEADLINE',
        `${args.url} was not as expected within ${waitForS} s: ${problem}`,
        { url: args.url },
        { hint: 'Look at the service, or raise wait_for.' },
      );
    await systemClock.sleep(intervalS * 1000, signal);
  }
}

/** What about an answer is not as expected; without expectations a status of 400 and more is. */
export function httpProblem(
  args: Pick<HttpArgs, 'status' | 'status_type' | 'match' | 'match_type'>,
  { status, body }: HttpAnswer,
): string | undefined {
  const isStatus =
    args.status === undefined
      ? args.match !== undefined || status < 400
      : args.status_type === 'pcre'
        ? String(status).search(pythonRegex(String(args.status))) === 0
        : String(args.status) === String(status);
  if (!isStatus) return `Status ${status} was not ${args.status ?? 'below 400'}`;
  if (args.match === undefined) return undefined;
  const isMatch = args.match_type === 'pcre' ? body.search(pythonRegex(args.match)) !== -1 : body.includes(args.match);
  return isMatch ? undefined : `Match text "${args.match}" was not found`;
}

function shown({ decode, text }: HttpArgs, { status, headers, body }: HttpAnswer): Record<string, unknown> {
  return { status, headers, ...(text ? { body } : {}), ...(decode ? { dict: decoded(body) } : {}) };
}

function decoded(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch (cause) {
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `the answer is not JSON: ${body.slice(0, 200)}`,
      {},
      { hint: 'Leave decode out.', cause },
    );
  }
}

function plainText(value: Value): string {
  return typeof value === 'string' ? value : String(toPlain(value));
}

import type { HostReader } from '../../host/index.ts';
import { EdgeError, Secret, systemClock } from '../../kernel/index.ts';
import { PyMap, Redactor, toPlain, type Value } from '../../values/index.ts';
import { askHttp, type HttpAnswer, type HttpQuestion, type TlsOptions } from '../providers/http.ts';
import { shownAddress } from '../providers/http-failure.ts';
import type { HttpQuestionArgs } from './http-arguments.ts';

/** The host a question comes from: its files are read, and it opens the connection where it can. */
export type AskingHost = Pick<HostReader, 'readFile' | 'connect'>;

/** A question ready to be asked. */
export interface ReadyQuestion {
  readonly question: HttpQuestion;
  /** Knows the passwords and keys that are sent. */
  readonly redactor: Redactor;
}

/** Headers that prove who asks. */
const SECRET_HEADER = /auth|token|secret|cookie|password|key/i;
const FORM = /^application\/x-www-form-urlencoded\b/i;

/** The question that arguments make, with the files they name read on `host`. @throws EdgeError `EDGE_BAD_ARGUMENT` and what reading gives */
export async function readQuestion(args: HttpQuestionArgs, host: AskingHost): Promise<ReadyQuestion> {
  const redactor = new Redactor();
  const url = addressOf(args);
  const headers = await headersOf(args, host);
  login(args, url, headers, redactor);
  for (const [name, value] of headers) if (SECRET_HEADER.test(name)) learnHeader(redactor, value);
  const body = await bodyOf(args, headers, host);
  if (body !== undefined && /^(GET|HEAD)$/.test(args.method))
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `a ${args.method} carries no data`,
      {},
      { hint: 'Say `method: POST`, or put it into `params`.' },
    );
  const tls = await tlsOf(args, host);
  const { method, timeout } = args;
  const question = { method, url: String(url), headers: Object.fromEntries(headers), body, tls };
  return { question: { ...question, timeoutMs: timeout * 1000 }, redactor };
}

/** Asks once. @throws EdgeError as `readQuestion` and `askHttp` do */
export async function queryHttp(args: HttpQuestionArgs, host: AskingHost, signal: AbortSignal): Promise<HttpAnswer> {
  const { question } = await readQuestion(args, host);
  return await askHttp(question, signal, dialOf(host));
}

/** How the last of several questions went. */
export type Asked =
  | { readonly kind: 'answer'; readonly answer: HttpAnswer }
  /** Nobody answered. */
  | { readonly kind: 'none'; readonly error: EdgeError };

/** How long to go on asking. */
export interface AskingPatience {
  readonly waitForS: number;
  readonly intervalS: number;
}

/** A question that was given less than this and not answered says nothing about the service. */
const TELLING_MS = 1_000;

/**
 * Asks until an answer is `isEnough` or the time is over; no question goes on beyond that time. Answers the last, or the
 * one before where the last had hardly any time.
 */
export async function askUntil(
  { question }: ReadyQuestion,
  isEnough: (answer: HttpAnswer) => boolean,
  { waitForS, intervalS }: AskingPatience,
  { host, signal }: { readonly host: AskingHost; readonly signal: AbortSignal },
): Promise<Asked> {
  const giveUpAt = systemClock.now() + waitForS * 1000;
  let last: Asked | undefined;
  for (;;) {
    const leftMs = Math.max(1, giveUpAt - systemClock.now());
    const timeoutMs = Math.min(question.timeoutMs, leftMs);
    const asked = await answerOrNone({ ...question, timeoutMs }, host, signal);
    const isTelling = asked.kind === 'answer' || timeoutMs >= Math.min(question.timeoutMs, TELLING_MS);
    last = isTelling || last === undefined ? asked : last;
    const isDone = asked.kind === 'answer' && isEnough(asked.answer);
    if (isDone || systemClock.now() + intervalS * 1000 > giveUpAt) return last;
    await systemClock.sleep(intervalS * 1000, signal);
  }
}

/** Asks once; that nobody answers is an answer too. */
export async function answerOrNone(question: HttpQuestion, host: AskingHost, signal: AbortSignal): Promise<Asked> {
  try {
    return { kind: 'answer', answer: await askHttp(question, signal, dialOf(host)) };
  } catch (error) {
    const isNone = error instanceof EdgeError && error.code !== 'EDGE_NOT_SUPPORTED';
    if (!isNone || signal.aborted) throw error;
    return { kind: 'none', error };
  }
}

/** What opens the connection: the host, where it can. */
export function dialOf(host: AskingHost): AskingHost['connect'] {
  return host.connect === undefined ? undefined : (address) => host.connect!(address);
}

function addressOf({ url: text, params }: HttpQuestionArgs): URL {
  if (!URL.canParse(text))
    throw new EdgeError(
      'EDGE_BAD_ARGUMENT',
      `not an address: ${shownAddress(text)}`,
      {},
      { hint: 'An address is http://HOST:PORT/PATH.' },
    );
  const url = new URL(text);
  const added =
    params instanceof PyMap
      ? pairsOf(params)
      : new URLSearchParams(params === undefined || params === null ? '' : plainText(params));
  for (const [key, value] of added) url.searchParams.append(key, value);
  return url;
}

async function headersOf(
  { header_dict: dict, header_list: list = [], header_file: file, agent }: HttpQuestionArgs,
  host: AskingHost,
): Promise<Headers> {
  const headers = new Headers();
  const set = (name: string, value: string): void => {
    try {
      headers.set(name.trim(), value.trim());
    } catch {
      // The message of the error has the value in it.
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        `the header ${name} cannot be sent`,
        {},
        { hint: 'Names are letters, digits and dashes; values are one line of Latin letters.' },
      );
    }
  };
  const kept = file === undefined ? [] : (await readText(host, file)).split(/\r?\n/).filter((line) => line.trim());
  for (const line of [...kept, ...list]) {
    const colon = line.indexOf(':');
    if (colon < 1)
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        'a header has no colon',
        {},
        { hint: 'Headers of `header_list` and `header_file` are written `Name: value`.' },
      );
    set(line.slice(0, colon), line.slice(colon + 1));
  }
  if (dict instanceof PyMap) for (const [name, value] of dict) set(String(name), plainText(value));
  if (agent !== undefined) set('user-agent', agent);
  return headers;
}

/** Basic authentication by the arguments, or by the address, which may not be sent with a login in it. */
function login({ username, password }: HttpQuestionArgs, url: URL, headers: Headers, redactor: Redactor): void {
  const user = username ?? decodeURIComponent(url.username);
  const secret = username === undefined ? decodeURIComponent(url.password) : (password ?? '');
  url.username = '';
  url.password = '';
  if (user === '') return;
  redactor.learn(new Secret(secret));
  headers.set('authorization', `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`);
}

function learnHeader(redactor: Redactor, value: string): void {
  redactor.learn(new Secret(value));
  const [, token] = /^\w+ (\S+)$/.exec(value) ?? [];
  if (token !== undefined) redactor.learn(new Secret(token));
}

async function bodyOf(
  { data, data_file: file }: HttpQuestionArgs,
  headers: Headers,
  host: AskingHost,
): Promise<string | Uint8Array | undefined> {
  const isGiven = data !== undefined && data !== null;
  if (file !== undefined) {
    if (isGiven) throw new EdgeError('EDGE_BAD_ARGUMENT', 'both `data` and `data_file` are given');
    return await host.readFile(file);
  }
  if (!isGiven) return undefined;
  if (data instanceof PyMap && FORM.test(headers.get('content-type') ?? ''))
    return String(new URLSearchParams(pairsOf(data)));
  if (!(data instanceof PyMap) && !Array.isArray(data)) return plainText(data);
  if (!headers.has('content-type')) headers.set('content-type', 'application/json');
  return JSON.stringify(toPlain(data));
}

async function tlsOf(
  { verify_ssl: verify = true, ca_bundle: bundle, cert }: HttpQuestionArgs,
  host: AskingHost,
): Promise<TlsOptions> {
  const ca = bundle === undefined ? {} : { ca: await readText(host, bundle) };
  if (cert === undefined) return { verify, ...ca };
  const [certFile = '', keyFile = certFile] = typeof cert === 'string' ? [cert] : cert;
  const client = { cert: await readText(host, certFile), key: await readText(host, keyFile) };
  return { verify, ...ca, client };
}

async function readText(host: AskingHost, path: string): Promise<string> {
  return Buffer.from(await host.readFile(path)).toString('utf8');
}

function pairsOf(map: PyMap): [string, string][] {
  return [...map].map(([key, value]) => [String(key), plainText(value)]);
}

function plainText(value: Value): string {
  return typeof value === 'string' ? value : String(toPlain(value));
}

import { z } from 'zod';
import { EdgeError, errorMessage } from '../../kernel/index.ts';
import { traverse } from '../../values/index.ts';
import type { ExternalPillarRequest } from '../compile.ts';
import { defineExternal, type ExternalKind } from './contract.ts';
import { type DataFormat, parseData } from './parse-data.ts';

const settings = z
  .union([
    z.string().transform((url) => ({ url })),
    z.strictObject({
      url: z.string().describe('`%s` is the id; with `with_grains`, `<name>` is a grain.'),
      with_grains: z.boolean().optional().describe('Whether `<name>` in the url stands for a grain.'),
      headers: z.record(z.string(), z.string()).optional().describe('Headers of the request.'),
      username: z.string().optional().describe('For basic authentication.'),
      password: z.string().optional().describe('For basic authentication.'),
      timeout: z.number().positive().max(3_600).optional().describe('Seconds the answer may take; 30 when absent.'),
    }),
  ])
  .transform((given) => ({ with_grains: false, headers: {}, timeout: 30, ...given }) as HttpSettings);

interface HttpSettings {
  readonly url: string;
  readonly with_grains: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly username?: string;
  readonly password?: string;
  readonly timeout: number;
}

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** `http_json` and `http_yaml`: what a web server answers to a GET. (Salt 3006 pillar/http_json.py.) */
export const webSources: readonly ExternalKind<HttpSettings>[] = [webSource('json'), webSource('yaml')];

function webSource(format: DataFormat): ExternalKind<HttpSettings> {
  return defineExternal<HttpSettings>({
    name: `http_${format}`,
    summary: `A web server that answers ${format.toUpperCase()}.`,
    settings,
    create(given) {
      return {
        timeoutMs: given.timeout * 1000,
        async fetch(request, signal) {
          const url = expandUrl(given, request);
          const { status, body } = await getText(url, { headers: headersOf(given), signal });
          if (status < 200 || status > 299) throw answered(url, status);
          return { data: parseData(body, format, withoutLogin(url)) };
        },
      };
    },
  });
}

/** The url with the id and grains in it, each encoded. @throws EdgeError where a grain is not there */
function expandUrl({ url, with_grains }: HttpSettings, { id, grains }: ExternalPillarRequest): string {
  const withId = url.replaceAll('%s', encodeURIComponent(id));
  if (!with_grains) return withId;
  return withId.replace(/<([^<>]+)>/g, (_, name: string) => {
    const value = traverse(grains, name);
    if (typeof value === 'string' || typeof value === 'number') return encodeURIComponent(String(value));
    throw new EdgeError('EDGE_PILLAR_SOURCE_FAILED', `${id} has no grain ${name} for ${withoutLogin(url)}`, {
      grain: name,
    });
  });
}

function headersOf({ headers, username, password }: HttpSettings): Readonly<Record<string, string>> {
  if (username === undefined) return headers;
  const login = Buffer.from(`${username}:${password ?? ''}`).toString('base64');
  return { authorization: `Basic ${login}`, ...headers };
}

/** The answer of a web server, read up to 16 MiB. @throws EdgeError that names the server and what went wrong */
export async function getText(
  url: string,
  { signal, ...init }: RequestInit & { readonly signal: AbortSignal },
): Promise<{ readonly status: number; readonly body: string }> {
  const shown = withoutLogin(url);
  try {
    const { address, login } = apart(url);
    const headers = { ...login, ...(init.headers as Readonly<Record<string, string>>) };
    const response = await fetch(address, { ...init, headers, signal });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk);
    }
    return { status: response.status, body: Buffer.concat(chunks).toString('utf8') };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const cause = error instanceof Error && error.cause !== undefined ? `: ${errorMessage(error.cause)}` : '';
    throw new EdgeError('EDGE_PILLAR_SOURCE_FAILED', `${shown}: ${errorMessage(error)}${cause}`, { url: shown });
  }
}

/** `fetch` refuses addresses with a login in them, and repeats them whole. */
function apart(url: string): { readonly address: URL; readonly login: Readonly<Record<string, string>> } {
  if (!URL.canParse(url)) throw new Error('not an address');
  const address = new URL(url);
  const { username, password } = address;
  if (username === '' && password === '') return { address, login: {} };
  address.username = '';
  address.password = '';
  const login = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  return { address, login: { authorization: `Basic ${login}` } };
}

/** The error of an answer that is none. */
export function answered(url: string, status: number): EdgeError {
  const shown = withoutLogin(url);
  return new EdgeError('EDGE_PILLAR_SOURCE_FAILED', `${shown} answered ${status}`, { url: shown, status });
}

/** A url as it may be shown: without user, password and query, where keys travel. */
function withoutLogin(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1').replace(/\?.*$/s, '?…');
}

import { EdgeError } from '../../kernel/index.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** A question over HTTP, made by the process that runs the module (the agent, or the master for SSH hosts). */
export interface HttpQuestion {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly timeoutMs: number;
  /** How the certificate of the server is checked, where not as usual. */
  readonly tls?: TlsChecks | undefined;
}

/** Which certificates are good. */
export interface TlsChecks {
  /** False takes any. */
  readonly verify: boolean;
  /** Certificates in PEM, in place of those the process trusts by itself. */
  readonly ca?: string | undefined;
}

/** What came back; a status is a value, only no answer at all is an error. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Asks. @throws EdgeError `EDGE_HOST_UNREACHABLE`, `EDGE_DEADLINE` */
export async function askHttp(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer> {
  const { url, method, headers, body, timeoutMs, tls } = question;
  const limit = AbortSignal.timeout(timeoutMs);
  const { ask, close } = await clientOf(tls);
  try {
    const response = await ask(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.any([signal, limit]),
    });
    const bytes = await response.arrayBuffer();
    const text = Buffer.from(bytes.slice(0, MAX_BODY_BYTES)).toString('utf8');
    return { status: response.status, headers: Object.fromEntries(response.headers), body: text };
  } catch (cause) {
    if (limit.aborted)
      throw new EdgeError(
        'EDGE_DEADLINE',
        `${url} did not answer within ${timeoutMs} ms`,
        { url, timeoutMs },
        { cause },
      );
    const { cause: deeper } = cause as { cause?: unknown };
    const why = deeper instanceof Error ? deeper.message : (cause as Error).message;
    throw new EdgeError(
      'EDGE_HOST_UNREACHABLE',
      `${method} ${url}: ${why}`,
      { url },
      { hint: 'Check the address and that the service runs.', cause },
    );
  } finally {
    await close();
  }
}

/** The process's own client cannot be told which certificates are good; the library it is made of is loaded for that. */
async function clientOf(
  tls: TlsChecks | undefined,
): Promise<{ readonly ask: typeof fetch; readonly close: () => Promise<void> }> {
  if (tls === undefined) return { ask: fetch, close: async () => {} };
  const undici = await import('undici');
  const dispatcher = new undici.Agent({
    connect: { rejectUnauthorized: tls.verify, ...(tls.ca === undefined ? {} : { ca: tls.ca }) },
  });
  const ask = (url: string, options: object): Promise<unknown> => undici.fetch(url, { ...options, dispatcher });
  return { ask: ask as unknown as typeof fetch, close: () => dispatcher.destroy() };
}

import { EdgeError, errorMessage, type JsonObject } from '@edge-run/shared/kernel';

/** One request to a destination. */
export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What came back. */
export interface Posted {
  readonly status: number;
  readonly text: string;
}

/** Statuses that say that this body will never be taken. */
const REFUSALS: ReadonlySet<number> = new Set([400, 413, 415, 422]);
const ERROR_CHARACTERS = 300;

/**
 * Posts once. Answers a success, or a status that says that the content itself is refused; credentials that are not
 * right and addresses that are not there can be put right, so they are worth trying again. Redirects are not followed:
 * they would take the records to a place nobody configured.
 * @throws EdgeError `EDGE_RETURNER_FAILED` for everything else
 */
export async function post({ url, headers, body, timeoutMs, signal }: Post): Promise<Posted> {
  const place = withoutCredentials(url);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  let status: number;
  let text: string;
  let retryAfter: string | null;
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal: limit, redirect: 'manual' });
    status = response.status;
    retryAfter = response.headers.get('retry-after');
    text = await response.text();
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? `: ${errorMessage(error.cause)}` : '';
    throw failed(`${place} cannot be reached: ${errorMessage(error)}${cause}`, { url: place }, error);
  }
  if ((status >= 200 && status < 300) || REFUSALS.has(status)) return { status, text };
  throw failed(`${place} answered ${status}: ${text.slice(0, ERROR_CHARACTERS)}`, {
    ...{ url: place, status },
    ...retryAfterOf(retryAfter),
  });
}

/** A failure that is worth trying again. */
export function failed(message: string, details: JsonObject, cause?: unknown): EdgeError {
  return new EdgeError('EDGE_RETURNER_FAILED', message, details, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Nothing is lost: records wait in their streams. Look at the destination and at `returners` in the configuration.',
  });
}

/** What is shown of an address: user names and passwords in it are nobody's business. */
export function withoutCredentials(url: string): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  shown.search = '';
  return shown.href;
}

/** RFC 9110 10.2.3, in seconds; a date there is rare and the usual pause does as well. */
function retryAfterOf(header: string | null): { readonly retryAfterMs?: number } {
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1000 } : {};
}

/** Splits records into groups whose texts together are at most `bytes` long; a larger one is alone. */
export function groupsOf<T>(items: readonly T[], textOf: (item: T) => string, bytes: number): readonly T[][] {
  const groups: T[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const length = Buffer.byteLength(textOf(item));
    if (size + length > bytes) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)!.push(item);
    size += length;
  }
  return groups;
}

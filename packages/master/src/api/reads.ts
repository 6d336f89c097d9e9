import { EdgeError, type JsonValue } from '@edge-run/shared/kernel';
import type { Operation } from '../gateway/index.ts';
import { type QueryKind, readQuery } from './queries.ts';

/** A path that answers an operation. */
interface Route {
  readonly path: RegExp;
  readonly operation: string;
  /** Name of the argument that the path's last part is. */
  readonly from?: string;
  /** Query parameter → how it is read; the operation's own schema checks it afterwards. */
  readonly query?: Readonly<Record<string, QueryKind>>;
  /** Query parameter → the argument it is, where that has another name. */
  readonly names?: Readonly<Record<string, string>>;
}

const ROUTES: readonly Route[] = [
  {
    path: /^\/v1\/runs$/,
    operation: 'orch.ls',
    query: { limit: 'number', since: 'instant', state: 'list' },
    names: { state: 'states' },
  },
  { path: /^\/v1\/runs\/([^/]+)$/, operation: 'orch.show', from: 'run' },
  { path: /^\/v1\/jobs\/([^/]+)$/, operation: 'jobs.show', from: 'jid' },
];

/** What is read over HTTP, through the operations that everybody else asks too. */
export interface Reads {
  readonly operations: Readonly<Record<string, Operation>>;
  readonly now: () => number;
}

/**
 * Answers a GET; undefined where nothing is served.
 *
 * @throws EdgeError `EDGE_BAD_ARGUMENT` and what the operation throws
 */
export async function answerRead(url: URL, { operations, now }: Reads, signal: AbortSignal): Promise<unknown> {
  for (const { path, operation, from, query = {}, names = {} } of ROUTES) {
    const match = path.exec(url.pathname);
    if (match === null) continue;
    const given = readQuery(url.searchParams, query, now());
    const args: Record<string, JsonValue> = from === undefined ? {} : { [from]: decodePart(match[1]!) };
    for (const [name, value] of Object.entries(given)) args[names[name] ?? name] = value;
    const { question, answer } = operations[operation]!;
    const parsed = question.safeParse(args);
    if (!parsed.success) {
      const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'query'}: ${issue.message}`);
      throw new EdgeError('EDGE_BAD_ARGUMENT', problems.join('; '), { operation, problems });
    }
    return answer(parsed.data, { kind: 'user', id: 'api' }, signal);
  }
  return undefined;
}

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new EdgeError('EDGE_BAD_ARGUMENT', `\`${text}\` is no part of an address`, { text }, { cause });
  }
}

import type { JsonValue, Secret } from '@edge-run/shared/kernel';
import { z } from 'zod';
import { failed, groupsOf, post } from './http.ts';
import type { HistoryRecord, RefusedRecord, Returner } from './returner.ts';

/** Which cluster records go to, and how we are known there. */
export interface ElasticsearchOptions {
  readonly url: string;
  /** Documents go to `<index>-YYYY.MM.DD`, by the day of their record in UTC. */
  readonly index: string;
  readonly credentials?:
    | { readonly kind: 'basic'; readonly username: string; readonly password: Secret }
    | { readonly kind: 'api-key'; readonly key: Secret };
  /** Limit of one request. Default 30,000. */
  readonly timeoutMs?: number;
}

/** Elasticsearch advises bodies of 5 to 15 MB; what is larger as a whole is refused from 100 MB on. */
const BODY_BYTES = 5_000_000;
const CONFLICT = 409;
const TOO_MANY = 429;

const bulkAnswer = z.object({
  items: z.array(
    z.object({
      create: z.object({
        status: z.number(),
        error: z.object({ type: z.string().optional(), reason: z.string().optional() }).optional(),
      }),
    }),
  ),
});

/**
 * Writes records by the bulk API of Elasticsearch and OpenSearch. A document's id is that of its record and it is only
 * ever created: one that is there already (409) is a repetition. Free values are written as JSON text, because a field
 * that is a number in one return and a list in the next would be refused.
 */
export function createElasticsearchReturner(options: ElasticsearchOptions): Returner {
  const url = new URL('_bulk', options.url.endsWith('/') ? options.url : `${options.url}/`).href;
  const headers = { 'content-type': 'application/x-ndjson', ...authorization(options.credentials) };
  return {
    kind: 'elasticsearch',
    async deliver(records, signal) {
      const refused: RefusedRecord[] = [];
      for (const group of groupsOf(records, lineOf, BODY_BYTES)) {
        const body = group.map((record) => `${actionOf(record, options.index)}\n${lineOf(record)}\n`).join('');
        const { status, text } = await post({ url, headers, body, signal, timeoutMs: options.timeoutMs ?? 30_000 });
        if (status >= 400) refused.push(...(await oneByOne(group, status, text, (one) => this.deliver([one], signal))));
        else refused.push(...judge(group, text));
      }
      return refused;
    },
    close: async () => {},
  };
}

/** A body that is refused as a whole has one record in it that is at fault. */
async function oneByOne(
  group: readonly HistoryRecord[],
  status: number,
  text: string,
  deliver: (record: HistoryRecord) => Promise<readonly RefusedRecord[]>,
): Promise<readonly RefusedRecord[]> {
  const [only] = group;
  if (group.length === 1) return [{ record: only!, reason: `${status}: ${text.slice(0, 300)}` }];
  const refused: RefusedRecord[] = [];
  for (const record of group) refused.push(...(await deliver(record)));
  return refused;
}

/** What the answer says of each document. @throws EdgeError `EDGE_RETURNER_FAILED` when some are to be sent again */
function judge(records: readonly HistoryRecord[], text: string): readonly RefusedRecord[] {
  const answer = bulkAnswer.safeParse(parseJson(text));
  if (!answer.success || answer.data.items.length !== records.length) {
    throw failed('the answer to a bulk request is none of Elasticsearch', { answer: text.slice(0, 300) });
  }
  const results = answer.data.items.map(({ create }, index) => ({ ...create, record: records[index]! }));
  const busy = results.filter(({ status }) => status === TOO_MANY || status >= 500);
  if (busy.length > 0) {
    const { status, error } = busy[0]!;
    throw failed(`${busy.length} of ${records.length} documents were not taken: ${status} ${error?.reason ?? ''}`, {
      status,
    });
  }
  return results.flatMap(({ status, error, record }) =>
    status < 300 || status === CONFLICT
      ? []
      : [{ record, reason: `${status} ${error?.type ?? ''}: ${error?.reason ?? ''}` }],
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // said by the caller, with the text
  }
}

function actionOf(record: HistoryRecord, index: string): string {
  const day = new Date(record.at).toISOString().slice(0, 10).replaceAll('-', '.');
  return JSON.stringify({ create: { _index: `${index}-${day}`, _id: record.id } });
}

function lineOf({ id, kind, at, correlation, data }: HistoryRecord): string {
  const { values, ...fields } = data;
  return JSON.stringify({
    '@timestamp': new Date(at).toISOString(),
    ...{ id, kind, ...correlation, ...fields },
    ...(values === undefined ? {} : { values: textsOf(values) }),
  });
}

function textsOf(values: JsonValue): JsonValue {
  return Object.fromEntries(Object.entries(values as object).map(([name, value]) => [name, JSON.stringify(value)]));
}

function authorization(credentials: ElasticsearchOptions['credentials']): Readonly<Record<string, string>> {
  if (credentials === undefined) return {};
  if (credentials.kind === 'api-key') return { authorization: `ApiKey ${credentials.key.reveal()}` };
  const { username, password } = credentials;
  return { authorization: `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}` };
}

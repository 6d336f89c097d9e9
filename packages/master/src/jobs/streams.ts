import { decodeBody, encodeBody, type NatsBus } from '@edge-run/shared/bus';
import { type Clock, EdgeError } from '@edge-run/shared/kernel';
import { idFromToken, type ReturnMessage, returnMessage, STREAMS, SUBJECTS } from '@edge-run/shared/protocol';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { KV } from '@nats-io/kv';
import { isMissing, onceReady, openBucket } from '../jetstream/index.ts';
import { type BatchProgress, batchProgress } from './batch-progress.ts';
import { storedReturns } from './stored-returns.ts';

const DAY_MS = 86_400_000;
const JOBS_BUCKET = 'EDGE_JOBS';
/** The stream behind the bucket of job records: each of its messages is one version of a record. */
export const JOBS_STREAM = `KV_${JOBS_BUCKET}`;

/** How returns and job records are kept. */
export interface ReturnStreamOptions {
  /** How long returns and job records are kept. Default seven days. */
  readonly keepMs?: number;
  /** Copies of the stream in a cluster. Default 1. */
  readonly replicas?: number;
}

/** The returns of all jobs, as the stream holds them. */
export interface ReturnStream {
  /** Every return of a job, the first of each minion. */
  read(jid: string): Promise<readonly ReturnMessage[]>;
  /** Which of these jobs' returns of one minion are stored. */
  stored(id: string, jids: readonly string[]): Promise<readonly string[]>;
}

/** Where job records live: job id → JSON text, packed where the server would not take it as it is. */
export interface JobRecords {
  /** @throws what `isWrittenByAnother` knows, when there is one already */
  create(jid: string, record: object): Promise<void>;
  put(jid: string, record: object): Promise<void>;
  get(jid: string): Promise<unknown>;
  keys(): Promise<AsyncIterable<string>>;
}

/**
 * Makes sure that the stream of returns and the bucket of job records exist.
 * @throws EdgeError `EDGE_CONFIG_INVALID` for copies on a server that does not keep them apart,
 *   `EDGE_BROKER_NOT_READY`
 */
export async function openJobStreams(
  bus: NatsBus,
  clock: Clock,
  options: ReturnStreamOptions = {},
): Promise<{ readonly returns: ReturnStream; readonly records: JobRecords; readonly batches: BatchProgress }> {
  const { connection } = bus;
  const replicas = options.replicas ?? 1;
  const version = connection.info?.version ?? '0.0.0';
  if (replicas > 1 && /^2\.[0-9]\./.test(version)) {
    throw new EdgeError(
      'EDGE_CONFIG_INVALID',
      `${replicas} replicas need nats-server 2.10, this is ${version}`,
      { version, replicas },
      {
        hint: 'On 2.9 several writers can win a replicated compare-and-set. Use one replica or a newer server.',
      },
    );
  }
  return onceReady(clock, 'the stream of returns', async () => {
    const manager = await jetstreamManager(connection);
    const keepNanos = (options.keepMs ?? 7 * DAY_MS) * 1_000_000;
    await ensureReturnStream(manager, keepNanos, replicas);
    const kept = { ttl: options.keepMs ?? 7 * DAY_MS, replicas };
    // Two versions: whoever reads the changes of a job late still sees that it was published.
    const records = await openBucket(connection, clock, JOBS_BUCKET, { ...kept, history: 2 });
    await keepTwoVersions(manager);
    const batches = batchProgress(await openBucket(connection, clock, 'EDGE_BATCHES', kept));
    return { returns: returnStream(manager, jetstream(connection)), records: jobRecords(records, bus), batches };
  });
}

function jobRecords(bucket: KV, bus: NatsBus): JobRecords {
  // What thousands of targets end with is more than a message of some servers.
  const encode = (record: object): string | Uint8Array => encodeBody(JOBS_BUCKET, record, bus.maxPayloadBytes);
  return {
    create: async (jid, record) => void (await bucket.create(jid, encode(record))),
    put: async (jid, record) => void (await bucket.put(jid, encode(record))),
    async get(jid) {
      const entry = await bucket.get(jid);
      return entry === null || entry.operation !== 'PUT' ? undefined : decodeBody(entry.value);
    },
    keys: () => bucket.keys(),
  };
}

/** For a bucket made before there was a second version. */
async function keepTwoVersions(manager: JetStreamManager): Promise<void> {
  const { config } = await manager.streams.info(JOBS_STREAM);
  if (config.max_msgs_per_subject < 2) await manager.streams.update(JOBS_STREAM, { max_msgs_per_subject: 2 });
}

async function ensureReturnStream(manager: JetStreamManager, keepNanos: number, replicas: number): Promise<void> {
  const { name, subjects } = STREAMS.returns;
  const config = {
    name,
    subjects: [...subjects],
    max_age: keepNanos,
    num_replicas: replicas,
    // Minions publish here. An acknowledgement would be sent by the server itself to whatever reply subject a minion
    // names, unchecked: another's job, the journal, or $JS.API.STREAM.PURGE (seen on 2.9.10).
    no_ack: true,
    deny_delete: true,
    deny_purge: true,
  };
  const exists = await manager.streams.info(name).then(
    ({ config: found }) => found,
    (error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    },
  );
  if (exists === undefined) await manager.streams.add({ ...config });
  else if (exists.no_ack !== true || exists.max_age !== keepNanos) {
    await manager.streams.update(name, { no_ack: true, max_age: keepNanos });
  }
}

function returnStream(manager: JetStreamManager, js: JetStreamClient): ReturnStream {
  const { name } = STREAMS.returns;
  return {
    async read(jid) {
      const byMinion = new Map<string, ReturnMessage>();
      for await (const { subject, data } of messagesOf(manager, js, { filter_subject: SUBJECTS.returnsOf(jid) })) {
        const answer = parseReturn(subject, data);
        if (answer !== undefined && !byMinion.has(answer.id)) byMinion.set(answer.id, answer);
      }
      return [...byMinion.values()];
    },
    stored: storedReturns({
      has: async (jid, id) => {
        const message = await manager.streams.getMessage(name, { last_by_subj: SUBJECTS.returns(jid, id) });
        return message !== null;
      },
      idsOf: async (jid) => {
        const { state } = await manager.streams.info(name, { subjects_filter: SUBJECTS.returnsOf(jid) });
        return Object.keys(state.subjects ?? {}).map((subject) => idFromToken(subject.split('.').at(-1)!));
      },
    }),
  };
}

/** The returns that a passing consumer of the stream finds, as it stands now. */
async function* messagesOf(
  manager: JetStreamManager,
  js: JetStreamClient,
  filter: { readonly filter_subject: string },
): AsyncGenerator<{ readonly subject: string; readonly data: Uint8Array }> {
  const { name } = STREAMS.returns;
  const consumer = await manager.consumers.add(name, {
    ...filter,
    ack_policy: 'none',
    deliver_policy: 'all',
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: 30_000_000_000,
  });
  try {
    if (consumer.num_pending === 0) return;
    const reader = await js.consumers.get(name, consumer.name);
    yield* await reader.fetch({ max_messages: consumer.num_pending, expires: 5_000 });
  } finally {
    await manager.consumers.delete(name, consumer.name).catch(() => false); // it goes by itself after 30 s
  }
}

/** A return whose content agrees with the subject, for which the server vouches; undefined for any other. */
function parseReturn(subject: string, bytes: Uint8Array): ReturnMessage | undefined {
  let body: unknown;
  try {
    body = decodeBody(bytes);
  } catch {
    // Whatever a minion wrote there that is no JSON, it is no return.
    return undefined;
  }
  return checkReturn(subject, body);
}

/** As `parseReturn`, of a body already parsed. */
export function checkReturn(subject: string, body: unknown): ReturnMessage | undefined {
  const parsed = returnMessage.safeParse(body);
  if (!parsed.success || SUBJECTS.returns(parsed.data.jid, parsed.data.id) !== subject) return undefined;
  return parsed.data;
}

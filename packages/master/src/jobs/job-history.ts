import { EdgeError, errorMessage, type InstantMs } from '@edge-run/shared/kernel';
import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { isWrittenByAnother } from '../jetstream/index.ts';
import { answerOf } from './gather.ts';
import { isJobId } from './job-request.ts';
import { type JobRecord, type JobSummary, jobRecord, summarize } from './records.ts';
import type { JobRecords, ReturnStream } from './streams.ts';

/** Which jobs are listed. */
export interface JobQuery {
  /** At most so many. Default 100. */
  readonly limit?: number;
  /** Only jobs published at or after this instant. */
  readonly since?: InstantMs;
  /** Only jobs in which a target did not succeed. */
  readonly failed?: boolean;
}

const DEFAULT_LIMIT = 100;
/** How often a record is tried to be written while the server comes back; each takes the limit of a request. */
const MOST_TRIES = 4;
/** What JetStream says, or does not, just after its server started. */
const PASSING = /timeout|no responders|not enabled|temporarily unavailable/i;
/** Records that are read at a time, and how many are looked at for one list. */
const PAGE = 100;
const LOOKED_AT = 5_000;

/** The jobs on record, with the returns that came. */
export class JobHistory {
  readonly #records: JobRecords;
  readonly #returns: ReturnStream;

  constructor(records: JobRecords, returns: ReturnStream) {
    this.#records = records;
    this.#returns = returns;
  }

  /**
   * False when the id is in use. A server that dies meanwhile takes the question with it: it is asked again, and what was
   * written without an answer is known by its text. @throws EdgeError `EDGE_BUS_UNREACHABLE`
   */
  async create(record: JobRecord): Promise<boolean> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#records.create(record.jid, record);
        return true;
      } catch (error) {
        if (isWrittenByAnother(error)) return tries > 1 && (await this.#isWritten(record));
        const message = errorMessage(error);
        if (tries < MOST_TRIES && PASSING.test(message)) continue;
        throw new EdgeError(
          'EDGE_BUS_UNREACHABLE',
          `job ${record.jid} (${record.fun}) was not published: it cannot be recorded: ${message}`,
          { jid: record.jid, fun: record.fun },
          { cause: error, hint: 'Look whether the NATS server and its JetStream are up, then ask again.' },
        );
      }
    }
  }

  async #isWritten(record: JobRecord): Promise<boolean> {
    return JSON.stringify(await this.#records.get(record.jid)) === JSON.stringify(record);
  }

  /** Writes how the job ended; what was published is dropped. */
  async end(record: JobRecord, { targets: answers, stopped }: JobAnswer, at: InstantMs): Promise<void> {
    const outcomes = Object.fromEntries(
      [...answers].map(([id, { outcome, retcode, evidence }]) => [
        id,
        { outcome, retcode, ...(evidence === undefined ? {} : { evidence }) },
      ]),
    );
    await this.#records.put(record.jid, { ...record, ended: { at, outcomes, stopped } });
  }

  async find(jid: string): Promise<JobRecord | undefined> {
    if (!isJobId(jid)) return undefined;
    const found = await this.#records.get(jid);
    return found === undefined ? undefined : jobRecord.parse(found);
  }

  /** @throws EdgeError `EDGE_JOB_UNKNOWN` */
  async get(jid: string): Promise<JobRecord> {
    const record = await this.find(jid);
    if (record !== undefined) return record;
    throw new EdgeError(
      'EDGE_JOB_UNKNOWN',
      `no job ${jid} is known`,
      { jid },
      { hint: 'See the latest with: edge-run jobs ls.' },
    );
  }

  /** Newest first: job ids sort in order of time. */
  async jids(): Promise<readonly string[]> {
    const jids: string[] = [];
    for await (const jid of await this.#records.keys()) jids.push(jid);
    return jids.sort((a, b) => (a < b ? 1 : -1));
  }

  async ls({ limit = DEFAULT_LIMIT, since, failed }: JobQuery): Promise<readonly JobSummary[]> {
    const jids = (await this.jids()).slice(0, LOOKED_AT);
    const found: JobSummary[] = [];
    for (let from = 0; from < jids.length && found.length < limit; from += PAGE) {
      const records = await Promise.all(jids.slice(from, from + PAGE).map((jid) => this.find(jid)));
      const listed = records.filter((record) => record !== undefined).map(summarize);
      found.push(
        ...listed.filter(
          (job) => (since === undefined || job.issuedAt >= since) && (failed !== true || hasFailed(job)),
        ),
      );
    }
    return found.slice(0, limit);
  }

  /** The ends of a job's targets: those on record, and of the others the returns that came. */
  async answerOf(record: JobRecord): Promise<JobAnswer> {
    const { jid } = record;
    const expected = new Set(record.targets);
    const targets = new Map<string, JobTargetAnswer>();
    for (const answer of await this.#returns.read(jid)) {
      if (expected.has(answer.id)) targets.set(answer.id, answerOf(answer));
    }
    // A return that came after its target was given up stays in the stream; the job's end does not change.
    for (const [id, { outcome, retcode, evidence }] of Object.entries(record.ended?.outcomes ?? {})) {
      if (targets.get(id)?.outcome !== outcome)
        targets.set(id, { outcome, retcode, ...(evidence === undefined ? {} : { evidence }) });
    }
    const stopped = record.ended?.stopped;
    return { jid, targets, ...(stopped === undefined ? {} : { stopped }) };
  }
}

/** True when a target of the job has ended other than well. */
export function hasFailed({ outcomes }: JobSummary): boolean {
  return Object.entries(outcomes).some(([outcome, count]) => outcome !== 'succeeded' && count > 0);
}

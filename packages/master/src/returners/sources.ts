import { decodeBody } from '@edge-run/shared/bus';
import type { RunJournalEvent } from '@edge-run/shared/protocol';
import { STREAMS } from '@edge-run/shared/protocol';
import type { JsMsg } from '@nats-io/jetstream';
import { checkReturn, JOBS_STREAM, type JobRecord, jobRecord } from '../jobs/index.ts';
import { type RunEntry, recordsOfJob, recordsOfReturn, recordsOfRun } from './records.ts';
import type { HistoryRecord } from './returner.ts';

/** A stream that records are made from. */
export interface RecordSource {
  /** Part of the name of the consumer that remembers how far a returner is. */
  readonly name: 'jobs' | 'returns' | 'runs';
  readonly stream: string;
  /** The records of one message; none for what is not told on. */
  read(message: JsMsg): Promise<readonly HistoryRecord[]>;
}

/** What the sources look further things up in. */
export interface RecordSourcesOptions {
  findJob(jid: string): Promise<JobRecord | undefined>;
  /** The journal entry a message holds, or stands for when it was too large for one. */
  readRun(message: JsMsg): Promise<RunEntry>;
  /** The first entry of a run. */
  firstOf(run: string): Promise<RunEntry | undefined>;
}

const REMEMBERED = 1_000;

/**
 * The three streams that hold everything durably before anybody is told: versions of job records, returns, and the
 * journal. Events are not among them: they are told once, and a master that is killed may never have told them.
 */
export function recordSources({ findJob, readRun, firstOf }: RecordSourcesOptions): readonly RecordSource[] {
  const jobs = new Remembered(findJob);
  const runs = new Remembered(async (run) => {
    const planned = (await firstOf(run))?.events.find(isPlanned);
    return planned === undefined ? undefined : { cause: planned.causedBy, onlyLooked: planned.inputs.test === true };
  });
  /** A history holds what was done: a run that only looked is no part of it, nor are the jobs it looked with. */
  const onlyLooked = async (job: JobRecord | undefined): Promise<boolean> =>
    job?.run !== undefined && (await runs.get(job.run.id))?.onlyLooked === true;
  return [
    {
      name: 'jobs',
      stream: JOBS_STREAM,
      read: async (message) => {
        // A removed job has an empty message.
        if (message.data.length === 0) return [];
        const job = jobRecord.safeParse(parsed(message));
        if (!job.success || (await onlyLooked(job.data))) return [];
        return recordsOfJob(job.data, storedAt(message));
      },
    },
    {
      name: 'returns',
      stream: STREAMS.returns.name,
      read: async (message) => {
        const answer = checkReturn(message.subject, parsed(message));
        if (answer === undefined) return [];
        const job = await jobs.get(answer.jid);
        return (await onlyLooked(job)) ? [] : recordsOfReturn(answer, job, storedAt(message));
      },
    },
    {
      name: 'runs',
      stream: STREAMS.journal.name,
      read: async (message) => {
        const entry = await readRun(message);
        const run = await runs.get(entry.run);
        return run?.onlyLooked === true ? [] : recordsOfRun(entry, run?.cause);
      },
    },
  ];
}

function isPlanned(event: RunJournalEvent): event is Extract<RunJournalEvent, { type: 'run-planned' }> {
  return event.type === 'run-planned';
}

/** Minions write here: what is no JSON is dropped like any other malformed return. */
function parsed(message: JsMsg): unknown {
  try {
    return decodeBody(message.data);
  } catch {
    return undefined;
  }
}

/** The broker's time, the same each time the message is read. */
function storedAt(message: JsMsg): number {
  return Math.floor(message.info.timestampNanos / 1_000_000);
}

/** Looks things up once, and again only those that were not there. */
class Remembered<T> {
  readonly #look: (key: string) => Promise<T | undefined>;
  /** Least recently found first. */
  readonly #found = new Map<string, T>();

  constructor(look: (key: string) => Promise<T | undefined>) {
    this.#look = look;
  }

  async get(key: string): Promise<T | undefined> {
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const found = await this.#look(key);
    if (found === undefined) return undefined;
    this.#found.set(key, found);
    if (this.#found.size > REMEMBERED) this.#found.delete(this.#found.keys().next().value!);
    return found;
  }
}

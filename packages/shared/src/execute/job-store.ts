import { join } from 'node:path';
import { z } from 'zod';
import type { InstantMs, JsonValue } from '../kernel/index.ts';
import { type JobMessage, jobMessage, type ReturnMessage, type RunOfJob, returnMessage } from '../protocol/index.ts';
import { decodeValue, encodeValue } from '../values/index.ts';
import { JobLog, type LineSpan } from './job-log.ts';

/*
 * What happens to jobs, a line each: `run` when one begins, `ret` with its return, `done` once that is known to be in the
 * stream, `gone` when it is forgotten. Written synchronously: a job may not begin before its mark is there, and a small append costs less than a round
 * through the thread pool. Lines that nothing waits for are written together, a moment later: what is confirmed, and all
 * of a job that only looks. A crash before that is as if such a job had not come; the master, which asks after it,
 * gives it again.
 */

const begun = z.object({
  kind: z.literal('run'),
  digest: z.string(),
  startedAt: z.number(),
  job: jobMessage,
  /** Taken and not begun: others had to end first. */
  queued: z.literal(true).optional(),
  /** Its arguments held secrets, which are not kept. */
  sealed: z.literal(true).optional(),
});
const ended = z.object({ kind: z.literal('ret'), digest: z.string(), job: jobMessage, return: returnMessage });
const confirmed = z.object({ kind: z.literal('done'), jid: z.string() });
const forgotten = z.object({ kind: z.literal('gone'), jid: z.string() });
const entry = z.discriminatedUnion('kind', [begun, ended, confirmed, forgotten]);

/** What is remembered of a job without reading its line. */
export interface KnownJob {
  readonly jid: string;
  readonly fun: string;
  readonly by: string;
  readonly digest: string;
  readonly issuedAt: InstantMs;
  readonly expiresAt: InstantMs;
  readonly run?: RunOfJob;
  readonly stage: 'run' | 'ret' | 'done';
}

interface Kept extends KnownJob {
  /** Where its `run` line is, then its `ret` line; undefined while that is not written. */
  readonly span: LineSpan | undefined;
}

/** How much of what has ended is kept for those who ask again. */
export interface JobStoreOptions {
  /** Jobs. Default 1,000. */
  readonly keep?: number;
  /** Bytes of their returns. Default 64 MiB. */
  readonly keepBytes?: number;
}

/** Old lines are worth a rewrite from this size on. */
const REWRITE_FROM_BYTES = 4 * 1024 * 1024;
/** How long, and how much, is kept back to be written together. */
const WRITE_BEHIND_MS = 1_000;
const WRITE_BEHIND_CHARACTERS = 256 * 1024;

/** The jobs of this minion on disk, so that none runs twice and no return is lost. */
export class JobStore {
  readonly #log: JobLog;
  readonly #keep: number;
  readonly #keepBytes: number;
  /** In order of their beginning. */
  readonly #jobs = new Map<string, Kept>();
  /** Bytes of the lines that count. */
  #liveBytes = 0;
  /** Job id → its last line, of those that are written a moment later; as data while the job runs. */
  readonly #behind = new Map<string, string | object>();
  /** Confirmed jobs whose `done` line is written a moment later. */
  readonly #confirmed = new Set<string>();
  #charactersBehind = 0;
  #writing: NodeJS.Timeout | undefined;

  constructor(directory: string, { keep = 1_000, keepBytes = 64 * 1024 * 1024 }: JobStoreOptions = {}) {
    this.#log = new JobLog(join(directory, 'jobs.log'));
    this.#keep = keep;
    this.#keepBytes = keepBytes;
    const toBeGivenAgain = new Set<string>();
    for (const [text, span] of this.#log.lines()) this.#load(text, span, toBeGivenAgain);
    for (const jid of toBeGivenAgain) this.#forget(jid);
  }

  get(jid: string): KnownJob | undefined {
    return this.#jobs.get(jid);
  }

  all(): readonly KnownJob[] {
    return [...this.#jobs.values()];
  }

  /** Marks the job as begun: on disk when this returns. */
  begin(job: JobMessage, digest: string, startedAt: InstantMs): void {
    const span = this.#log.append(JSON.stringify({ kind: 'run', digest, startedAt, ...kept(job) }));
    this.#set({ ...known(job, digest, 'run'), span });
    this.#prune(startedAt);
  }

  /** Marks a job as begun that may run twice without harm: on disk a moment later, with its return if that has come. */
  beginLook(job: JobMessage, digest: string, startedAt: InstantMs): void {
    this.#set({ ...known(job, digest, 'run'), span: undefined });
    this.#behind.set(job.jid, { kind: 'run', digest, startedAt, ...kept(job) });
    this.#writeSoon();
    this.#prune(startedAt);
  }

  /** Marks the job as taken; `begin` follows when it is its turn. */
  queue(job: JobMessage, digest: string, takenAt: InstantMs): void {
    const span = this.#log.append(
      JSON.stringify({ kind: 'run', digest, startedAt: takenAt, ...kept(job), queued: true }),
    );
    this.#set({ ...known(job, digest, 'run'), span });
    this.#prune(takenAt);
  }

  /** Keeps the return until it is confirmed, and some time longer for those who ask again. */
  end(job: JobMessage, answer: ReturnMessage): void {
    const digest = this.#jobs.get(job.jid)?.digest ?? '';
    // The arguments have served; a return may be asked for again.
    const served = { ...job, args: [], kwargs: [], typed: undefined, targets: [] };
    const line = JSON.stringify({ kind: 'ret', digest, job: served, return: answer });
    const isLook = this.#behind.has(job.jid);
    this.#set({ ...known(job, digest, 'ret'), span: isLook ? undefined : this.#log.append(line) });
    if (!isLook) return;
    this.#behind.set(job.jid, line);
    this.#charactersBehind += line.length;
    if (this.#charactersBehind > WRITE_BEHIND_CHARACTERS) this.flush();
  }

  /** The stream has it. */
  confirm(jid: string): void {
    const job = this.#jobs.get(jid);
    if (job?.stage !== 'ret') return;
    this.#jobs.set(jid, { ...job, stage: 'done' });
    this.#confirmed.add(jid);
    this.#writeSoon();
  }

  readReturn(jid: string): ReturnMessage | undefined {
    const job = this.#jobs.get(jid);
    if (job === undefined || job.stage === 'run') return undefined;
    return ended.parse(JSON.parse(this.#line(job))).return;
  }

  /** Writes what waits to be written. */
  flush(): void {
    clearTimeout(this.#writing);
    this.#writing = undefined;
    const jids = [...this.#behind.keys()];
    const lines = [...[...this.#behind.values()].map(textOf), ...[...this.#confirmed].map(doneLine)];
    if (lines.length === 0) return;
    const spans = this.#log.appendAll(lines);
    this.#behind.clear();
    this.#confirmed.clear();
    this.#charactersBehind = 0;
    for (const [index, jid] of jids.entries()) {
      const job = this.#jobs.get(jid);
      if (job !== undefined) this.#set({ ...job, span: spans[index]! });
    }
  }

  /** Jobs a former process took and did not end. */
  interrupted(): readonly z.output<typeof begun>[] {
    return [...this.#jobs.values()]
      .filter(({ stage }) => stage === 'run')
      .map((job) => begun.parse(JSON.parse(this.#line(job))));
  }

  /** Ids of returns nobody has confirmed. */
  unconfirmed(): readonly string[] {
    return this.all()
      .filter(({ stage }) => stage === 'ret')
      .map(({ jid }) => jid);
  }

  /** @param toBeGivenAgain jobs that may run twice and whose secrets are gone: as if they had not come */
  #load(text: string, span: LineSpan, toBeGivenAgain: Set<string>): void {
    const parsed = entry.safeParse(parseJson(text));
    // A line nobody can read says nothing: what it was about is as if it had not happened.
    if (!parsed.success) return;
    const { data } = parsed;
    if (data.kind === 'run' && data.sealed === true && data.job.resumable === true) toBeGivenAgain.add(data.job.jid);
    else toBeGivenAgain.delete('job' in data ? data.job.jid : data.jid);
    if (data.kind === 'gone') this.#forget(data.jid);
    else if (data.kind === 'done') {
      const job = this.#jobs.get(data.jid);
      if (job?.stage === 'ret') this.#jobs.set(data.jid, { ...job, stage: 'done' });
    } else this.#set({ ...known(data.job, data.digest, data.kind), span });
  }

  #line({ jid, span }: Kept): string {
    return span === undefined ? textOf(this.#behind.get(jid)!) : this.#log.read(span);
  }

  #set(job: Kept): void {
    this.#liveBytes += (job.span?.length ?? 0) - (this.#jobs.get(job.jid)?.span?.length ?? 0);
    this.#jobs.set(job.jid, job);
  }

  #writeSoon(): void {
    this.#writing ??= setTimeout(() => this.flush(), WRITE_BEHIND_MS).unref();
  }

  /** Drops the oldest confirmed ones that have expired: those cannot be asked for any more. */
  #prune(now: InstantMs): void {
    if (this.#jobs.size > this.#keep || this.#liveBytes > this.#keepBytes)
      for (const { jid, stage, expiresAt } of this.#jobs.values()) {
        if (this.#jobs.size <= this.#keep && this.#liveBytes <= this.#keepBytes) break;
        if (expiresAt >= now) break; // so have those that came later
        if (stage !== 'done') continue;
        this.flush();
        this.#log.append(JSON.stringify({ kind: 'gone', jid }));
        this.#forget(jid);
      }
    if (this.#log.size > REWRITE_FROM_BYTES && this.#log.size > 2 * this.#liveBytes) this.#rewrite();
  }

  #forget(jid: string): void {
    this.#liveBytes -= this.#jobs.get(jid)?.span?.length ?? 0;
    this.#jobs.delete(jid);
  }

  /** Leaves out what does not count any more. */
  #rewrite(): void {
    this.flush();
    const jobs = [...this.#jobs.values()].flatMap((job) =>
      job.span === undefined ? [] : [{ ...job, span: job.span }],
    );
    const spans = this.#log.rewrite(
      jobs.map(({ jid, stage, span }) => (stage === 'done' ? { span, behind: doneLine(jid) } : { span })),
    );
    for (const [index, job] of jobs.entries()) this.#jobs.set(job.jid, { ...job, span: spans[index]! });
  }
}

/** A job as it is written down: a secret among its arguments is for its function, and for no file. */
function kept(job: JobMessage): { readonly job: JobMessage; readonly sealed?: true } {
  const sealedOf = <T extends JsonValue>(value: T): T => encodeValue(decodeValue(value)) as T;
  if (!holdsSecret(job.args) && !holdsSecret(job.kwargs)) return { job };
  const kwargs = job.kwargs.map(([name, value]): [string, JsonValue] => [name, sealedOf(value)]);
  return { job: { ...job, args: job.args.map(sealedOf), kwargs }, sealed: true };
}

function holdsSecret(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.some(holdsSecret);
  if (value === null || typeof value !== 'object') return false;
  return Object.entries(value).some(([key, item]) => key === '$secret' || holdsSecret(item ?? null));
}

function textOf(line: string | object): string {
  return typeof line === 'string' ? line : JSON.stringify(line);
}

function doneLine(jid: string): string {
  return JSON.stringify({ kind: 'done', jid });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function known(job: JobMessage, digest: string, stage: KnownJob['stage']): KnownJob {
  const { jid, fun, by, issuedAt, expiresAt, run } = job;
  return { jid, fun, by, digest, issuedAt, expiresAt, stage, ...(run === undefined ? {} : { run }) };
}

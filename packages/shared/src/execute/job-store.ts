import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { InstantMs } from '../kernel/index.ts';
import { type JobMessage, jobMessage, type ReturnMessage, returnMessage } from '../protocol/index.ts';

/*
 * One file per job; its name says how far it is: `<jid>.run.json` while it runs, `<jid>.ret.json` when its return is
 * not known to be in the stream, `<jid>.done.json` when it is. Written synchronously: a job may not begin before its
 * mark is there, and small writes cost less than a round through the thread pool.
 */

const begun = z.object({
  digest: z.string(),
  startedAt: z.number(),
  job: jobMessage,
  /** Taken and not begun: others had to end first. */
  queued: z.literal(true).optional(),
});
const ended = z.object({ digest: z.string(), job: jobMessage, return: returnMessage });

/** What is remembered of a job without reading its file. */
export interface KnownJob {
  readonly jid: string;
  readonly fun: string;
  readonly by: string;
  readonly digest: string;
  readonly issuedAt: InstantMs;
  readonly expiresAt: InstantMs;
  readonly run?: { readonly id: string; readonly epoch: number };
  readonly stage: 'run' | 'ret' | 'done';
}

/** A job id that is one subject token and one file name. */
export const JOB_ID = /^[A-Za-z0-9_-]{1,100}$/;

/** The jobs of this minion on disk, so that none runs twice and no return is lost. */
export class JobStore {
  readonly #directory: string;
  readonly #keep: number;
  /** In order of issue. */
  readonly #jobs = new Map<string, KnownJob>();

  constructor(directory: string, options: { readonly keep?: number } = {}) {
    this.#directory = directory;
    this.#keep = options.keep ?? 1_000;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#load();
  }

  get(jid: string): KnownJob | undefined {
    return this.#jobs.get(jid);
  }

  all(): readonly KnownJob[] {
    return [...this.#jobs.values()];
  }

  /** Marks the job as begun. */
  begin(job: JobMessage, digest: string, startedAt: InstantMs): void {
    this.#write(`${job.jid}.run.json`, { digest, startedAt, job });
    this.#jobs.set(job.jid, known(job, digest, 'run'));
    this.#prune(startedAt);
  }

  /** Marks the job as taken; `begin` follows when it is its turn. */
  queue(job: JobMessage, digest: string, takenAt: InstantMs): void {
    this.#write(`${job.jid}.run.json`, { digest, startedAt: takenAt, job, queued: true });
    this.#jobs.set(job.jid, known(job, digest, 'run'));
    this.#prune(takenAt);
  }

  /** Keeps the return until it is confirmed, and some time longer for those who ask again. */
  end(job: JobMessage, answer: ReturnMessage): void {
    const digest = this.#jobs.get(job.jid)?.digest ?? '';
    // The arguments have served; a return may be asked for again.
    this.#write(`${job.jid}.ret.json`, {
      digest,
      job: { ...job, args: [], kwargs: [], typed: undefined, targets: [] },
      return: answer,
    });
    rmSync(this.#path(`${job.jid}.run.json`), { force: true });
    this.#jobs.set(job.jid, known(job, digest, 'ret'));
  }

  /** The stream has it. */
  confirm(jid: string): void {
    const job = this.#jobs.get(jid);
    if (job?.stage !== 'ret') return;
    renameSync(this.#path(`${jid}.ret.json`), this.#path(`${jid}.done.json`));
    this.#jobs.set(jid, { ...job, stage: 'done' });
  }

  readReturn(jid: string): ReturnMessage | undefined {
    const stage = this.#jobs.get(jid)?.stage;
    if (stage === undefined || stage === 'run') return undefined;
    return ended.parse(JSON.parse(readFileSync(this.#path(`${jid}.${stage}.json`), 'utf8'))).return;
  }

  /** Jobs a former process took and did not end. */
  interrupted(): readonly z.output<typeof begun>[] {
    return this.all()
      .filter(({ stage }) => stage === 'run')
      .map(({ jid }) => begun.parse(JSON.parse(readFileSync(this.#path(`${jid}.run.json`), 'utf8'))));
  }

  /** Ids of returns nobody has confirmed. */
  unconfirmed(): readonly string[] {
    return this.all()
      .filter(({ stage }) => stage === 'ret')
      .map(({ jid }) => jid);
  }

  #load(): void {
    const read: KnownJob[] = [];
    for (const name of readdirSync(this.#directory)) {
      const [, jid, stage] = /^(.+)\.(run|ret|done)\.json$/.exec(name) ?? [];
      if (jid === undefined) rmSync(this.#path(name), { force: true });
      else {
        const job = this.#read(name, stage as KnownJob['stage']);
        if (job === undefined) rmSync(this.#path(name), { force: true });
        else read.push(job);
      }
    }
    const rank = { run: 0, ret: 1, done: 2 } as const;
    read.sort((a, b) => a.issuedAt - b.issuedAt || rank[a.stage] - rank[b.stage]);
    for (const job of read) this.#jobs.set(job.jid, job);
  }

  /** Undefined for a file that a crash cut off: its job never began. */
  #read(name: string, stage: KnownJob['stage']): KnownJob | undefined {
    try {
      const content = JSON.parse(readFileSync(this.#path(name), 'utf8')) as unknown;
      const { job, digest } = stage === 'run' ? begun.parse(content) : ended.parse(content);
      return known(job, digest, stage);
    } catch {
      return undefined;
    }
  }

  /** Drops the oldest confirmed ones that have expired: those cannot be asked for any more. */
  #prune(now: InstantMs): void {
    let over = this.#jobs.size - this.#keep;
    if (over <= 0) return;
    for (const { jid, stage, expiresAt } of this.#jobs.values()) {
      if (over <= 0) return;
      if (stage !== 'done' || expiresAt >= now) continue;
      rmSync(this.#path(`${jid}.done.json`), { force: true });
      this.#jobs.delete(jid);
      over -= 1;
    }
  }

  #write(name: string, content: object): void {
    const path = this.#path(name);
    writeFileSync(`${path}.tmp`, JSON.stringify(content), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  }

  #path(name: string): string {
    return join(this.#directory, name);
  }
}

function known(job: JobMessage, digest: string, stage: KnownJob['stage']): KnownJob {
  const { jid, fun, by, issuedAt, expiresAt, run } = job;
  return { jid, fun, by, digest, issuedAt, expiresAt, stage, ...(run === undefined ? {} : { run }) };
}

import { setMaxListeners } from 'node:events';
import { BoundedQueue, type Bus, type KeyPair } from '@edge-run/shared/bus';
import {
  type Clock,
  cancelled,
  EdgeError,
  errorMessage,
  type JsonValue,
  type Logger,
  newId,
} from '@edge-run/shared/kernel';
import type { JobAnswer, Jobs, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { type ActiveJob, activeJobs } from './active.ts';
import { BatchDrive } from './batch-drive.ts';
import { type GatePorts, gatekeeper } from './batch-gate.ts';
import type { BatchProgress } from './batch-progress.ts';
import { chooseSubset } from './batches.ts';
import type { JobDrive } from './drive.ts';
import { Gather } from './gather.ts';
import { endNews, type JobNews, newJobNews, returnNews } from './job-events.ts';
import { JobHistory, type JobQuery } from './job-history.ts';
import {
  isJobId,
  type JobParts,
  type JobRunRequest,
  type PreparedJob,
  partsOf,
  prepareJob,
  requestToRepeat,
  requireJobId,
} from './job-request.ts';
import type { Presence } from './presence.ts';
import { type JobRecord, type JobSummary, summarize } from './records.ts';
import { checkReturn, type JobRecords, type ReturnStream } from './streams.ts';
import { GATHER_DEFAULTS, type GatherSettings } from './verdicts.ts';

/** One thing that happens to a job that is watched. */
export type JobProgress =
  | { readonly kind: 'answer'; readonly id: string; readonly answer: JobTargetAnswer }
  | { readonly kind: 'ended'; readonly answer: JobAnswer };

/** A job with everything known of it. */
export interface JobReport {
  readonly summary: JobSummary;
  readonly args: readonly JsonValue[];
  readonly kwargs: readonly (readonly [string, JsonValue])[];
  readonly expected: readonly string[];
  /** Host id → its end, of those that have one. */
  readonly targets: ReadonlyMap<string, JobTargetAnswer>;
  /** A gate is asked behind its last target. */
  readonly gated?: true;
  /** Once it has ended: why a batch did not go on, or what its last gate found. */
  readonly stopped?: string;
}

/** A job that was published. */
export interface PublishedJob {
  readonly jid: string;
  /** Who must answer, frozen. */
  readonly targets: readonly string[];
}

/** Jobs on minions: published, followed to their end, and kept. */
export interface JobService extends Jobs {
  /**
   * Publishes a job, or attaches to one whose id is repeated, and waits for every target; `signal` cancels the job. An
   * answer without targets when nobody is selected: such a job is not kept.
   */
  run(request: JobRunRequest, signal: AbortSignal): Promise<JobAnswer>;
  /** Publishes and answers at once; without targets when nobody is selected: such a job is not kept. */
  start(request: JobRunRequest): Promise<PublishedJob>;
  /** What is there already, then what comes, then the end. Aborting stops watching only. @throws EdgeError `EDGE_JOB_UNKNOWN` */
  watch(jid: string, signal: AbortSignal): AsyncIterable<JobProgress>;
  /** The latest first. */
  ls(query?: JobQuery): Promise<readonly JobSummary[]>;
  /** @throws EdgeError `EDGE_JOB_UNKNOWN` */
  show(jid: string): Promise<JobReport>;
  /** Asks the targets that still run to end; resolves once each has a definite end. @throws EdgeError `EDGE_JOB_UNKNOWN` */
  kill(jid: string, by: string): Promise<JobAnswer>;
  /** What these hosts are doing now; those that do not answer are left out. */
  active(ids: readonly string[]): Promise<readonly ActiveJob[]>;
  /** The job on record. */
  find(jid: string): Promise<JobRecord | undefined>;
  /**
   * What to publish to do the same again on targets of an ended job.
   * @throws EdgeError `EDGE_JOB_UNKNOWN`; `EDGE_NOT_SUPPORTED` when it held secrets; `EDGE_BAD_ARGUMENT` while it runs
   */
  repetitionOf(jid: string): Promise<JobRunRequest>;
  /** Takes up the jobs a former master left open; answers how many. */
  resume(): Promise<number>;
  /** Of a minion's jobs, those whose returns are stored: what it may forget. */
  stored(id: string, jids: readonly string[]): Promise<readonly string[]>;
  /** Stops watching; open jobs go on and are taken up by the next master. */
  close(): Promise<void>;
}

/** What jobs are published, followed and kept through. */
export interface JobServiceOptions {
  readonly bus: Bus;
  readonly returns: ReturnStream;
  readonly records: JobRecords;
  readonly batches: BatchProgress;
  readonly signer: KeyPair;
  readonly clock: Clock;
  readonly log: Logger;
  readonly presence?: Presence;
  /** Who an expression stands for. */
  readonly resolveTargets: (
    target: string,
    targetType: string,
    delimiter: string | undefined,
    limits: Pick<JobRunRequest, 'transport' | 'roster'>,
  ) => Promise<{ readonly ids: readonly string[]; readonly explain?: string }>;
  /** Refuses a job that may not be sent to one of its targets, before it is on record. @throws EdgeError */
  readonly requireAllowed?: (request: JobRunRequest, targets: readonly string[]) => void;
  /** True for a function that only looks; absent: every function may change something. */
  readonly onlyLooks?: (fun: string) => boolean;
  /** Tells everybody: `salt/job/<jid>/new`, `salt/job/<jid>/ret/<id>`, `salt/job/<jid>/end`. */
  readonly publishEvent?: (event: JobNews) => void;
  /** A number in [0, 1), for subsets. Default `Math.random`. */
  readonly random?: () => number;
  readonly settings?: Partial<GatherSettings>;
  /** Runs a function on the master itself; without it, gates of batches that ask there fail. */
  readonly callMaster?: GatePorts['callMaster'];
}

interface Open {
  readonly record: JobRecord;
  readonly drive: JobDrive;
  readonly watchers: Set<BoundedQueue<JobProgress>>;
  /** Once it goes on whatever becomes of this master. */
  readonly recorded: Promise<void>;
  readonly end: Promise<JobAnswer>;
}

const RESUME_AGE_MS = 86_400_000;

/** Publishes signed jobs and follows each to its end. */
export function createJobs(options: JobServiceOptions): JobService {
  return new Service(options);
}

class Service implements JobService {
  readonly #options: JobServiceOptions;
  readonly #settings: GatherSettings;
  readonly #history: JobHistory;
  readonly #open = new Map<string, Open>();
  readonly #stop = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #connectedSince: number;

  constructor(options: JobServiceOptions) {
    // Every open job listens for the end.
    setMaxListeners(0, this.#stop.signal);
    this.#options = options;
    this.#settings = { ...GATHER_DEFAULTS, ...options.settings };
    this.#history = new JobHistory(options.records, options.returns);
    this.#connectedSince = options.clock.now();
    this.#inBackground(this.#takeReturns());
    this.#inBackground(this.#followConnection());
  }

  async run(request: JobRunRequest, signal: AbortSignal): Promise<JobAnswer> {
    if (signal.aborted) throw cancelled(signal);
    const started = await this.#begin(request);
    if (!('end' in started)) return started;
    const cancel = (): void => {
      started.drive.cancel(request.by ?? 'master').catch((error: unknown) => {
        this.#options.log.warn(`cannot cancel ${started.record.jid}: ${errorMessage(error)}`);
      });
    };
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await started.end;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  async start(request: JobRunRequest): Promise<PublishedJob> {
    const started = await this.#begin(request);
    if ('end' in started) {
      await started.recorded;
      return { jid: started.record.jid, targets: started.record.targets };
    }
    return { jid: started.jid, targets: [...started.targets.keys()] };
  }

  async *watch(jid: string, signal: AbortSignal): AsyncIterable<JobProgress> {
    const open = await this.#openOrEnded(jid);
    if (!('end' in open)) {
      for (const [id, answer] of open.targets) yield { kind: 'answer', id, answer };
      yield { kind: 'ended', answer: open };
      return;
    }
    const queue = new BoundedQueue<JobProgress>({ items: 200_000, bytes: Number.MAX_SAFE_INTEGER });
    for (const [id, answer] of open.drive.answers) queue.push({ kind: 'answer', id, answer });
    open.watchers.add(queue);
    open.end
      .then((answer) => queue.push({ kind: 'ended', answer }))
      .catch(() => undefined) // this master stops watching: so does the reader
      .finally(() => queue.end());
    const stop = (): void => queue.clear();
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (!signal.aborted) yield* queue;
    } finally {
      open.watchers.delete(queue);
      signal.removeEventListener('abort', stop);
    }
  }

  ls(query: JobQuery = {}): Promise<readonly JobSummary[]> {
    return this.#history.ls(query);
  }

  async show(jid: string): Promise<JobReport> {
    const record = await this.#history.get(jid);
    const { targets } = await this.#history.answerOf(record);
    const { args, kwargs, targets: expected } = record;
    // Who was given up is not in the stream, and on record only when the whole job has ended.
    const known = new Map([...targets, ...(this.#open.get(jid)?.drive.answers ?? [])]);
    const stopped = record.ended?.stopped;
    return {
      ...{ summary: summarize(record), args, kwargs, expected, targets: known },
      ...(record.batch?.gated === true ? { gated: true } : {}),
      ...(stopped === undefined ? {} : { stopped }),
    };
  }

  async kill(jid: string, by: string): Promise<JobAnswer> {
    const open = await this.#openOrEnded(jid);
    if (!('end' in open)) return open;
    await open.drive.cancel(by);
    return open.end;
  }

  active(ids: readonly string[]): Promise<readonly ActiveJob[]> {
    return activeJobs(this.#options.bus, ids);
  }

  find(jid: string): Promise<JobRecord | undefined> {
    return this.#history.find(jid);
  }

  async repetitionOf(jid: string): Promise<JobRunRequest> {
    return requestToRepeat(await this.#history.get(jid));
  }

  async resume(): Promise<number> {
    const oldest = this.#options.clock.now() - RESUME_AGE_MS;
    let resumed = 0;
    for (const jid of await this.#history.jids()) {
      if (this.#open.has(jid)) continue;
      const record = await this.#history.find(jid);
      if (record === undefined || record.ended !== undefined || record.issuedAt < oldest) continue;
      // The run it belongs to asks for it again, with the secrets that are not kept.
      if (record.sealed === true && record.run !== undefined) continue;
      await this.#attach(record);
      resumed += 1;
    }
    return resumed;
  }

  stored(id: string, jids: readonly string[]): Promise<readonly string[]> {
    return this.#options.returns.stored(id, jids.filter(isJobId));
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#work, ...[...this.#open.values()].map(({ end }) => end.catch(() => undefined))]);
  }

  async #begin(request: JobRunRequest): Promise<Open | JobAnswer> {
    const jid = request.jid ?? newId();
    requireJobId(jid);
    // A new job is the usual thing: whether one of this id is on record is seen when this one is to be.
    if (this.#open.has(jid) || request.fun === '') {
      const known = await this.#known(jid, request);
      if (known !== undefined) return known;
    }
    const { target, targetType = 'glob', delimiter, subset } = request;
    const { ids } = await this.#options.resolveTargets(target, targetType, delimiter, request);
    const selected = [...new Set(ids)];
    const targets =
      subset === undefined ? selected : chooseSubset(selected, subset, this.#options.random ?? Math.random);
    if (targets.length === 0) {
      const known = request.jid === undefined ? undefined : await this.#known(jid, request);
      return known ?? { jid, targets: new Map() };
    }
    this.#options.requireAllowed?.(request, targets);
    const prepared = this.#prepare({ ...request, jid, targets });
    const { record } = prepared;
    const isLook = record.batch === undefined && this.#options.onlyLooks?.(record.fun) === true;
    if (isLook && request.jid === undefined) {
      // A look that nobody can ask for again under this id does no harm should its record fail: both leave together.
      const recorded = Promise.resolve().then(() => this.#recordNew(record));
      this.#options.publishEvent?.(newJobNews(record));
      return this.#follow(record, prepared, { recorded });
    }
    if (!(await this.#history.create(record))) return (await this.#known(jid, request)) ?? this.#attach(record);
    this.#options.publishEvent?.(newJobNews(record));
    return this.#follow(record, prepared);
  }

  async #recordNew(record: JobRecord): Promise<void> {
    if (await this.#history.create(record)) return;
    throw new EdgeError('EDGE_INTERNAL', `the new job id ${record.jid} is in use`, { jid: record.jid });
  }

  #prepare(request: Parameters<typeof prepareJob>[0]): PreparedJob {
    return prepareJob(request, this.#options.clock.now());
  }

  /** The job of that id where there is one; `request` is the same job asked for again. */
  async #known(jid: string, request: JobRunRequest): Promise<Open | JobAnswer | undefined> {
    const open = this.#open.get(jid);
    const record = open?.record ?? (await this.#history.find(jid));
    if (record === undefined) return undefined;
    // Who only waits for a job (`fun` is empty) does not say it again.
    const isKept = record.batch === undefined && record.sealed !== true;
    const isAskedAgain = !isKept && record.ended === undefined && request.fun === record.fun;
    const again = isAskedAgain ? this.#prepare({ ...request, jid, targets: record.targets }) : undefined;
    if (open === undefined) return this.#attach(record, again);
    if (again !== undefined && open.drive instanceof BatchDrive) open.drive.adopt(again.message, again.gates);
    return open;
  }

  async #openOrEnded(jid: string): Promise<Open | JobAnswer> {
    return this.#open.get(jid) ?? this.#attach(await this.#history.get(jid));
  }

  /** The job as it goes on, or its answer when it has ended. */
  async #attach(record: JobRecord, again?: PreparedJob): Promise<Open | JobAnswer> {
    const open = this.#open.get(record.jid);
    if (open !== undefined) return open;
    if (record.ended !== undefined) return this.#history.answerOf(record);
    return this.#follow(record, again ?? partsOf(record), { reattached: true });
  }

  #follow(
    record: JobRecord,
    parts: JobParts | undefined,
    { recorded = Promise.resolve(), reattached = false }: { recorded?: Promise<void>; reattached?: boolean } = {},
  ): Open {
    const { jid } = record;
    const watchers = new Set<BoundedQueue<JobProgress>>();
    const drive = this.#driveOf(record, parts, reattached, (id, answer) => {
      for (const watcher of watchers) watcher.push({ kind: 'answer', id, answer });
      this.#options.publishEvent?.(returnNews(record, id, answer));
    });
    const end = this.#toEnd(record, drive, recorded);
    end.catch(() => undefined); // whoever waits sees it; a job may have nobody waiting
    const open: Open = { record, drive, watchers, recorded, end };
    this.#open.set(jid, open);
    return open;
  }

  #driveOf(
    record: JobRecord,
    parts: JobParts | undefined,
    reattached: boolean,
    onAnswer: (id: string, answer: JobTargetAnswer) => void,
  ): JobDrive {
    const { jid, fun, targets, issuedAt, expiresAt, batch, timeoutMs } = record;
    const { bus, signer, returns, presence, clock, log, batches } = this.#options;
    const common = {
      ...{ jid, fun, targets, bus, signer, returns, clock, log, reattached, onAnswer },
      ...{ settings: this.#settings, connectedSince: () => this.#connectedSince },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(presence === undefined ? {} : { presence }),
      ...(parts === undefined ? {} : { message: parts.message, gates: parts.gates }),
    };
    if (batch !== undefined) {
      const ports = { run: this.run.bind(this), callMaster: this.#options.callMaster };
      return new BatchDrive({ ...common, batch, progress: batches, askGates: gatekeeper(record, ports) });
    }
    return new Gather({ ...common, issuedAt, expiresAt });
  }

  async #toEnd(record: JobRecord, drive: JobDrive, recorded: Promise<void>): Promise<JobAnswer> {
    const { jid } = record;
    let isRecorded = false;
    try {
      await Promise.resolve(); // registered first, so that no return is missed
      await Promise.all([drive.run(this.#stop.signal), recorded]);
      isRecorded = true;
      if (drive.answers.size < record.targets.length) {
        throw new EdgeError('EDGE_CANCELLED', `this master stopped watching job ${jid}; the job goes on`, { jid });
      }
      const { answers: targets, stopped } = drive;
      const answer: JobAnswer = { jid, targets, ...(stopped === undefined ? {} : { stopped }) };
      this.#inBackground(this.#keepEnd(record, answer));
      return answer;
    } finally {
      if (!isRecorded || this.#stop.signal.aborted || drive.answers.size < record.targets.length)
        this.#open.delete(jid);
    }
  }

  /** The end is written behind the answer: should it get lost, the next master finds it in the stream. */
  async #keepEnd(record: JobRecord, answer: JobAnswer): Promise<void> {
    const at = this.#options.clock.now();
    this.#options.publishEvent?.(endNews(record, answer, at));
    try {
      await this.#history.end(record, answer, at);
    } catch (error) {
      this.#options.log.warn(`the end of job ${record.jid} is not written yet: ${errorMessage(error)}`);
    }
    this.#open.delete(record.jid);
  }

  async #takeReturns(): Promise<void> {
    const { bus } = this.#options;
    for await (const { subject, body } of bus.subscribe('edge.ret.*.*', { signal: this.#stop.signal })) {
      const jid = subject.split('.')[2]!;
      const open = this.#open.get(jid);
      if (open === undefined) continue;
      const answer = checkReturn(subject, body);
      if (answer === undefined) this.#options.log.warn(`dropped a malformed return on ${subject}`);
      else open.drive.take(answer);
    }
  }

  async #followConnection(): Promise<void> {
    for await (const { kind } of this.#options.bus.status(this.#stop.signal)) {
      const up = kind === 'connected';
      if (!up) this.#connectedSince = Number.POSITIVE_INFINITY;
      else if (this.#connectedSince === Number.POSITIVE_INFINITY) this.#connectedSince = this.#options.clock.now();
      else continue; // the first word of `status` says what was so already
      for (const { drive } of this.#open.values()) drive.connectionChanged(up);
    }
  }

  #inBackground(work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => this.#options.log.error(`jobs: ${errorMessage(error)}`))
      .finally(() => this.#work.delete(done));
    this.#work.add(done);
  }
}

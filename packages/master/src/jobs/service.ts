import { BoundedQueue, type Bus, type KeyPair, signJob } from '@edge-run/shared/bus';
import {
  type Clock,
  cancelled,
  EdgeError,
  errorMessage,
  type JsonValue,
  type Logger,
  newId,
} from '@edge-run/shared/kernel';
import type { JobAnswer, JobRequest, Jobs, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import type { JobMessage, SignedJob } from '@edge-run/shared/protocol';
import { encodeValue, type Value } from '@edge-run/shared/values';
import { answerOf, GATHER_DEFAULTS, Gather, type GatherSettings } from './gather.ts';
import type { Presence } from './presence.ts';
import { type JobRecord, type JobSummary, jobRecord, summarize } from './records.ts';
import { checkReturn, type JobRecords, type ReturnStream } from './streams.ts';

/** A job to publish. */
export interface JobRunRequest extends JobRequest {
  /** Who asks; `master` unless told. */
  readonly by?: string;
  /** The run it belongs to; minions refuse older epochs. */
  readonly run?: { readonly id: string; readonly epoch: number };
  /** The words as typed on a command line. */
  readonly typed?: JobMessage['typed'];
  readonly resumable?: boolean;
  /** Id of the event that led here. */
  readonly causedBy?: string;
}

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
}

/** Jobs on minions: published, followed to their end, and kept. */
export interface JobService extends Jobs {
  /** Publishes a job, or attaches to one whose id is repeated, and waits for every target; `signal` cancels the job. */
  run(request: JobRunRequest, signal: AbortSignal): Promise<JobAnswer>;
  /** Publishes and answers at once. */
  start(request: JobRunRequest): Promise<{ readonly jid: string; readonly targets: readonly string[] }>;
  /** What is there already, then what comes, then the end. Aborting stops watching only. @throws EdgeError `EDGE_JOB_UNKNOWN` */
  watch(jid: string, signal: AbortSignal): AsyncIterable<JobProgress>;
  /** The latest first. */
  ls(options?: { readonly limit?: number }): Promise<readonly JobSummary[]>;
  /** @throws EdgeError `EDGE_JOB_UNKNOWN` */
  show(jid: string): Promise<JobReport>;
  /** Asks the targets that still run to end. @throws EdgeError `EDGE_JOB_UNKNOWN` */
  kill(jid: string, by: string): Promise<void>;
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
  readonly signer: KeyPair;
  readonly clock: Clock;
  readonly log: Logger;
  readonly presence?: Presence;
  /** Who an expression stands for. */
  readonly resolveTargets: (
    target: string,
    targetType: string,
  ) => Promise<{ readonly ids: readonly string[]; readonly explain?: string }>;
  /** Tells everybody: `salt/job/<jid>/new`, `salt/job/<jid>/ret/<id>`. */
  readonly publishEvent?: (tag: string, data: JsonValue, causedBy?: string) => void;
  readonly settings?: Partial<GatherSettings>;
}

interface Open {
  readonly record: JobRecord;
  readonly gather: Gather;
  readonly watchers: Set<BoundedQueue<JobProgress>>;
  readonly end: Promise<JobAnswer>;
}

const JOB_ID = /^[A-Za-z0-9_-]{1,100}$/;
/** How long a minion may take to get a job it was sent. */
const DELIVERY_MS = 60_000;
const DEFAULT_LIMIT = 100;
const RESUME_AGE_MS = 86_400_000;

/** Publishes signed jobs and follows each to its end. */
export function createJobs(options: JobServiceOptions): JobService {
  return new Service(options);
}

class Service implements JobService {
  readonly #options: JobServiceOptions;
  readonly #settings: GatherSettings;
  readonly #open = new Map<string, Open>();
  readonly #stop = new AbortController();
  readonly #work = new Set<Promise<void>>();
  #connectedSince: number;

  constructor(options: JobServiceOptions) {
    this.#options = options;
    this.#settings = { ...GATHER_DEFAULTS, ...options.settings };
    this.#connectedSince = options.clock.now();
    this.#inBackground(this.#takeReturns());
    this.#inBackground(this.#followConnection());
  }

  async run(request: JobRunRequest, signal: AbortSignal): Promise<JobAnswer> {
    if (signal.aborted) throw cancelled(signal);
    const started = await this.#begin(request);
    if (!('end' in started)) return started;
    const cancel = (): void => {
      started.gather.cancel(request.by ?? 'master').catch((error: unknown) => {
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

  async start(request: JobRunRequest): Promise<{ readonly jid: string; readonly targets: readonly string[] }> {
    const started = await this.#begin(request);
    if ('end' in started) return { jid: started.record.jid, targets: started.record.targets };
    return { jid: started.jid, targets: [...started.targets.keys()] };
  }

  async *watch(jid: string, signal: AbortSignal): AsyncIterable<JobProgress> {
    const open = this.#open.get(jid) ?? (await this.#attach(await this.#record(jid)));
    if (!('end' in open)) {
      for (const [id, answer] of open.targets) yield { kind: 'answer', id, answer };
      yield { kind: 'ended', answer: open };
      return;
    }
    const queue = new BoundedQueue<JobProgress>({ items: 200_000, bytes: Number.MAX_SAFE_INTEGER });
    for (const [id, answer] of open.gather.answers) queue.push({ kind: 'answer', id, answer });
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

  async ls({ limit = DEFAULT_LIMIT }: { readonly limit?: number } = {}): Promise<readonly JobSummary[]> {
    const jids = (await this.#jids()).slice(0, limit);
    const records = await Promise.all(jids.map((jid) => this.#find(jid)));
    return records.filter((record) => record !== undefined).map(summarize);
  }

  async show(jid: string): Promise<JobReport> {
    const record = await this.#record(jid);
    const { targets } = await this.#answerOf(record);
    const { args, kwargs, targets: expected } = record;
    return { summary: summarize(record), args, kwargs, expected, targets };
  }

  async kill(jid: string, by: string): Promise<void> {
    const open = this.#open.get(jid) ?? (await this.#attach(await this.#record(jid)));
    if ('end' in open) await open.gather.cancel(by);
  }

  async resume(): Promise<number> {
    const oldest = this.#options.clock.now() - RESUME_AGE_MS;
    let resumed = 0;
    for (const jid of await this.#jids()) {
      if (this.#open.has(jid)) continue;
      const record = await this.#find(jid);
      if (record === undefined || record.ended !== undefined || record.issuedAt < oldest) continue;
      await this.#attach(record);
      resumed += 1;
    }
    return resumed;
  }

  stored(id: string, jids: readonly string[]): Promise<readonly string[]> {
    return this.#options.returns.stored(
      id,
      jids.filter((jid) => JOB_ID.test(jid)),
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#work, ...[...this.#open.values()].map(({ end }) => end.catch(() => undefined))]);
  }

  async #begin(request: JobRunRequest): Promise<Open | JobAnswer> {
    const jid = request.jid ?? newId();
    if (!JOB_ID.test(jid)) {
      throw new EdgeError(
        'EDGE_BAD_ARGUMENT',
        `'${jid}' cannot be a job id`,
        { jid },
        {
          hint: 'Use at most 100 letters, digits, - and _.',
        },
      );
    }
    const known = request.jid === undefined ? undefined : (this.#open.get(jid) ?? (await this.#find(jid)));
    if (known !== undefined) return 'end' in known && 'gather' in known ? known : this.#attach(known as JobRecord);
    const targetType = request.targetType ?? 'glob';
    const { ids } = await this.#options.resolveTargets(request.target, targetType);
    const { record, envelope } = this.#prepare(jid, request, targetType, [...new Set(ids)]);
    if (!(await this.#create(record))) return this.#attach(await this.#record(jid));
    const news = {
      ...{ jid, fun: record.fun, arg: record.args, tgt: record.target, tgt_type: targetType },
      ...{ minions: record.targets, user: record.by },
    };
    this.#options.publishEvent?.(`salt/job/${jid}/new`, news, record.causedBy);
    return this.#follow(record, envelope, false);
  }

  #prepare(
    jid: string,
    request: JobRunRequest,
    targetType: string,
    targets: string[],
  ): { readonly record: JobRecord; readonly envelope: SignedJob } {
    const now = this.#options.clock.now();
    const encode = (secrets: 'sealed' | 'revealed'): Pick<JobMessage, 'args' | 'kwargs'> => ({
      args: (request.args ?? []).map((value: Value) => encodeValue(value, { secrets })),
      kwargs: [...(request.kwargs ?? [])].map(([name, value]) => [name, encodeValue(value, { secrets })]),
    });
    const sealed = encode('sealed');
    const revealed = encode('revealed');
    const common = {
      jid,
      fun: request.fun,
      by: request.by ?? 'master',
      targets,
      issuedAt: now,
      expiresAt: now + DELIVERY_MS,
      ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
      ...(request.run === undefined ? {} : { run: request.run }),
    };
    const job: JobMessage = {
      ...common,
      ...revealed,
      ...(request.typed === undefined ? {} : { typed: request.typed }),
      ...(request.resumable === undefined ? {} : { resumable: request.resumable }),
    };
    const envelope = signJob(job, this.#options.signer);
    const secretFree = JSON.stringify(sealed) === JSON.stringify(revealed);
    const record: JobRecord = {
      ...{ ...common, ...sealed, target: request.target, targetType },
      ...(request.causedBy === undefined ? {} : { causedBy: request.causedBy }),
      ...(secretFree ? { envelope } : {}),
    };
    return { record, envelope };
  }

  /** The job as it goes on, or its answer when it has ended. */
  async #attach(record: JobRecord): Promise<Open | JobAnswer> {
    const open = this.#open.get(record.jid);
    if (open !== undefined) return open;
    return record.ended === undefined ? this.#follow(record, record.envelope, true) : this.#answerOf(record);
  }

  #follow(record: JobRecord, envelope: SignedJob | undefined, reattached: boolean): Open {
    const { jid, fun } = record;
    const { bus, signer, returns, presence, clock, log } = this.#options;
    const watchers = new Set<BoundedQueue<JobProgress>>();
    const gather = new Gather({
      ...{ jid, fun, targets: record.targets, issuedAt: record.issuedAt, expiresAt: record.expiresAt, reattached },
      ...{ bus, signer, returns, clock, log, settings: this.#settings, connectedSince: () => this.#connectedSince },
      ...(envelope === undefined ? {} : { envelope }),
      ...(record.timeoutMs === undefined ? {} : { timeoutMs: record.timeoutMs }),
      ...(presence === undefined ? {} : { presence }),
      onAnswer: (id, answer) => {
        for (const watcher of watchers) watcher.push({ kind: 'answer', id, answer });
        this.#tellReturn(record, id, answer);
      },
    });
    const end = this.#toEnd(record, gather);
    end.catch(() => undefined); // whoever waits sees it; a job may have nobody waiting
    const open: Open = { record, gather, watchers, end };
    this.#open.set(jid, open);
    return open;
  }

  async #toEnd(record: JobRecord, gather: Gather): Promise<JobAnswer> {
    const { jid } = record;
    try {
      await Promise.resolve(); // registered first, so that no return is missed
      await gather.run(this.#stop.signal);
      if (gather.answers.size < record.targets.length) {
        throw new EdgeError('EDGE_CANCELLED', `this master stopped watching job ${jid}; the job goes on`, { jid });
      }
      const answer = { jid, targets: gather.answers };
      this.#inBackground(this.#keepEnd(record, gather.answers));
      return answer;
    } finally {
      if (this.#stop.signal.aborted || gather.answers.size < record.targets.length) this.#open.delete(jid);
    }
  }

  /** The end is written behind the answer: should it get lost, the next master finds it in the stream. */
  async #keepEnd(record: JobRecord, answers: ReadonlyMap<string, JobTargetAnswer>): Promise<void> {
    const outcomes = Object.fromEntries(
      [...answers].map(([id, { outcome, retcode, evidence }]) => [
        id,
        { outcome, retcode, ...(evidence === undefined ? {} : { evidence }) },
      ]),
    );
    const { envelope: _, ...kept } = record;
    try {
      await this.#options.records.put(
        record.jid,
        JSON.stringify({ ...kept, ended: { at: this.#options.clock.now(), outcomes } }),
      );
    } catch (error) {
      this.#options.log.warn(`the end of job ${record.jid} is not written yet: ${errorMessage(error)}`);
    }
    this.#open.delete(record.jid);
  }

  #tellReturn({ jid, fun, causedBy }: JobRecord, id: string, answer: JobTargetAnswer): void {
    const returned = {
      ...{ jid, id, fun, outcome: answer.outcome, retcode: answer.retcode, success: answer.outcome === 'succeeded' },
      ...(answer.ret === undefined ? {} : { return: encodeValue(answer.ret) }),
      ...(answer.evidence === undefined ? {} : { evidence: answer.evidence }),
      ...(answer.error === undefined ? {} : { error: { ...answer.error } }),
    };
    this.#options.publishEvent?.(`salt/job/${jid}/ret/${id}`, returned, causedBy);
  }

  async #takeReturns(): Promise<void> {
    const { bus } = this.#options;
    for await (const { subject, body } of bus.subscribe('edge.ret.*.*', { signal: this.#stop.signal })) {
      const jid = subject.split('.')[2]!;
      const open = this.#open.get(jid);
      if (open === undefined) continue;
      const answer = checkReturn(subject, body);
      if (answer === undefined) this.#options.log.warn(`dropped a malformed return on ${subject}`);
      else open.gather.take(answer);
    }
  }

  async #followConnection(): Promise<void> {
    for await (const { kind } of this.#options.bus.status(this.#stop.signal)) {
      const up = kind === 'connected';
      if (!up) this.#connectedSince = Number.POSITIVE_INFINITY;
      else if (this.#connectedSince === Number.POSITIVE_INFINITY) this.#connectedSince = this.#options.clock.now();
      else continue; // the first word of `status` says what was so already
      for (const { gather } of this.#open.values()) gather.connectionChanged(up);
    }
  }

  async #answerOf(record: JobRecord): Promise<JobAnswer> {
    const { jid } = record;
    const expected = new Set(record.targets);
    const targets = new Map<string, JobTargetAnswer>();
    for (const answer of await this.#options.returns.read(jid)) {
      if (expected.has(answer.id)) targets.set(answer.id, answerOf(answer));
    }
    // A return that came after its target was given up stays in the stream; the job's end does not change.
    for (const [id, { outcome, retcode, evidence }] of Object.entries(record.ended?.outcomes ?? {})) {
      if (targets.get(id)?.outcome !== outcome)
        targets.set(id, { outcome, retcode, ...(evidence === undefined ? {} : { evidence }) });
    }
    return { jid, targets };
  }

  #inBackground(work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => this.#options.log.error(`jobs: ${errorMessage(error)}`))
      .finally(() => this.#work.delete(done));
    this.#work.add(done);
  }

  /** False when the id is in use. */
  async #create(record: JobRecord): Promise<boolean> {
    try {
      await this.#options.records.create(record.jid, JSON.stringify(record));
      return true;
    } catch (error) {
      if (/wrong last sequence/i.test(errorMessage(error))) return false;
      throw new EdgeError(
        'EDGE_BUS_UNREACHABLE',
        `job ${record.jid} (${record.fun}) was not published: it cannot be recorded: ${errorMessage(error)}`,
        { jid: record.jid, fun: record.fun },
        { cause: error, hint: 'Look whether the NATS server and its JetStream are up, then ask again.' },
      );
    }
  }

  async #record(jid: string): Promise<JobRecord> {
    const record = await this.#find(jid);
    if (record !== undefined) return record;
    throw new EdgeError(
      'EDGE_JOB_UNKNOWN',
      `no job ${jid} is known`,
      { jid },
      { hint: 'See the latest with: edge-run jobs ls.' },
    );
  }

  async #find(jid: string): Promise<JobRecord | undefined> {
    if (!JOB_ID.test(jid)) return undefined;
    const entry = await this.#options.records.get(jid);
    return entry === null || entry.operation !== 'PUT' ? undefined : jobRecord.parse(JSON.parse(entry.string()));
  }

  /** Newest first: job ids sort in order of time. */
  async #jids(): Promise<readonly string[]> {
    const jids: string[] = [];
    for await (const jid of await this.#options.records.keys()) jids.push(jid);
    return jids.sort((a, b) => (a < b ? 1 : -1));
  }
}

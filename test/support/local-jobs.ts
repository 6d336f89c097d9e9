import {
  gatekeeper,
  type JobProgress,
  type JobReport,
  type JobRunRequest,
  type JobService,
  type JobSummary,
  runBatch,
} from '@edge-run/master/jobs';
import { prepareJob } from '@edge-run/master/jobs/internal';
import type { HostJobResult, JobExecutor } from '@edge-run/shared/execute';
import { type Clock, EdgeError, newId, silentLogger } from '@edge-run/shared/kernel';
import type { JobAnswer, JobTargetAnswer } from '@edge-run/shared/modules/contract';
import { encodeValue } from '@edge-run/shared/values';

export interface LocalJobsOptions {
  /** Host id → what runs its jobs. */
  readonly hosts: ReadonlyMap<string, JobExecutor>;
  select(target: string, targetType: string): Promise<readonly string[]>;
  readonly clock: Clock;
  /** The master's own host, for gates of batches. */
  readonly master?: () => JobExecutor;
}

interface Started {
  readonly jid: string;
  readonly request: JobRunRequest;
  readonly targets: readonly string[];
  readonly issuedAt: number;
  readonly abort: AbortController;
  /** Host id → its end. */
  readonly ends: ReadonlyMap<string, Promise<JobTargetAnswer>>;
  /** Why a batch did not go on. */
  readonly stopped: Promise<string | undefined>;
}

/** Jobs run by the hosts of this process: no bus, nothing stored. A repeated id attaches to the first, as it must. */
export class LocalJobs implements JobService {
  readonly #options: LocalJobsOptions;
  readonly #jobs = new Map<string, Started>();

  constructor(options: LocalJobsOptions) {
    this.#options = options;
  }

  async start(request: JobRunRequest): Promise<{ jid: string; targets: readonly string[] }> {
    const { jid, targets } = await this.#started(request);
    return { jid, targets };
  }

  async run(request: JobRunRequest, signal: AbortSignal): Promise<JobAnswer> {
    const job = await this.#started(request);
    const cancel = (): void => job.abort.abort(signal.reason);
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await answerOf(job);
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  }

  async *watch(jid: string): AsyncIterable<JobProgress> {
    const job = this.#find(jid);
    for (const [id, end] of job.ends) yield { kind: 'answer', id, answer: await end };
    yield { kind: 'ended', answer: await answerOf(job) };
  }

  async ls(): Promise<readonly JobSummary[]> {
    const reports = await Promise.all([...this.#jobs.keys()].reverse().map((jid) => this.show(jid)));
    return reports.map(({ summary }) => summary);
  }

  async show(jid: string): Promise<JobReport> {
    const { request, targets, issuedAt, ...job } = this.#find(jid);
    const { fun, target, targetType = 'glob', by = 'master', args = [], kwargs = new Map() } = request;
    return {
      summary: { jid, fun, by, target, targetType, issuedAt, outcomes: {}, targetCount: targets.length },
      args: args.map((arg) => encodeValue(arg)),
      kwargs: [...kwargs].map(([key, value]) => [key, encodeValue(value)]),
      expected: targets,
      targets: await settled(job),
    };
  }

  async kill(jid: string): Promise<JobAnswer> {
    const job = this.#find(jid);
    job.abort.abort(new EdgeError('EDGE_CANCELLED', 'killed'));
    return answerOf(job);
  }

  async active(): Promise<readonly []> {
    return [];
  }

  async find(): Promise<undefined> {
    return undefined;
  }

  async repetitionOf(jid: string): Promise<JobRunRequest> {
    const { request, targets } = this.#find(jid);
    return { ...request, target: targets.join(','), targetType: 'list', rerunOf: jid };
  }

  async resume(): Promise<number> {
    return 0;
  }

  async stored(): Promise<readonly string[]> {
    return [];
  }

  async close(): Promise<void> {
    for (const { abort } of this.#jobs.values()) abort.abort(new EdgeError('EDGE_CANCELLED', 'closed'));
  }

  async #started(request: JobRunRequest): Promise<Started> {
    const jid = request.jid ?? newId();
    const known = this.#jobs.get(jid);
    if (known !== undefined) return known;
    const targets = await this.#options.select(request.target, request.targetType ?? 'glob');
    const abort = new AbortController();
    const issuedAt = this.#options.clock.now();
    const started = { jid, request, targets, issuedAt, abort };
    const prepared = prepareJob({ ...request, jid, targets }, issuedAt);
    const settings = prepared.record.batch;
    const all = (): Started['ends'] =>
      new Map(targets.map((id) => [id, this.#execute(id, jid, request, abort.signal)]));
    const job: Started =
      settings === undefined
        ? { ...started, ends: all(), stopped: Promise.resolve(undefined) }
        : { ...started, ...this.#inBatches(prepared, settings, started) };
    this.#jobs.set(jid, job);
    return job;
  }

  #inBatches(
    { record, message, gates }: ReturnType<typeof prepareJob>,
    settings: NonNullable<ReturnType<typeof prepareJob>['record']['batch']>,
    { jid, request, targets, abort }: Pick<Started, 'jid' | 'request' | 'targets' | 'abort'>,
  ): Pick<Started, 'ends' | 'stopped'> {
    const resolvers = new Map<string, (answer: JobTargetAnswer) => void>();
    const ends = new Map(
      targets.map((id) => [id, new Promise<JobTargetAnswer>((resolve) => resolvers.set(id, resolve))]),
    );
    const ask = gatekeeper(record, {
      run: (gate, signal) => this.run(gate, signal),
      callMaster: (job, signal) => this.#options.master!().execute(job, { signal, log: silentLogger }),
    });
    const stopped = runBatch({
      ...{ targets, settings, clock: this.#options.clock },
      run: (id) => this.#execute(id, jid, request, abort.signal),
      askGates: (batch, ids) => ask(gates, { batch, ids, message }, abort.signal),
      onEnd: (id, answer) => resolvers.get(id)!(answer),
    });
    return { ends, stopped };
  }

  async #execute(id: string, jid: string, request: JobRunRequest, signal: AbortSignal): Promise<JobTargetAnswer> {
    const { fun, args = [], kwargs = new Map(), timeoutMs, run } = request;
    const limit = timeoutMs === undefined ? {} : { timeoutMs };
    const bundle = run?.bundle === undefined ? {} : { bundle: run.bundle };
    const job = { jid, fun, args, kwargs, ...limit, ...bundle };
    return toAnswer(await this.#options.hosts.get(id)!.execute(job, { signal, log: silentLogger }));
  }

  #find(jid: string): Started {
    const job = this.#jobs.get(jid);
    if (job === undefined) throw new EdgeError('EDGE_JOB_UNKNOWN', `no job ${jid}`);
    return job;
  }
}

async function answerOf(job: Started): Promise<JobAnswer> {
  const stopped = await job.stopped;
  return { jid: job.jid, targets: await settled(job), ...(stopped === undefined ? {} : { stopped }) };
}

async function settled({ ends }: Pick<Started, 'ends'>): Promise<ReadonlyMap<string, JobTargetAnswer>> {
  return new Map(await Promise.all([...ends].map(async ([id, end]) => [id, await end] as const)));
}

function toAnswer({ outcome, ret, retcode, error }: HostJobResult): JobTargetAnswer {
  return { outcome, ret, retcode, ...(error === undefined ? {} : { evidence: error.message }) };
}

import { bodyDigest, ReplayGuard, verifyJob, verifyKill } from '../bus/identity/index.ts';
import {
  type Clock,
  deadline,
  EdgeError,
  errorMessage,
  type InstantMs,
  type Logger,
  Slots,
  toErrorRecord,
} from '../kernel/index.ts';
import {
  findMessage,
  JOB_ID,
  type JobMessage,
  type JobReceipt,
  type ReturnMessage,
  type RunningJob,
  type SignedJob,
} from '../protocol/index.ts';
import { decodeValue, encodeValue } from '../values/index.ts';
import type { HostJob, HostJobResult, JobExecutor } from './contract.ts';
import type { JobStore } from './job-store.ts';

/** What jobs are judged, run and kept with. */
export interface JobRunnerOptions {
  readonly id: string;
  /** Who runs the jobs, for messages. Default `the minion ID`. */
  readonly runsAs?: string;
  readonly version: string;
  /**
   * Since when this one has the host from another, whose records it has not got: what was given before may have run, and
   * is not run again.
   */
  readonly inheritedAt?: InstantMs;
  readonly trustedSigners: () => ReadonlySet<string>;
  readonly executor: JobExecutor;
  readonly store: JobStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly concurrency: number;
  /** Jobs that may wait for a slot; more are refused. Default 1,000. */
  readonly maxWaiting?: number;
  /** Brings a return on its way; must not throw. */
  readonly publish: (answer: ReturnMessage) => void;
}

interface Active {
  readonly job: JobMessage;
  readonly abort: AbortController;
  /** When it was taken, and then when it began. */
  startedAt: number;
  isQueued: boolean;
}

/** After its end was asked for, a function that does not end is given up. */
const ABORT_GRACE_MS = 5_000;
const MAX_RUNS = 10_000;

/** Judges what masters ask, runs jobs once each, and keeps what they returned. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #guard = new ReplayGuard();
  readonly #active = new Map<string, Active>();
  readonly #slots: Slots;
  readonly #ends = new Set<Promise<void>>();
  /** Run id → highest epoch seen, least recently seen first. */
  readonly #epochs = new Map<string, number>();
  readonly #startedAt: number;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#slots = new Slots(options.concurrency);
    this.#startedAt = options.clock.now();
    for (const job of options.store.all()) {
      this.#guard.see(job, job.digest, this.#startedAt);
      if (job.run !== undefined) this.#seeEpoch(job.run);
    }
  }

  /** Ends, or begins again, what a former process left in the middle. */
  recover(): void {
    const { store, clock, log } = this.#options;
    for (const { job, startedAt, queued } of store.interrupted()) {
      if (job.resumable === true) {
        log.info(`job ${job.jid} was interrupted and is run again`, { jid: job.jid, fun: job.fun });
        this.#start(job);
        continue;
      }
      const now = clock.now();
      const error = new EdgeError(
        'EDGE_JOB_INTERRUPTED',
        queued === true
          ? `${this.#runsAs} was stopped while ${job.fun} waited for its turn; it has not run`
          : `${this.#runsAs} was stopped while ${job.fun} ran; how far it came is not known`,
        { jid: job.jid, startedAt, restartedAt: now },
        { hint: queued === true ? 'Run the job again.' : 'Look at the host, then run the job again.' },
      );
      this.#finish(job, startedAt, { outcome: 'failed', ret: null, retcode: 1, error: toErrorRecord(error) });
    }
  }

  /** The receipt for a message on one of this minion's job subjects. Never throws. */
  handle(body: unknown): JobReceipt {
    const find = isOfKind(body, 'find') ? findMessage.safeParse(body) : undefined;
    if (find?.success === true) return find.data.jid === undefined ? this.#alive() : this.#find(find.data.jid);
    try {
      return isKill(body) ? this.#kill(body) : this.#take(body);
    } catch (error) {
      const record = toErrorRecord(error);
      if (record.details.problem !== 'not-a-target') this.#options.log.warn(`refused a job: ${record.message}`);
      return { state: 'refused', error: record };
    }
  }

  running(): readonly RunningJob[] {
    return [...this.#active.values()].map(({ job: { jid, fun, by }, startedAt, isQueued }) => ({
      ...{ jid, fun, by, startedAt },
      ...(isQueued ? { queued: true as const } : {}),
    }));
  }

  /** Resolves when no job runs any more; those that do are told to end. */
  async stop(): Promise<void> {
    for (const { abort } of this.#active.values())
      abort.abort(new EdgeError('EDGE_CANCELLED', `${this.#runsAs} is stopping`));
    await Promise.all(this.#ends);
    this.#options.store.flush();
  }

  /** Tells a job to end, which it does as cancelled; false when it is not in hand. */
  end(jid: string, by: string): boolean {
    const active = this.#active.get(jid);
    if (active === undefined) return false;
    this.#options.log.info(`job ${jid} is killed by ${by}`, { jid });
    active.abort.abort(new EdgeError('EDGE_CANCELLED', `killed by ${by}`, { jid, by }));
    return true;
  }

  get #runsAs(): string {
    return this.#options.runsAs ?? `the minion ${this.#options.id}`;
  }

  #alive(): JobReceipt {
    return { state: 'alive', running: [...this.running()], startedAt: this.#startedAt, version: this.#options.version };
  }

  #find(jid: string): JobReceipt {
    const active = this.#active.get(jid);
    if (active !== undefined) return { state: active.isQueued ? 'queued' : 'running', jid };
    const answer = this.#options.store.readReturn(jid);
    if (answer === undefined) return { state: 'unknown', jid };
    this.#options.publish(answer);
    return { state: 'ended', jid };
  }

  #kill(body: unknown): JobReceipt {
    const { id, clock } = this.#options;
    const kill = verifyKill(body, this.#options.trustedSigners(), { id, now: clock.now() });
    return this.end(kill.jid, kill.by) ? { state: 'running', jid: kill.jid } : this.#find(kill.jid);
  }

  #take(body: unknown): JobReceipt {
    const { id, clock, store } = this.#options;
    const now = clock.now();
    const job = verifyJob(body, this.#options.trustedSigners(), { id, now });
    if (!JOB_ID.test(job.jid)) throw refusal('the job id is not one token', { jid: job.jid });
    const digest = bodyDigest(body as SignedJob);
    const known = store.get(job.jid);
    if (known === undefined && this.#slots.waiting >= (this.#options.maxWaiting ?? 1_000)) {
      throw new EdgeError(
        'EDGE_MINION_BUSY',
        `${id} has ${this.#slots.waiting} jobs waiting`,
        {},
        {
          hint: 'Wait for the jobs that run (saltutil.running), or raise concurrency.',
        },
      );
    }
    const epoch = job.run === undefined ? undefined : this.#epochs.get(job.run.id);
    if (known === undefined && epoch !== undefined && job.run!.epoch < epoch) {
      throw refusal(`run ${job.run!.id} was taken over: epoch ${job.run!.epoch} is older than ${epoch}`, {
        problem: 'stale-epoch',
      });
    }
    switch (this.#guard.see(job, digest, now)) {
      case 'conflict':
        throw refusal(`job id ${job.jid} was used for another job`, { problem: 'replayed', jid: job.jid });
      case 'forgotten':
        throw refusal(`job ${job.jid} is older than this minion remembers`, { problem: 'forgotten', jid: job.jid });
      case 'repeated':
        return this.#find(job.jid);
      case 'new':
        if (job.run !== undefined) this.#seeEpoch(job.run);
        if (this.#mayHaveRun(job)) {
          store.begin(job, digest, now);
          this.#finish(job, now, this.#inherited(job));
          return this.#find(job.jid);
        }
        if (this.#slots.isFull) store.queue(job, digest, now);
        else if (this.#mayRunTwice(job, epoch)) store.beginLook(job, digest, now);
        else store.begin(job, digest, now);
        this.#start(job);
        return this.#find(job.jid);
    }
  }

  /** A look does no harm; but the first of an epoch is on disk before it runs: by it older ones are refused. */
  #mayRunTwice({ fun, run }: JobMessage, knownEpoch: number | undefined): boolean {
    return this.#options.executor.onlyLooks?.(fun) === true && (run === undefined || run.epoch === knownEpoch);
  }

  #mayHaveRun({ fun, issuedAt, resumable }: JobMessage): boolean {
    const { inheritedAt, executor } = this.#options;
    if (inheritedAt === undefined || issuedAt >= inheritedAt) return false;
    return resumable !== true && executor.onlyLooks?.(fun) !== true;
  }

  #inherited({ jid, fun }: JobMessage): HostJobResult {
    const { id } = this.#options;
    const error = new EdgeError(
      'EDGE_JOB_INTERRUPTED',
      `another master worked on ${id} when ${fun} was asked for; whether it ran is not known`,
      { jid },
      { hint: 'Look at the host, then run the job again.' },
    );
    return { outcome: 'failed', ret: null, retcode: 1, error: toErrorRecord(error) };
  }

  #seeEpoch(run: { readonly id: string; readonly epoch: number }): void {
    const epoch = Math.max(run.epoch, this.#epochs.get(run.id) ?? 0);
    this.#epochs.delete(run.id);
    this.#epochs.set(run.id, epoch);
    if (this.#epochs.size > MAX_RUNS) this.#epochs.delete(this.#epochs.keys().next().value!);
  }

  #start(job: JobMessage): void {
    const { clock } = this.#options;
    const isQueued = this.#slots.isFull;
    const active: Active = { job, startedAt: clock.now(), abort: new AbortController(), isQueued };
    this.#active.set(job.jid, active);
    const end = this.#run(active).finally(() => this.#ends.delete(end));
    this.#ends.add(end);
  }

  /** In its turn; one that is ended while it waits leaves the queue at once. */
  async #run(active: Active): Promise<void> {
    const { job, abort } = active;
    let giveBack: () => void;
    try {
      giveBack = await this.#slots.take(abort.signal);
    } catch {
      this.#finish(job, active.startedAt, aborted(abort.signal));
      return;
    }
    try {
      if (active.isQueued) this.#leaveQueue(active);
      this.#finish(job, active.startedAt, await this.#execute(job, abort));
    } finally {
      giveBack();
    }
  }

  #leaveQueue(active: Active): void {
    const { clock, store } = this.#options;
    active.isQueued = false;
    active.startedAt = clock.now();
    store.begin(active.job, store.get(active.job.jid)?.digest ?? '', active.startedAt);
  }

  async #execute(job: JobMessage, abort: AbortController): Promise<HostJobResult> {
    const limit = job.timeoutMs === undefined ? undefined : deadline(job.timeoutMs, job.fun, abort.signal);
    const signal = limit?.signal ?? abort.signal;
    let givenUp: NodeJS.Timeout | undefined;
    try {
      if (signal.aborted) return aborted(signal);
      const overdue = new Promise<HostJobResult>((resolve) => {
        const onAbort = (): void => {
          givenUp = setTimeout(() => resolve(aborted(signal)), ABORT_GRACE_MS);
        };
        signal.addEventListener('abort', onAbort, { once: true });
      });
      const log = this.#options.log.child({ jid: job.jid });
      return await Promise.race([this.#options.executor.execute(hostJob(job), { signal, log }), overdue]);
    } catch (error) {
      if (signal.aborted) return aborted(signal);
      return { outcome: 'failed', ret: errorMessage(error), retcode: 1, error: toErrorRecord(error) };
    } finally {
      clearTimeout(givenUp);
      limit?.dispose();
    }
  }

  #finish(job: JobMessage, startedAt: number, result: HostJobResult): void {
    const { clock, id, store, log } = this.#options;
    const { outcome, retcode, error } = result;
    const answer: ReturnMessage = {
      jid: job.jid,
      id,
      fun: job.fun,
      outcome,
      ret: encodeValue(result.ret),
      retcode,
      ...(error === undefined ? {} : { error }),
      startedAt,
      durationMs: clock.now() - startedAt,
    };
    try {
      store.end(job, answer);
    } catch (problem) {
      log.error(`cannot keep the return of ${job.jid}: ${errorMessage(problem)}`, { jid: job.jid });
    }
    this.#active.delete(job.jid);
    this.#options.publish(answer);
  }
}

function hostJob(job: JobMessage): HostJob {
  return {
    jid: job.jid,
    fun: job.fun,
    args: job.args.map(decodeValue),
    kwargs: new Map(job.kwargs.map(([name, value]) => [name, decodeValue(value)])),
    ...(job.typed === undefined
      ? {}
      : {
          typed: {
            args: job.typed.args.map((word) => word ?? undefined),
            kwargs: new Map(Object.entries(job.typed.kwargs)),
          },
        }),
    ...(job.roster === undefined ? {} : { roster: job.roster }),
    ...(job.run?.bundle === undefined ? {} : { bundle: job.run.bundle }),
    ...(job.timeoutMs === undefined ? {} : { timeoutMs: job.timeoutMs }),
  };
}

/** How a job ends that did not end itself after its signal was aborted. */
function aborted(signal: AbortSignal): HostJobResult {
  const error = toErrorRecord(signal.reason);
  const outcome = error.code === 'EDGE_DEADLINE' ? 'timed-out' : 'cancelled';
  return { outcome, ret: error.message, retcode: outcome === 'timed-out' ? 124 : 130, error };
}

function isKill(body: unknown): boolean {
  const text = (body as { readonly body?: unknown } | null)?.body;
  // A job may hold the word anywhere; one that does not is not read twice.
  if (typeof text !== 'string' || !text.includes('"kill"')) return false;
  try {
    return isOfKind(JSON.parse(text), 'kill');
  } catch {
    return false; // whatever it is, it is judged as a job and refused with a reason
  }
}

function isOfKind(body: unknown, kind: string): boolean {
  return (body as { readonly kind?: unknown } | null)?.kind === kind;
}

function refusal(message: string, details: Record<string, string | number>): EdgeError {
  return new EdgeError('EDGE_JOB_REFUSED', message, details);
}

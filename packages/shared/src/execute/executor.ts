import type { Host } from '../host/index.ts';
import { deadline, EdgeError, errorMessage, type Logger, toErrorRecord } from '../kernel/index.ts';
import type { Catalog } from '../modules/contract/index.ts';
import type { CallArguments } from '../schema/index.ts';
import { type PyMap, type Redactor, revealValue } from '../values/index.ts';
import type { HostJob, HostJobResult, JobExecutor } from './contract.ts';
import type { HostRuntime } from './runtime.ts';

/** How long a function may take when neither the job nor the function says. */
const DEFAULT_TIMEOUT_MS = 3_600_000;

/** What one job is run with. */
interface ExecuteOptions {
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** The host as this job shall see it; that of the runtime when absent. */
  readonly host?: Host;
}

/** True for a function that only looks: running it twice does no harm. */
export function onlyLooks({ functions }: Pick<Catalog, 'functions'>, fun: string): boolean {
  return functions.get(fun)?.access === 'read';
}

/** Runs jobs on the host of a runtime. State runs wait for each other; everything else runs side by side. */
export class RuntimeExecutor implements JobExecutor {
  readonly #runtime: HostRuntime;
  /** Ends when the last state run has ended. */
  #stateRuns: Promise<unknown> = Promise.resolve();

  constructor(runtime: HostRuntime) {
    this.#runtime = runtime;
  }

  onlyLooks(fun: string): boolean {
    return onlyLooks(this.#runtime.catalog, fun);
  }

  facts(): Promise<PyMap> {
    return this.#runtime.options.facts();
  }

  async refreshFacts(): Promise<PyMap> {
    const { refreshFacts, facts } = this.#runtime.options;
    return refreshFacts === undefined ? facts() : refreshFacts();
  }

  async execute(job: HostJob, options: ExecuteOptions): Promise<HostJobResult> {
    const limit = deadline(job.timeoutMs ?? DEFAULT_TIMEOUT_MS, job.fun, options.signal);
    try {
      const run = (): Promise<HostJobResult> => this.#run(job, { ...options, signal: limit.signal });
      return await (changesStates(job.fun) ? this.#afterOthers(run) : run());
    } catch (error) {
      return failure(error, limit.signal, this.#runtime.options.redactor);
    } finally {
      limit.dispose();
    }
  }

  async #run(job: HostJob, work: ExecuteOptions): Promise<HostJobResult> {
    const files = job.bundle === undefined ? undefined : this.#runtime.options.filesOf?.(job.bundle);
    const { ctx } = await this.#runtime.workplace({
      ...{ ...work, jid: job.jid },
      ...(files === undefined ? {} : { files }),
    });
    const { redactor } = this.#runtime.options;
    const call = redactor === undefined ? job : revealedCall(job, redactor);
    const { ret, retcode } = await raced(this.#runtime.invokeWithCode(job.fun, call, ctx), work.signal);
    return {
      outcome: retcode === 0 ? 'succeeded' : 'failed',
      ret: redactor === undefined ? ret : redactor.value(ret),
      retcode,
    };
  }

  #afterOthers(run: () => Promise<HostJobResult>): Promise<HostJobResult> {
    const turn = this.#stateRuns.then(run, run);
    this.#stateRuns = turn.catch(() => undefined);
    return turn;
  }
}

/** What lies over the pillar stays sealed, as the pillar does; every other secret that is given is for its function. */
function revealedCall({ args, kwargs, typed }: CallArguments, redactor: Redactor): CallArguments {
  for (const value of [...args, ...kwargs.values()]) redactor.learn(value);
  return {
    args: args.map((arg) => revealValue(arg)),
    kwargs: new Map([...kwargs].map(([name, value]) => [name, name === 'pillar' ? value : revealValue(value)])),
    ...(typed === undefined ? {} : { typed }),
  };
}

/** Two state runs of one host would undo each other's looks; showing one is harmless. */
function changesStates(fun: string): boolean {
  return fun.startsWith('state.') && !fun.startsWith('state.show_');
}

/** A function that does not heed the signal must not hold its job up. */
function raced<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function failure(thrown: unknown, limit: AbortSignal, redactor: Redactor | undefined): HostJobResult {
  const error = redactor === undefined ? thrown : redactor.error(thrown);
  const record = toErrorRecord(error);
  // The job's own time may be watched by whoever gave it to this executor, too: the reason tells, not the signal.
  const outcome = !limit.aborted ? 'failed' : isDeadline(limit.reason) ? 'timed-out' : 'cancelled';
  return { outcome, ret: errorMessage(error), retcode: 1, error: record };
}

function isDeadline(reason: unknown): boolean {
  return reason instanceof EdgeError && reason.code === 'EDGE_DEADLINE';
}

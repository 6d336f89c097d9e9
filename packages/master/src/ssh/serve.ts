import { join } from 'node:path';
import type { Bus, Received } from '@edge-run/shared/bus';
import { type JobExecutor, JobRunner, JobStore } from '@edge-run/shared/execute';
import { type Clock, errorMessage, type InstantMs, type Logger } from '@edge-run/shared/kernel';
import { type ReturnMessage, SUBJECTS } from '@edge-run/shared/protocol';
import { unreachable } from './job-host.ts';
import { unlessAborted } from './unless-aborted.ts';

/** A host of the roster, and what takes and runs its jobs. */
export interface ServeSshHostOptions {
  readonly bus: Bus;
  readonly id: string;
  /** Since when it is ours, where another master had it before: what was asked for then is not run again. */
  readonly inheritedAt?: InstantMs;
  /** Folder that remembers which jobs ran on which host. */
  readonly dir: string;
  /** Public keys whose jobs are run: those of the masters. */
  readonly signers: () => ReadonlySet<string>;
  /** Resolves while this master may begin what cannot be taken back. */
  fence(signal: AbortSignal): Promise<void>;
  /** What runs the jobs of a host that has just answered; `roster`: the one that the job names instead of ours. @throws EdgeError when the host cannot be reached */
  executorOf(id: string, roster: string | undefined): Promise<JobExecutor>;
  /** True for a function that only looks: it may be run again after a crash. */
  onlyLooks(fun: string): boolean;
  /** Jobs that run at a time on one host. */
  readonly concurrency: number;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Where below the folder a host has its own; an id may hold what no name of a file does. */
function directoryOf(id: string): string {
  return Buffer.from(id).toString('hex');
}

/** The id whose folder it is. */
export function idOfDirectory(name: string): string {
  return Buffer.from(name, 'hex').toString();
}

/**
 * Takes the jobs of a host that has no agent: for the rest of Edge it is a minion that lives here. Signatures, once-only
 * execution, questions after a job and its return are those of a minion, because the code is the same. Answers what ends
 * it: jobs that run are told to end.
 */
export function serveSshHost(options: ServeSshHostOptions): () => Promise<void> {
  const { bus, id, clock, inheritedAt, signers } = options;
  const log = options.log.child({ host: id });
  const ended = new AbortController();
  const { signal } = ended;
  const store = new JobStore(join(options.dir, directoryOf(id)));
  const runner = new JobRunner({
    id,
    runsAs: `the master that works on ${id}`,
    version: options.version,
    ...(inheritedAt === undefined ? {} : { inheritedAt }),
    trustedSigners: signers,
    executor: reaching(options),
    store,
    clock,
    log,
    concurrency: options.concurrency,
    publish: (answer) => void publish(bus, answer, store, log),
  });
  runner.recover();
  const listen = async (subject: string): Promise<void> => {
    for await (const message of bus.subscribe(subject, { signal })) answer(message, runner, log);
  };
  const subject = SUBJECTS.job(id);
  listen(subject).catch((error: unknown) => log.error(`no longer listening on ${subject}: ${errorMessage(error)}`));
  return async () => {
    ended.abort();
    await runner.stop();
  };
}

function answer({ body, respond }: Received, runner: JobRunner, log: Logger): void {
  const receipt = runner.handle(body);
  try {
    respond?.(receipt);
  } catch (error) {
    log.warn(`a receipt could not be sent: ${errorMessage(error)}`);
  }
}

/** The stream keeps the return; should this process end before it is sent, it is sent again when asked for. */
async function publish(bus: Bus, message: ReturnMessage, store: JobStore, log: Logger): Promise<void> {
  try {
    await bus.publish(SUBJECTS.returns(message.jid, message.id), message);
    await bus.flush();
    store.confirm(message.jid);
  } catch (error) {
    log.warn(`the return of ${message.jid} could not be sent: ${errorMessage(error)}`);
  }
}

/** Asks for what runs the jobs with each of them: a host that cannot be reached now may be reached later. */
function reaching({ id, executorOf, onlyLooks, fence }: ServeSshHostOptions): JobExecutor {
  return {
    onlyLooks: (fun) => onlyLooks(fun),
    facts: async () => (await executorOf(id, undefined)).facts(),
    async execute(job, work) {
      let executor: JobExecutor;
      await fence(work.signal);
      try {
        executor = await unlessAborted(executorOf(id, job.roster), work.signal);
      } catch (error) {
        if (work.signal.aborted) throw error;
        return unreachable(error);
      }
      return executor.execute(job, work);
    },
  };
}

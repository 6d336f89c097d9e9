import { join } from 'node:path';
import type { Bus, Received } from '@edge-run/shared/bus';
import { type JobExecutor, JobRunner, JobStore } from '@edge-run/shared/execute';
import { type Clock, errorMessage, type Logger } from '@edge-run/shared/kernel';
import { type ReturnMessage, SUBJECTS } from '@edge-run/shared/protocol';
import { unreachable } from './job-host.ts';
import { unlessAborted } from './unless-aborted.ts';

/** The hosts of the roster, and what takes and runs their jobs. */
export interface ServeSshHostsOptions {
  readonly bus: Bus;
  /** Ids of the roster. */
  readonly ids: readonly string[];
  /** Folder that remembers which jobs ran on which host. */
  readonly dir: string;
  /** Public keys whose jobs are run: the master's own. */
  readonly signers: readonly string[];
  /** What runs the jobs of a host that has just answered; `roster`: the one that the job names instead of ours. @throws EdgeError when the host cannot be reached */
  executorOf(id: string, roster: string | undefined): Promise<JobExecutor>;
  /** Jobs that run at a time on one host. */
  readonly concurrency: number;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Takes the jobs of hosts that have no agent: for the rest of Edge they are minions that live here. Signatures,
 * once-only execution, questions after a job and its return are those of a minion, because the code is the same.
 * Answers what ends it: jobs that run are told to end.
 */
export function serveSshHosts(options: ServeSshHostsOptions): () => Promise<void> {
  const runners = options.ids.map((id) => serveOne(id, options));
  return async () => {
    await Promise.all(runners.map((runner) => runner.stop()));
  };
}

/** Where below the folder a host has its own; an id may hold what no name of a file does. */
function directoryOf(id: string): string {
  return Buffer.from(id).toString('hex');
}

/** The id whose folder it is. */
export function idOfDirectory(name: string): string {
  return Buffer.from(name, 'hex').toString();
}

function serveOne(id: string, options: ServeSshHostsOptions): JobRunner {
  const { bus, clock, signal } = options;
  const log = options.log.child({ host: id });
  const signers = new Set(options.signers);
  const store = new JobStore(join(options.dir, directoryOf(id)));
  const runner = new JobRunner({
    id,
    runsAs: `the master that works on ${id}`,
    version: options.version,
    trustedSigners: () => signers,
    executor: reaching(id, options),
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
  return runner;
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
function reaching(id: string, { executorOf }: ServeSshHostsOptions): JobExecutor {
  return {
    facts: async () => (await executorOf(id, undefined)).facts(),
    async execute(job, work) {
      let executor: JobExecutor;
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

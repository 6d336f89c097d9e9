import { parseArgs } from 'node:util';
import type { JobExecutor } from '@edge-run/shared/execute';
import { errorMessage, type Logger, systemClock } from '@edge-run/shared/kernel';
import { createLogger } from '@edge-run/shared/logging';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol';
import type { Agent } from '../agent/index.ts';
import { readMinionConfig } from '../config/index.ts';
import { composeMinion } from './compose.ts';
import { createHostExecutor, introduce } from './host-executor.ts';

/** Runs the minion until it is told to stop; `createExecutor` makes what runs its jobs. */
export async function runDaemon(argv: readonly string[], createExecutor = createHostExecutor): Promise<ExitCode> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: 'string' },
      id: { type: 'string' },
      servers: { type: 'string' },
      'data-dir': { type: 'string' },
      'log-level': { type: 'string' },
    },
  });
  const flags = {
    id: values.id,
    servers: values.servers,
    data_dir: values['data-dir'],
    log_level: values['log-level'],
  };
  const config = await readMinionConfig(values.config, { env: process.env, flags });
  const log = createLogger(config.log_level);
  let executor: JobExecutor | undefined;
  const agent = await composeMinion(config, {
    createExecutor: (ports) => {
      executor = createExecutor(config, ports, log);
      return executor;
    },
    log,
  });
  void keepIntroduced(agent, () => introduce(config, agent.ports, executor!), log);
  const stop = (): void => {
    log.info('stopping');
    void agent.stop();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  log.info(`minion ${config.id} started`, { servers: config.servers });
  await agent.ended();
  return EXIT.done;
}

const INTRODUCE_AGAIN_MS = 2_000;
const FACTS_REPEATED_MS = 10 * 60_000;

/** Tells the master this host's facts once it takes jobs, and again from time to time, until the agent ends. */
async function keepIntroduced(agent: Agent, introduceOnce: () => Promise<void>, log: Logger): Promise<void> {
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  agent.ended().then(stop, stop);
  await agent.ready().catch(() => undefined);
  while (!ended.signal.aborted) {
    const told = await introduceOnce().then(
      () => true,
      (error: unknown) => {
        log.warn(`the master could not be told the facts of this host: ${errorMessage(error)}`);
        return false;
      },
    );
    await systemClock.sleep(told ? FACTS_REPEATED_MS : INTRODUCE_AGAIN_MS, ended.signal).catch(() => undefined);
  }
}

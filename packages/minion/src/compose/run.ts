import { parseArgs } from 'node:util';
import type { JobExecutor } from '@edge-run/shared/execute';
import { EdgeError, errorMessage, type Logger, systemClock } from '@edge-run/shared/kernel';
import { createLogger } from '@edge-run/shared/logging';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol';
import type { Agent } from '../agent/index.ts';
import { readMinionConfig } from '../config/index.ts';
import { composeMinion, VERSION } from './compose.ts';
import { createHostExecutor, introduce } from './host-executor.ts';

const USAGE = `Usage: edge-minion run [--config FILE] [--id ID] [--servers URL,…] [--data-dir DIR] [--log-level LEVEL]

Starts the minion. Every key of the file can be set as EDGE_* in the environment too
(EDGE_MINION_ID, EDGE_SERVERS, EDGE_DATA_DIR, EDGE_KNOCK, EDGE_JOIN_TOKEN, EDGE_TRUSTED_KEYS, …).
`;

/** A command of edge-minion beside `run`, such as `call`. */
export type MinionCommand = (argv: readonly string[]) => Promise<ExitCode>;

/** Runs the command line and answers its exit code; `commands` adds to `run`. */
export async function runCommandLine(
  argv: readonly string[],
  parts: {
    /** What runs the jobs; every module on this machine when absent. */
    readonly createExecutor?: typeof createHostExecutor;
    readonly commands?: Readonly<Record<string, MinionCommand>>;
    readonly write: (text: string) => void;
  },
): Promise<ExitCode> {
  const [command = 'help', ...rest] = argv;
  try {
    if (command === 'run') return await runDaemon(rest, parts.createExecutor ?? createHostExecutor);
    const other = parts.commands?.[command];
    if (other !== undefined) return await other(rest);
    parts.write(command === '--version' ? `edge-minion ${VERSION}\n` : USAGE);
    return command === 'help' || command === '--help' || command === '--version' ? EXIT.done : EXIT.notStarted;
  } catch (error) {
    const hint = error instanceof EdgeError && error.hint !== undefined ? `\n  ${error.hint}` : '';
    parts.write(`edge-minion: ${errorMessage(error)}${hint}\n`);
    return EXIT.notStarted;
  }
}

async function runDaemon(argv: readonly string[], createExecutor: typeof createHostExecutor): Promise<ExitCode> {
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

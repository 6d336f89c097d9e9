import { parseArgs } from 'node:util';
import { createLogger } from '@edge-run/shared/logging';
import { EXIT, type ExitCode } from '@edge-run/shared/protocol';
import { readMinionConfig } from '../config/index.ts';
import { createHostExecutor } from './host-executor.ts';
import { startMinion } from './start-minion.ts';

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
  const agent = await startMinion(config, { createExecutor, log });
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

import type { JobExecutor } from '@edge-run/shared/execute';
import type { Logger } from '@edge-run/shared/kernel';
import type { Agent } from '../agent/index.ts';
import type { MinionConfig } from '../config/index.ts';
import { composeMinion } from './compose.ts';
import { createHostExecutor } from './host-executor.ts';
import { keepTold } from './keep-told.ts';

/** Starts the whole minion: it takes jobs, and tells its master its facts and what it publishes in the mine. */
export async function startMinion(
  config: MinionConfig,
  parts: { readonly createExecutor?: typeof createHostExecutor; readonly log: Logger },
): Promise<Agent> {
  const { createExecutor = createHostExecutor, log } = parts;
  let executor: JobExecutor | undefined;
  const agent = await composeMinion(config, {
    createExecutor: (ports) => {
      executor = createExecutor(config, ports, log);
      return executor;
    },
    log,
  });
  keepTold(agent, executor!, config, log);
  return agent;
}

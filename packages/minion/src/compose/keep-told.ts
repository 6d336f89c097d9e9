import type { JobExecutor } from '@edge-run/shared/execute';
import { errorMessage, type Logger, newId, systemClock } from '@edge-run/shared/kernel';
import type { Agent } from '../agent/index.ts';
import type { MinionConfig } from '../config/index.ts';

const TELL_AGAIN_MS = 2_000;
const FACTS_REPEATED_MS = 10 * 60_000;
const MINE_TIMEOUT_MS = 300_000;

/**
 * Tells the master this host's facts and what it publishes in the mine, once it takes jobs and again from time to time,
 * until the agent ends. Facts that changed are told when that is seen, by whoever gathered them.
 */
export function keepTold(agent: Agent, executor: JobExecutor, config: MinionConfig, log: Logger): void {
  const ended = new AbortController();
  const stop = (): void => ended.abort();
  agent.ended().then(stop, stop);
  const { signal } = ended;
  const { grains_refresh_every, mine_enabled, mine_interval } = config;
  const factsMs = grains_refresh_every === 0 ? FACTS_REPEATED_MS : grains_refresh_every * 60_000;
  const tellFacts = async (): Promise<void> => agent.ports.tellFacts(await executor.facts());
  const start = async (): Promise<void> => {
    await agent.ready().catch(() => undefined);
    const repeat = (work: () => Promise<void>, everyMs: number, what: string): Promise<void> =>
      repeated(work, { everyMs, signal, onFailure: (error) => log.warn(`${what}: ${errorMessage(error)}`) });
    const facts = repeat(tellFacts, factsMs, 'the master could not be told the facts of this host');
    const mine = mine_enabled
      ? repeat(() => updateMine(executor, signal, log), mine_interval * 60_000, 'the mine could not be updated')
      : undefined;
    await Promise.all([facts, mine]);
  };
  void start();
}

/** Soon again after a failure. */
async function repeated(
  work: () => Promise<void>,
  options: { readonly everyMs: number; readonly signal: AbortSignal; onFailure(error: unknown): void },
): Promise<void> {
  const { everyMs, signal, onFailure } = options;
  while (!signal.aborted) {
    const isDone = await work().then(
      () => true,
      (error: unknown) => {
        onFailure(error);
        return false;
      },
    );
    // A fleet that came up together should not ask together for ever.
    const waitMs = isDone ? everyMs * (0.9 + Math.random() / 10) : Math.min(everyMs, TELL_AGAIN_MS);
    await systemClock.sleep(waitMs, signal).catch(() => undefined);
  }
}

async function updateMine(executor: JobExecutor, signal: AbortSignal, log: Logger): Promise<void> {
  const job = { jid: `mine-${newId()}`, fun: 'mine.update', args: [], kwargs: new Map(), timeoutMs: MINE_TIMEOUT_MS };
  const { outcome, ret } = await executor.execute(job, { signal, log });
  if (outcome !== 'succeeded' && !signal.aborted) throw new Error(String(ret));
}

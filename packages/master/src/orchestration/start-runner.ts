import type { Value } from '@edge-run/shared/values';
import type { RunnerCalls, RunnerRequest } from './ports.ts';

/** A call that was handed over. */
export interface StartedRunner {
  /** The run it became, where the function starts one. */
  readonly run?: string;
  readonly ended: Promise<{ readonly answer: Value; readonly result: boolean }>;
}

/**
 * Calls a runner and resolves once the call outlives this process: its run is journaled, or it has ended.
 *
 * @throws what the call ends with, when that is before it was handed over
 */
export async function startRunner(
  runners: RunnerCalls,
  request: Omit<RunnerRequest, 'report'>,
): Promise<StartedRunner> {
  let handOver: (run: string) => void;
  const journaled = new Promise<string>((resolve) => {
    handOver = resolve;
  });
  const ended = runners.call({
    ...request,
    report: (phase, detail) => {
      const run = phase === 'started' ? /^run (\S+)$/.exec(detail ?? '')?.[1] : undefined;
      if (run !== undefined) handOver(run);
    },
  });
  const run = await Promise.race([journaled, ended.then(() => undefined)]);
  return run === undefined ? { ended } : { run, ended };
}

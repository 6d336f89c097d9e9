import { HostRuntime, type JobExecutor, RuntimeExecutor, stateFunctions } from '@edge-run/shared/execute';
import {
  type Compiled,
  compiled,
  type DiagnosticsError,
  EdgeError,
  type Logger,
  notCompiled,
} from '@edge-run/shared/kernel';
import { type PyMap, Redactor } from '@edge-run/shared/values';
import type { MinionPorts } from '../agent/index.ts';
import type { MinionConfig } from '../config/index.ts';
import { runtimeBase } from './runtime-base.ts';

/** What runs the jobs of a minion: every module, on this machine, over the ports to the master. */
export function createHostExecutor(config: MinionConfig, ports: MinionPorts, log: Logger): JobExecutor {
  const base = runtimeBase(config, log);
  const runtime: HostRuntime = new HostRuntime(
    {
      ...base,
      redactor: new Redactor(),
      files: ports.files,
      events: ports.events,
      mine: ports.mine,
      pillar: async ({ saltenv, pillarenv, override }) =>
        asCompiled(
          ports.fetchPillar({
            saltenv,
            facts: await base.facts(),
            ...(pillarenv === undefined ? {} : { pillarenv }),
            ...(override === undefined ? {} : { override }),
          }),
        ),
    },
    stateFunctions,
  );
  return new RuntimeExecutor(runtime);
}

/** Tells the master the facts of this host, and fetches the pillar for the first job. */
export async function introduce(config: MinionConfig, ports: MinionPorts, executor: JobExecutor): Promise<void> {
  await ports.fetchPillar({
    facts: await executor.facts(),
    ...(config.pillarenv === undefined ? {} : { pillarenv: config.pillarenv }),
  });
}

/** What the master refused to compile comes back as its diagnostics. */
async function asCompiled(answer: Promise<PyMap>): Promise<Compiled<PyMap>> {
  try {
    return compiled(await answer);
  } catch (error) {
    const diagnostics = error instanceof EdgeError ? error.details.diagnostics : undefined;
    if (!Array.isArray(diagnostics)) throw error;
    return notCompiled(diagnostics as unknown as DiagnosticsError['diagnostics']);
  }
}

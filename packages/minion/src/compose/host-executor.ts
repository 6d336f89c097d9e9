import { HostRuntime, type JobExecutor, RuntimeExecutor, stateFunctions } from '@edge-run/shared/execute';
import {
  type Compiled,
  compiled,
  type DiagnosticsError,
  EdgeError,
  errorMessage,
  type Logger,
  notCompiled,
} from '@edge-run/shared/kernel';
import { PyMap, Redactor } from '@edge-run/shared/values';
import type { MinionPorts } from '../agent/index.ts';
import type { MinionConfig } from '../config/index.ts';
import { runtimeBase } from './runtime-base.ts';

/** What runs the jobs of a minion: every module, on this machine, over the ports to the master. */
export function createHostExecutor(config: MinionConfig, ports: MinionPorts, log: Logger): JobExecutor {
  const onFacts = (facts: PyMap): Promise<void> =>
    ports.tellFacts(facts).catch((error: unknown) => {
      log.warn(`the master could not be told the new facts; it is told them later: ${errorMessage(error)}`);
    });
  const base = runtimeBase(config, log, { onFacts });
  const runtime: HostRuntime = new HostRuntime(
    {
      ...base,
      redactor: new Redactor(),
      files: ports.files,
      filesOf: (bundle) => ports.filesOf(bundle),
      facts: async () => withRole(await base.facts(), ports.role()),
      localJobs: ports.localJobs,
      keys: { rotate: () => ports.rotateKey() },
      events: ports.events,
      mine: ports.mine,
      masterOpts: () => ports.fetchMasterOpts(),
      pillar: async ({ saltenv, pillarenv, override }) =>
        asCompiled(
          ports.fetchPillar({
            saltenv,
            facts: withRole(await base.facts(), ports.role()),
            ...(pillarenv === undefined ? {} : { pillarenv }),
            ...(override === undefined ? {} : { override }),
          }),
        ),
    },
    stateFunctions,
  );
  return new RuntimeExecutor(runtime);
}

/** The facts with what the join token of this host says it is for. */
function withRole(facts: PyMap, role: string | undefined): PyMap {
  return role === undefined ? facts : new PyMap([...facts, ['role', role]]);
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

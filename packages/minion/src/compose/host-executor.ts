import {
  createCatalog,
  HostRuntime,
  type JobExecutor,
  RuntimeExecutor,
  stateFunctions,
} from '@edge-run/shared/execute';
import { LocalHost } from '@edge-run/shared/host';
import {
  type Compiled,
  compiled,
  type DiagnosticsError,
  EdgeError,
  type Logger,
  notCompiled,
} from '@edge-run/shared/kernel';
import { gatherFacts } from '@edge-run/shared/modules/facts';
import { createJinja, createRenderData, dumpYaml, loadYaml } from '@edge-run/shared/render';
import { fromPlain, PyMap } from '@edge-run/shared/values';
import type { MinionPorts } from '../agent/index.ts';
import type { MinionConfig } from '../config/index.ts';

/** How long facts are believed before they are gathered anew. */
const FACTS_KEPT_MS = 10 * 60_000;

/** What runs the jobs of a minion: every module, on this machine, over the ports to the master. */
export function createHostExecutor(config: MinionConfig, ports: MinionPorts, log: Logger): JobExecutor {
  const { renderText } = createJinja({ loadYaml, dumpYaml });
  const host = new LocalHost({ id: config.id, ...(config.home === undefined ? {} : { home: config.home }) });
  const facts = keptFacts(
    async () => new PyMap([...(await gatherFacts(host)), ...mapOf(config.grains), ['id', config.id]]),
  );
  const runtime: HostRuntime = new HostRuntime(
    {
      host,
      catalog: createCatalog(),
      files: ports.files,
      renderText,
      renderData: createRenderData(renderText),
      facts,
      opts: minionOpts(config),
      ...(config.pillarenv === undefined ? {} : { pillarenv: config.pillarenv }),
      events: ports.events,
      mine: ports.mine,
      log,
      pillar: async ({ saltenv, pillarenv, override }) =>
        asCompiled(
          ports.fetchPillar({
            saltenv,
            facts: await facts(),
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

function keptFacts(gather: () => Promise<PyMap>): () => Promise<PyMap> {
  let kept: { readonly facts: Promise<PyMap>; readonly until: number } | undefined;
  return () => {
    const now = performance.now();
    if (kept === undefined || now > kept.until) kept = { facts: gather(), until: now + FACTS_KEPT_MS };
    return kept.facts;
  };
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

function minionOpts(config: MinionConfig): PyMap {
  const { id, services_dir, services_run_dir, pillarenv } = config;
  return mapOf({ id, services_dir, services_run_dir, pillarenv, saltenv: 'base', __role: 'minion' });
}

function mapOf(plain: object): PyMap {
  return fromPlain(plain) as PyMap;
}

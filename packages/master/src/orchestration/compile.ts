import { type HostRuntime, slsSource } from '@edge-run/shared/execute';
import { type Compiled, DiagnosticsError, notCompiled, requireCompiled } from '@edge-run/shared/kernel';
import type { StepSummary } from '@edge-run/shared/protocol';
import { didYouMean } from '@edge-run/shared/schema';
import { type Chunk, compile, compileCatalog, gatherHigh } from '@edge-run/shared/state';
import { PyMap } from '@edge-run/shared/values';
import { checkSteps, type StepChecks } from './check-steps.ts';
import type { CompiledOrchestration, RunRequest } from './runs.ts';
import { declaredStates } from './step-states.ts';
import { STEP_KINDS } from './steps/index.ts';

/** Folder that orchestrations are mounted under; its name may be left out. */
const FOLDER = 'orch';

/**
 * Finds, renders and compiles an orchestration on the master. Calls of its templates really run.
 *
 * @throws DiagnosticsError with everything that is wrong, before any step has run
 */
export async function compileOrchestration(
  request: RunRequest,
  runtime: HostRuntime,
  checks: StepChecks,
  signal: AbortSignal,
): Promise<CompiledOrchestration> {
  const { files, renderData, log } = runtime.options;
  const saltenv = request.saltenv ?? 'base';
  const pillarenv = request.pillarenv;
  const work = {
    signal,
    log,
    ...(pillarenv === undefined ? {} : { pillarenv }),
    pillar: request.pillar === undefined ? {} : { override: request.pillar },
  };
  const workplace = await runtime.workplace({ ...work, saltenv });
  const source = slsSource(files, renderData, async (env) =>
    env === saltenv ? workplace : runtime.workplace({ ...work, saltenv: env }),
  );
  const name = requireCompiled(fullName(request.name, [...(await source.listSls(saltenv)).keys()]));
  const high = await gatherHigh(new Map([[saltenv, [name]]]), source);
  const states = new Map([...runtime.catalog.states, ...declaredStates(STEP_KINDS)]);
  const plan = requireCompiled(compile(requireCompiled(high), compileCatalog(states)));
  if (plan.chunks.length === 0) {
    throw new DiagnosticsError([
      {
        severity: 'error',
        code: 'EDGE_SLS_SHAPE',
        summary: `orchestration \`${name}\` has no steps`,
        detail: 'Its templates left nothing to do for these inputs.',
      },
    ]);
  }
  const problems = await checkSteps(plan.chunks, checks);
  if (problems.length > 0) throw new DiagnosticsError(problems);
  return { name, stored: { plan, pillar: workplace.ctx.pillar.data }, steps: plan.chunks.map(summaryOf) };
}

/** `deploy-environment` and `orch.deploy-environment` are the same orchestration. */
function fullName(asked: string, names: readonly string[]): Compiled<string> {
  const dotted = asked.replaceAll('/', '.').replace(/\.sls$/, '');
  const candidates = [dotted, `${FOLDER}.${dotted}`];
  const found = candidates.find((candidate) => names.includes(candidate));
  if (found !== undefined) return { value: found, diagnostics: [] };
  const orchestrations = names
    .filter((name) => name.startsWith(`${FOLDER}.`))
    .map((name) => name.slice(FOLDER.length + 1));
  const detail =
    didYouMean(dotted.replace(new RegExp(`^${FOLDER}\\.`), ''), orchestrations) ||
    `orchestrations: ${orchestrations.join(', ') || 'none'}`;
  return notCompiled([
    { severity: 'error', code: 'EDGE_UNKNOWN_ORCHESTRATION', summary: `no orchestration \`${asked}\``, detail },
  ]);
}

function summaryOf(chunk: Chunk): StepSummary {
  const target = chunk.args.get('tgt');
  return {
    key: chunk.key,
    id: chunk.id,
    name: String(chunk.name),
    kind: `${chunk.state}.${chunk.fun}`,
    sls: chunk.sls,
    ...(chunk.place === undefined ? {} : { place: { file: chunk.place.file, line: chunk.place.line } }),
    ...(target === undefined || target instanceof PyMap
      ? {}
      : { target: Array.isArray(target) ? target.map(String).join(',') : String(target) }),
  };
}

import { type HeardCall, type HostRuntime, heardCalls, slsSource } from '@edge-run/shared/execute';
import { type Compiled, DiagnosticsError, hasErrors, notCompiled, requireCompiled } from '@edge-run/shared/kernel';
import {
  checkSteps,
  planSteps,
  readRunOptions,
  STEP_WORDS,
  STEPS_NAME,
  type StepChecks,
} from '@edge-run/shared/orchestration';
import type { TemplateCalls } from '@edge-run/shared/render';
import { didYouMean } from '@edge-run/shared/schema';
import { compile, compileCatalog, gatherHigh } from '@edge-run/shared/state';
import { decodeValue, PyMap } from '@edge-run/shared/values';
import type { Bundle } from '../bundles/index.ts';
import type { KnownCalls } from './ports.ts';
import { RenderingCalls } from './rendering.ts';
import type { RunRecord } from './run-record.ts';
import type { CompiledOrchestration, RunRequest } from './run-request.ts';
import { sealedPaths, secretProblems } from './secret-values.ts';
import { type Sources, sourcesOf } from './sources.ts';
import { declaredStates } from './step-states.ts';
import { summaryOf } from './step-summary.ts';
import { STEP_KINDS } from './steps/index.ts';

/** Folder that orchestrations are mounted under; its name may be left out. */
const FOLDER = 'orch';

/** What orchestrations are compiled with. */
export interface CompileParts {
  /** The master's own host. */
  readonly runtime: HostRuntime;
  readonly checks: StepChecks;
  /** The files it is compiled from and its run will stand on; the files of the day when absent. */
  readonly bundle?: Bundle;
  /** The functions of the master that templates call; none of them is known to only look when absent. */
  readonly calls?: KnownCalls;
  /** Under which it is told whether secrets have changed; not told when absent. */
  readonly secretKey?: Uint8Array;
  readonly signal: AbortSignal;
}

/**
 * Finds, renders and compiles an orchestration on the master. Calls of its templates really run.
 *
 * @throws DiagnosticsError with everything that is wrong, before any step has run
 */
export async function compileOrchestration(
  request: RunRequest,
  { runtime, checks, bundle, calls, secretKey, signal }: CompileParts,
): Promise<CompiledOrchestration> {
  const { renderData, log } = runtime.options;
  const files = bundle?.files ?? runtime.options.files;
  const saltenv = request.saltenv ?? 'base';
  const pillarenv = request.pillarenv;
  const rendering =
    request.test === true ? new RenderingCalls(runtime.catalog.functions, checks.select, calls) : undefined;
  const work = {
    signal,
    log,
    files,
    ...(pillarenv === undefined ? {} : { pillarenv }),
    pillar: {
      ...(request.pillar === undefined ? {} : { override: request.pillar }),
      ...(rendering === undefined ? {} : { onCall: (call: HeardCall) => rendering.hearPillar(call) }),
    },
  };
  const workplace = await runtime.workplace({ ...work, saltenv });
  const source = slsSource(
    files,
    (render) => renderData({ ...render, later: [STEPS_NAME], calls: heard(render.calls, rendering) }),
    async (env) => (env === saltenv ? workplace : runtime.workplace({ ...work, saltenv: env })),
  );
  const name = requireCompiled(fullName(request.name, [...(await source.listSls(saltenv)).keys()]));
  const high = await gatherHigh(new Map([[saltenv, [name]]]), source);
  const states = new Map([...runtime.catalog.states, ...declaredStates(STEP_KINDS)]);
  const catalog = compileCatalog(states, STEP_WORDS);
  const tree = requireCompiled(high);
  const { plan, settings, undo } = requireCompiled(planSteps(requireCompiled(compile(tree, catalog)), catalog));
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
  const options = requireCompiled(
    readRunOptions(tree, { name, pillarenv, chunks: plan.chunks, override: request.options }),
  );
  const pillar = workplace.ctx.pillar.data;
  const problems = [
    ...(await checkSteps(plan.chunks, withComing(checks, Object.keys(request.foreseen?.brings ?? {})))),
    ...secretProblems([...plan.chunks, ...undo.chunks], pillar),
  ];
  if (hasErrors(problems)) throw new DiagnosticsError(problems);
  const stored = { plan, settings, undo, pillar };
  return {
    name,
    stored,
    options,
    steps: plan.chunks.map((chunk) => summaryOf(chunk, stored)),
    sources: await sourcesOf(files, saltenv, pillar, secretKey),
    ...(bundle === undefined || options.files === 'live' ? {} : { bundle: bundle.digest }),
    ...(rendering === undefined ? {} : { rendering: await rendering.list() }),
  };
}

function heard(calls: TemplateCalls, rendering: RenderingCalls | undefined): TemplateCalls {
  return rendering === undefined ? calls : heardCalls(calls, (call) => rendering.hearOwn(call));
}

/** In a plan, hosts that an orchestration around this one brings up are as good as there. */
function withComing(checks: StepChecks, coming: readonly string[]): StepChecks {
  if (coming.length === 0) return checks;
  return { ...checks, select: async (...target) => [...(await checks.select(...target)), ...coming] };
}

/** What the plan of a run would be made of now. @throws DiagnosticsError when the pillar does not compile */
export async function currentSources(
  record: RunRecord,
  { runtime, secretKey, signal }: Omit<CompileParts, 'checks' | 'bundle'>,
): Promise<Sources> {
  const { saltenv, pillarenv, pillar } = record.inputs;
  const override = pillar === undefined ? new PyMap() : decodeValue(pillar);
  const { ctx } = await runtime.workplace({
    ...{ signal, log: runtime.options.log, saltenv },
    ...(pillarenv === undefined ? {} : { pillarenv }),
    pillar: override instanceof PyMap ? { override } : {},
  });
  // Whether secrets have changed cannot be told where some of those it was planned with are not kept.
  const key = sealedPaths(override).length > 0 ? undefined : secretKey;
  return sourcesOf(runtime.options.files, saltenv, ctx.pillar.data, key);
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

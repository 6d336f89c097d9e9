import { type HeardCall, type HostRuntime, heardCalls, slsSource } from '@edge-run/shared/execute';
import type { FileSource } from '@edge-run/shared/files';
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
import { type Chunk, compile, compileCatalog, gatherHigh } from '@edge-run/shared/state';
import { decodeValue, encodeValue, PyMap, Redactor } from '@edge-run/shared/values';
import type { Bundle } from '../bundles/index.ts';
import type { KnownCalls } from './ports.ts';
import { RenderingCalls } from './rendering.ts';
import type { RunRecord } from './run-record.ts';
import type { CompiledOrchestration, RunRequest } from './run-request.ts';
import { sealStep, secretProblems } from './secret-steps.ts';
import { sealedPaths } from './secret-values.ts';
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
export async function compileOrchestration(request: RunRequest, parts: CompileParts): Promise<CompiledOrchestration> {
  const redactor = new Redactor();
  try {
    return await compileWith(request, parts, redactor);
  } catch (error) {
    throw redactor.error(error);
  }
}

/** @param redactor learns the secrets of the pillar, which templates see revealed, as those of hosts do */
async function compileWith(
  request: RunRequest,
  { runtime, checks, bundle, calls, secretKey, signal }: CompileParts,
  redactor: Redactor,
): Promise<CompiledOrchestration> {
  const { renderData, log } = runtime.options;
  const files = bundle?.files ?? runtime.options.files;
  const saltenv = request.saltenv ?? 'base';
  const pillarenv = request.pillarenv;
  const rendering =
    request.test === true
      ? new RenderingCalls(runtime.catalog.functions, { select: checks.select, calls, redactor })
      : undefined;
  const work = {
    signal,
    log,
    files,
    redactor,
    ...(pillarenv === undefined ? {} : { pillarenv }),
    pillar: {
      ...(request.pillar === undefined ? {} : { override: request.pillar }),
      ...(rendering === undefined ? {} : { onCall: (call: HeardCall) => rendering.hearPillar(call) }),
    },
  };
  const workplace = await runtime.workplace({ ...work, saltenv });
  const source = slsSource(
    files,
    (render) =>
      renderData({ ...render, later: [STEPS_NAME], calls: heard(sealing(render.calls, redactor), rendering) }),
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
    ...(await secretProblems([...plan.chunks, ...undo.chunks], redactor, () => openTexts(pillar, files, saltenv))),
  ];
  if (hasErrors(problems)) throw new DiagnosticsError(problems);
  const sealed = (chunks: readonly Chunk[]): readonly Chunk[] => chunks.map((chunk) => sealStep(chunk, redactor));
  const stored = { plan: { chunks: sealed(plan.chunks) }, settings, undo: { chunks: sealed(undo.chunks) }, pillar };
  return {
    name,
    stored,
    options,
    steps: stored.plan.chunks.map((chunk) => summaryOf(chunk, stored)),
    sources: await sourcesOf(files, saltenv, pillar, secretKey),
    ...(bundle === undefined || options.files === 'live' ? {} : { bundle: bundle.digest }),
    ...(rendering === undefined ? {} : { rendering: await rendering.list() }),
  };
}

/** Functions through which templates of the master reach others: those learn thereby what of it is secret. */
const OTHERS = /^saltutil\.(cmd|runner|wheel)$/;

function sealing(calls: TemplateCalls, redactor: Redactor): TemplateCalls {
  return {
    has: (name) => calls.has(name),
    names: () => calls.names(),
    call: (name, args, kwargs, place) => {
      if (!OTHERS.test(name) || !redactor.isNeeded) return calls.call(name, args, kwargs, place);
      const sealed = new Map([...kwargs].map(([key, value]) => [key, redactor.sealed(value)]));
      return calls.call(
        name,
        args.map((arg) => redactor.sealed(arg)),
        sealed,
        place,
      );
    },
  };
}

function heard(calls: TemplateCalls, rendering: RenderingCalls | undefined): TemplateCalls {
  return rendering === undefined ? calls : heardCalls(calls, (call) => rendering.hearOwn(call));
}

/** The SLS files of an environment, and the pillar with its secrets sealed. */
async function openTexts(pillar: PyMap, files: FileSource, saltenv: string): Promise<readonly string[]> {
  const texts = [JSON.stringify(encodeValue(pillar))];
  for await (const { path } of files.list('', saltenv)) {
    if (!path.endsWith('.sls')) continue;
    const file = await files.open(path, saltenv);
    if (file !== undefined) texts.push(new TextDecoder().decode(await file.read()));
  }
  return texts;
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

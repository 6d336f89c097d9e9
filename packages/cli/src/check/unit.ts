import { type HostRuntime, slsSource, type WorkRequest } from '@edge-run/shared/execute';
import { findSls } from '@edge-run/shared/files';
import {
  type Diagnostic,
  DiagnosticsError,
  EdgeError,
  hasErrors,
  type SourceRange,
  silentLogger,
} from '@edge-run/shared/kernel';
import { planSteps, readRunOptions, STEP_WORDS, STEPS_NAME } from '@edge-run/shared/orchestration';
import { STEP_DECLARATIONS } from '@edge-run/shared/protocol';
import type { Declaration } from '@edge-run/shared/schema';
import {
  type Chunk,
  compileCatalog,
  compileReadable,
  gatherReadable,
  type HighData,
  type ReadablePlan,
  type SlsMatches,
} from '@edge-run/shared/state';
import type { PyMap, Value } from '@edge-run/shared/values';
import type { CheckHost } from './hosts.ts';
import type { Workshop } from './workshop.ts';

/** What is compiled together: a host's highstate, an SLS by itself, or an orchestration. */
export interface Unit {
  readonly kind: 'highstate' | 'sls' | 'orchestration';
  readonly host: CheckHost;
  readonly pillar: PyMap;
  /** In the order in which they run; what could not be read is left out. */
  readonly chunks: readonly Chunk[];
  readonly diagnostics: readonly Diagnostic[];
  /** True for a step of an orchestration after whose failure nothing else runs. */
  endsWhenFailed(chunk: Chunk): boolean;
  /** The author's place of an argument of a step; that of the step where it is not known. */
  placeOf(chunk: Chunk, argument: string): SourceRange | undefined;
  /** The author's place of a part of an argument. */
  placeIn(container: Value, key: Value): SourceRange | undefined;
}

/** What may only be missing because a file could not be read. */
const FOLLOWS: ReadonlySet<string> = new Set(['EDGE_STATE_EXTEND', 'EDGE_STATE_REQUISITE_MISSING']);

/** What to compile. */
export interface UnitRequest {
  readonly kind: Unit['kind'];
  readonly host: CheckHost;
  readonly pillar: PyMap;
  readonly matches: SlsMatches;
}

/** Renders and compiles; everything that is wrong is in the unit's diagnostics. */
export async function compileUnit(workshop: Workshop, request: UnitRequest): Promise<Unit> {
  const { kind, host, pillar, matches } = request;
  const runtime = workshop.runtimeOf(host, pillar);
  const own = { kind, host, pillar };
  try {
    const { high, diagnostics } = await gatherReadable(matches, sourceOf(workshop, runtime, kind));
    const gathered = await Promise.all(diagnostics.map((problem) => inItsFile(problem, matches, workshop)));
    const compiled = compileHigh(high, request, workshop);
    const problems = hasErrors(gathered)
      ? compiled.diagnostics.filter(({ code }) => !FOLLOWS.has(code))
      : compiled.diagnostics;
    return {
      ...{ ...own, chunks: compiled.chunks },
      diagnostics: [...gathered, ...problems],
      endsWhenFailed: compiled.endsWhenFailed,
      placeOf: (chunk, argument) => compiled.placeOf(chunk.key, argument) ?? chunk.place,
      placeIn: (container, key) => high.places.of(container, key),
    };
  } catch (error) {
    const nothing = { chunks: [], endsWhenFailed: () => false, placeOf: () => undefined, placeIn: () => undefined };
    return { ...own, ...nothing, diagnostics: problemsOf(error) };
  }
}

/** Compiles states, or the steps of an orchestration with what they say to the run. */
function compileHigh(
  high: HighData,
  { kind, host, matches }: UnitRequest,
  workshop: Workshop,
): Pick<Unit, 'chunks' | 'diagnostics' | 'endsWhenFailed'> & Pick<ReadablePlan, 'placeOf'> {
  const isOrchestration = kind === 'orchestration';
  const catalog = compileCatalog(declarationsFor(kind, workshop), isOrchestration ? STEP_WORDS : undefined);
  const { plan, diagnostics, placeOf } = compileReadable(high, catalog);
  if (!isOrchestration) return { chunks: plan.chunks, diagnostics, placeOf, endsWhenFailed: () => false };
  const steps = planSteps(plan, catalog);
  const { chunks } = steps.value?.plan ?? plan;
  const [name = ''] = [...matches.values()].flat();
  const options = readRunOptions(high, { name, pillarenv: host.pillarenv, chunks, override: undefined });
  const onFailure = options.value?.onFailure ?? 'continue';
  return {
    chunks,
    diagnostics: [...diagnostics, ...steps.diagnostics, ...options.diagnostics],
    placeOf,
    endsWhenFailed: ({ key, options: { failhard } }) =>
      failhard === true || (steps.value?.settings[key]?.onFailure ?? onFailure) !== 'continue',
  };
}

/** What is wrong with a file as a whole has no line of its own. */
async function inItsFile(problem: Diagnostic, matches: SlsMatches, { states }: Workshop): Promise<Diagnostic> {
  const sls = problem.source === undefined ? /^SLS (.+) does not render/.exec(problem.summary)?.[1] : undefined;
  for (const env of sls === undefined ? [] : matches.keys()) {
    const found = await findSls(states, env, sls!);
    if (found.kind !== 'missing') return { ...problem, source: { file: found.file.path, line: 1 } };
  }
  return problem;
}

/** SLS files of a tree as a runtime renders them. */
function sourceOf(
  { states, signal }: Workshop,
  runtime: HostRuntime,
  kind: Unit['kind'],
): ReturnType<typeof slsSource> {
  const { renderData } = runtime.options;
  // Results of steps are not there before the steps have run.
  const later = kind === 'orchestration' ? { later: [STEPS_NAME] } : {};
  const work: WorkRequest = { signal, log: silentLogger };
  const places = new Map<string, ReturnType<HostRuntime['workplace']>>();
  const render: typeof renderData = (file) => renderData({ ...file, ...later });
  return slsSource(states, render, (saltenv) => {
    const place = places.get(saltenv) ?? runtime.workplace({ ...work, saltenv });
    places.set(saltenv, place);
    return place;
  });
}

/** What hosts run are states; an orchestration may have steps beside them, and so may a file nobody is given. */
function declarationsFor(kind: Unit['kind'], { catalog }: Workshop): ReadonlyMap<string, Declaration> {
  const steps = kind === 'highstate' ? [] : STEP_DECLARATIONS;
  return new Map<string, Declaration>([...catalog.states, ...steps.map((step) => [step.name, step] as const)]);
}

/** An error as diagnostics; a fault of Edge's own is one too, so that the rest is still checked. */
export function problemsOf(error: unknown, source?: SourceRange): readonly Diagnostic[] {
  if (error instanceof DiagnosticsError) return error.diagnostics;
  const placed = source === undefined ? {} : { source };
  if (error instanceof EdgeError) {
    return [{ severity: 'error', code: error.code, summary: error.message, detail: error.hint ?? '', ...placed }];
  }
  const what = error instanceof Error ? error.message : String(error);
  const detail = 'A fault in Edge itself: please report it, with the file.';
  return [{ severity: 'error', code: 'EDGE_INTERNAL', summary: what, detail, ...placed }];
}

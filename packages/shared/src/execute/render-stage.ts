import {
  type Compiled,
  compiled,
  type Diagnostic,
  DiagnosticsError,
  type ErrorCode,
  hasErrors,
  notCompiled,
} from '../kernel/index.ts';
import type { RenderStage } from '../protocol/plain/index.ts';
import type { Declaration } from '../schema/index.ts';
import { compile, compileCatalog, compileLow, compileRawLow, gatherReadable, type HighData } from '../state/index.ts';
import type { Value } from '../values/index.ts';
import type { HostRuntime, WorkRequest } from './runtime.ts';
import { slsSource } from './sls-source.ts';

/** A file to render, and how far. */
export interface StageRequest {
  readonly stage: RenderStage;
  readonly text: string;
  /** As diagnostics name it. */
  readonly path: string;
  /** Its dotted name, if it is an SLS file: stages `high` and `low` need one. */
  readonly sls: string | undefined;
  readonly saltenv: string;
  /** What the states of stage `low` must be among; any are taken where absent. */
  readonly states?: ReadonlyMap<string, Declaration>;
}

/** Text for stage `jinja`, data for the others. */
export type StageAnswer = { readonly text: string } | { readonly value: Value };

/**
 * Renders a file as the host of a runtime sees it, up to a stage; stage `high` and `low` follow its includes. Stage
 * `low` is what `state.show_low_sls` prints, and fails on everything that would keep the states from being run.
 */
export async function renderStage(
  runtime: HostRuntime,
  request: StageRequest,
  work: WorkRequest,
): Promise<Compiled<StageAnswer>> {
  const { stage, text, path, sls, saltenv } = request;
  const { renderText, renderData, files } = runtime.options;
  try {
    const workplace = await runtime.workplace({ ...work, saltenv });
    const rendering = { ...workplace.renderRequest(text, path), ...(sls === undefined ? {} : { sls }) };
    if (stage === 'jinja') return mapped(await renderText(rendering), (rendered) => ({ text: rendered.text }));
    if (stage === 'yaml') return mapped(await renderData(rendering), ({ value }) => ({ value }));
    if (sls === undefined) return notCompiled([noSls(path)]);
    const { high, diagnostics: gathered } = await gatherReadable(
      new Map([[saltenv, [sls]]]),
      slsSource(files, renderData, async () => workplace),
    );
    // What is wrong with a file as a whole has no line of its own.
    const diagnostics = gathered.map((problem) =>
      problem.code === 'EDGE_SLS_SHAPE' && !problem.source ? { ...problem, source: { file: path, line: 1 } } : problem,
    );
    return stage === 'high' ? answered(high.data, diagnostics) : lowOf(high, diagnostics, request.states);
  } catch (error) {
    // What a pillar says wrong is thrown where somebody looks into it.
    if (error instanceof DiagnosticsError) return notCompiled(error.diagnostics);
    throw error;
  }
}

/** What may only be missing because a file could not be read. */
const FOLLOWS: ReadonlySet<ErrorCode> = new Set(['EDGE_STATE_EXTEND', 'EDGE_STATE_REQUISITE_MISSING']);

function lowOf(high: HighData, gathered: readonly Diagnostic[], states: StageRequest['states']): Compiled<StageAnswer> {
  const raw = compileRawLow(high);
  const { diagnostics: problems } = states === undefined ? compileLow(high) : compile(high, compileCatalog(states));
  const own = hasErrors(gathered) ? problems.filter(({ code }) => !FOLLOWS.has(code)) : problems;
  // Both read the high data and say the same about its shape; only pairs that require each other are raw's alone.
  const told = hasErrors(problems) ? own : [...own, ...raw.diagnostics.filter(isError)];
  return answered([...(raw.value ?? [])], [...gathered, ...told]);
}

/** Data that counts only where nothing is wrong. */
function answered(value: Value, diagnostics: readonly Diagnostic[]): Compiled<StageAnswer> {
  return compiled({ value }, diagnostics);
}

function isError({ severity }: Diagnostic): boolean {
  return severity === 'error';
}

function mapped<A, B>({ value, diagnostics }: Compiled<A>, map: (value: A) => B): Compiled<B> {
  return value === undefined ? notCompiled(diagnostics) : compiled(map(value), diagnostics);
}

function noSls(path: string): Diagnostic {
  return {
    severity: 'error',
    code: 'EDGE_BAD_ARGUMENT',
    summary: `${path} is no SLS file`,
    detail: 'Stages high and low are for files whose names end in .sls, without further dots.',
  };
}

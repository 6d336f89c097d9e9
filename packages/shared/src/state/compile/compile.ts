import { type Compiled, compiled, type Diagnostic, formatPlace, type SourceRange } from '../../kernel/index.ts';
import { didYouMean } from '../../schema/index.ts';
import type { PyMap } from '../../values/index.ts';
import type { Chunk, CompileCatalog, Plan, StepKey } from '../contract.ts';
import type { HighData } from '../high/index.ts';
import { chunkOf, keyOf } from './chunk.ts';
import { reportCycles } from './cycles.ts';
import { applyExclusions } from './exclude.ts';
import { reconcileExtensions } from './extend.ts';
import { lowChunks, NO_FUNCTION } from './low.ts';
import { indexNames } from './name-index.ts';
import { orderChunks } from './order.ts';
import { reportPairs } from './pairs.ts';
import { parseHigh } from './parse.ts';
import { transferRequisites } from './requisite-in.ts';
import { type KeyedChunk, RequisiteResolver } from './resolve.ts';
import { type LowChunk, report, type Tree } from './tree.ts';
import { RUNNER_WORDS } from './words.ts';

/** What is done to the tree between reading it and making chunks of it, in this order. */
const TREE_PASSES: readonly { readonly name: string; readonly run: (tree: Tree) => void }[] = [
  { name: 'extend', run: (tree) => reconcileExtensions(tree, tree.extensions, indexNames(tree)) },
  { name: 'requisites written on the other end, use', run: transferRequisites },
  { name: 'exclude', run: applyExclusions },
];

/**
 * Compiles high data to a plan, in Salt's order, reporting every problem with its place: wrong shapes, unknown
 * functions and arguments, missing and recursive requisites, and the same step twice. The value is undefined when
 * there is any error. Takes time linear in states and requisites, patterns aside.
 */
export function compile(high: HighData, catalog: CompileCatalog): Compiled<Plan> {
  const { plan, diagnostics } = compileReadable(high, catalog);
  return compiled(plan, diagnostics);
}

/** What can be read of high data, whatever is wrong with it. */
export interface ReadablePlan {
  readonly plan: Plan;
  readonly diagnostics: readonly Diagnostic[];
  /** The author's place of an argument of a step. */
  placeOf(step: StepKey, argument: string): SourceRange | undefined;
}

/** As `compile`, with the steps that could be read also where there are errors: for those who only look at them. */
export function compileReadable(high: HighData, catalog: CompileCatalog): ReadablePlan {
  const { tree, chunks } = compileTree(high);
  const keyed = withKeys(tree, chunks);
  const resolver = new RequisiteResolver(tree, keyed);
  const planned = keyed.map((entry) => chunkOf(tree, entry, resolver, catalog));
  planned.forEach((chunk, index) => {
    checkModule(tree, chunk, keyed[index]!.chunk, catalog);
  });
  reportCycles(tree, planned);
  const places = new Map(keyed.map(({ key, chunk }) => [key, chunk.places]));
  return {
    plan: { chunks: planned },
    diagnostics: once([...tree.diagnostics, ...tree.unresolved]),
    placeOf: (step, argument) => places.get(step)?.get(argument),
  };
}

/** What a loop of a template repeats for each of its passes is told once. */
function once(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const told = new Set<string>();
  return diagnostics.filter(({ code, summary, source }) => {
    if (source === undefined) return true;
    const key = JSON.stringify([code, summary, source.file, source.line, source.column]);
    return !told.has(key) && told.add(key).size > 0;
  });
}

/** The low chunks of high data as Salt prints them, in order; only problems of the data's own shape are errors here. */
export function compileLow(high: HighData): Compiled<readonly PyMap[]> {
  const { tree, chunks } = compileTree(high);
  reportPairs(tree);
  return compiled(
    chunks.map(({ low }) => low),
    tree.diagnostics,
  );
}

/** The low chunks before extensions, exclusions and requisites are worked in: what Salt's `show_low_sls` prints. */
export function compileRawLow(high: HighData): Compiled<readonly PyMap[]> {
  const tree = parseHigh(high);
  reportPairs(tree);
  const chunks = orderChunks(lowChunks(tree));
  return compiled(
    chunks.map(({ low }) => low),
    tree.diagnostics,
  );
}

function compileTree(high: HighData): { readonly tree: Tree; readonly chunks: readonly LowChunk[] } {
  const tree = parseHigh(high);
  for (const pass of TREE_PASSES) pass.run(tree);
  return { tree, chunks: orderChunks(lowChunks(tree)) };
}

/** Gives chunks their keys; a key is a step's identity in returns and journals, so it must not stand for two. */
function withKeys(tree: Tree, chunks: readonly LowChunk[]): readonly KeyedChunk[] {
  const first = new Map<string, LowChunk>();
  return chunks.flatMap((chunk) => {
    const key = keyOf(chunk);
    const other = first.get(key);
    if (other === undefined) {
      first.set(key, chunk);
      return [{ key, chunk }];
    }
    const { place } = other;
    report(tree, {
      code: 'EDGE_STATE_DUPLICATE_ID',
      summary: `the step ${key.replaceAll('_|-', ' ')} is there twice`,
      detail:
        place === undefined ? 'names must differ' : `names must differ; the other one is at ${formatPlace(place)}`,
      place: chunk.place,
      chain: place === undefined ? [] : [{ ...place, role: 'other' }],
    });
    return [];
  });
}

function checkModule(tree: Tree, chunk: Chunk, low: LowChunk, catalog: CompileCatalog): void {
  const { state, fun, args } = chunk;
  if (fun === NO_FUNCTION && catalog.hasState(state)) {
    report(
      { diagnostics: tree.unresolved, broken: tree.broken },
      {
        code: 'EDGE_STATE_FUNCTION',
        summary: `No function declared in state '${state}' of ID '${chunk.id}' in SLS '${chunk.sls}'`,
        detail: `write \`${state}.FUNCTION:\``,
        place: chunk.place,
      },
    );
    return;
  }
  const { diagnostics } = catalog.check(state, fun, args, (argument) => low.places.get(argument));
  for (const diagnostic of diagnostics) {
    const meant = meantWord(diagnostic, args, catalog.stepWords);
    const placed = diagnostic.source === undefined && chunk.place !== undefined ? { source: chunk.place } : {};
    tree.unresolved.push({ ...diagnostic, ...placed, ...(meant === '' ? {} : { detail: meant }) });
  }
}

/** A word of the runner that an unknown argument was probably meant to be, where it resembles no argument. */
function meantWord(
  { code, summary, detail }: Diagnostic,
  args: PyMap,
  stepWords: ReadonlySet<string> = new Set(),
): string {
  if (code !== 'EDGE_UNKNOWN_ARGUMENT' || detail.startsWith('did you mean')) return '';
  const argument = [...args.keys()].find((key) => summary.includes(`\`${String(key)}\``));
  return argument === undefined ? '' : didYouMean(String(argument), [...RUNNER_WORDS, ...stepWords]);
}

import type { Diagnostic, ErrorCode, SourceRange } from '../../kernel/index.ts';
import type { PyMap, Value } from '../../values/index.ts';
import type { Places } from '../high/index.ts';

/** One thing in the list of a state: its function's name, or arguments (nearly always one). */
export type Item =
  | { readonly kind: 'function'; readonly name: string; readonly place?: SourceRange | undefined }
  | { readonly kind: 'arguments'; readonly entries: readonly Entry[] };

/** An argument or a runner's word. */
export interface Entry {
  readonly key: string;
  readonly value: Value;
  readonly place?: SourceRange | undefined;
}

/** `file:` below an ID. */
export interface StateDeclaration {
  readonly state: string;
  items: Item[];
  readonly place?: SourceRange | undefined;
}

/** An ID with its states. */
export interface IdDeclaration {
  readonly id: string;
  readonly sls: string;
  readonly env: string;
  /** Module → its declaration. */
  readonly states: Map<string, StateDeclaration>;
  readonly place?: SourceRange | undefined;
}

/** An `extend` of one ID. */
export interface Extension {
  readonly id: string;
  readonly sls: string;
  readonly env: string;
  readonly states: readonly StateDeclaration[];
  readonly place?: SourceRange | undefined;
}

/** What is to be left out. */
export interface Exclusion {
  readonly by: 'sls' | 'id';
  /** A glob for `sls`. */
  readonly name: string;
}

/**
 * High data as the passes of the compiler see it. The tree is the compiler's own: passes change it in place, one
 * after another, and report into `diagnostics`.
 */
export interface Tree {
  readonly ids: Map<string, IdDeclaration>;
  readonly extensions: Extension[];
  readonly exclusions: Exclusion[];
  readonly places: Places;
  readonly diagnostics: Diagnostic[];
  /** Problems that Salt finds only while running: they forbid a plan, but low chunks can still be shown. */
  readonly unresolved: Diagnostic[];
  /** IDs with a reported problem; what refers to them is not reported again. */
  readonly broken: Set<string>;
}

/** A low chunk as Salt prints it, with what the printout does not show. */
export interface LowChunk {
  readonly low: PyMap;
  readonly declaration: StateDeclaration;
  /** Argument → its place. */
  readonly places: ReadonlyMap<string, SourceRange>;
  readonly place?: SourceRange | undefined;
}

/** Reports an error; `id` is marked broken. */
export function report(
  tree: Pick<Tree, 'diagnostics' | 'broken'>,
  problem: {
    readonly code: ErrorCode;
    readonly summary: string;
    readonly detail?: string;
    readonly place?: SourceRange | undefined;
    readonly chain?: readonly SourceRange[];
    readonly id?: string;
  },
): void {
  const { code, summary, detail = '', place, chain, id } = problem;
  if (id !== undefined) tree.broken.add(id);
  tree.diagnostics.push({
    severity: 'error',
    code,
    summary,
    detail,
    ...(place === undefined ? {} : { source: place }),
    ...(chain === undefined || chain.length === 0 ? {} : { chain }),
  });
}

/** Key of the only argument of an item, or of its first; undefined for functions. */
export function firstKey(item: Item): string | undefined {
  return item.kind === 'arguments' ? item.entries[0]?.key : undefined;
}

import type { Compiled, SourceRange } from '../kernel/index.ts';
import type { PyMap, Value } from '../values/index.ts';

/** Salt's key of a state in its return: `state_|-id_|-name_|-fun`. */
export type StepKey = string;

/** A requisite with its targets found. */
export interface Requisite {
  readonly kind: RequisiteKind;
  /** `all`: every target counts; `any`: one is enough (`require_any`). */
  readonly quantifier: 'all' | 'any';
  readonly targets: readonly StepKey[];
}

export type RequisiteKind = 'require' | 'watch' | 'onchanges' | 'onfail' | 'prereq' | 'listen';

/** One state to run, in compiled order. Serialisable through `encodePlan`. */
export interface Chunk {
  readonly key: StepKey;
  /** `file` of `file.managed`. */
  readonly state: string;
  /** `managed` of `file.managed`. */
  readonly fun: string;
  readonly id: string;
  readonly name: Value;
  readonly sls: string;
  readonly env: string;
  readonly order: number;
  /** The module's own arguments, `name` among them; requisites and the runner's words are not. */
  readonly args: PyMap;
  /** Salt's low chunk as it prints it (`state.show_low_sls`). */
  readonly low: PyMap;
  readonly requisites: readonly Requisite[];
  readonly guards: Guards;
  readonly options: ChunkOptions;
  /** The author's line. */
  readonly place?: SourceRange;
}

/** Conditions that keep a state from running; evaluated on the host, in this order. */
export interface Guards {
  readonly onlyif?: Value;
  readonly unless?: Value;
  readonly creates?: Value;
}

/** The runner's words on a state. */
export interface ChunkOptions {
  readonly failhard: boolean;
  readonly parallel: boolean;
  readonly retry?: {
    readonly attempts: number;
    readonly intervalSeconds: number;
    readonly splaySeconds: number;
    readonly until: boolean;
  };
  readonly fireEvent?: boolean | string;
  readonly checkCmd?: Value;
  readonly runAs?: string;
}

/** A whole compiled tree. */
export interface Plan {
  readonly chunks: readonly Chunk[];
}

/** What compiling needs to know about modules: which exist and how they are declared. */
export interface CompileCatalog {
  /** True when the state module exists at all (`file`). */
  hasState(state: string): boolean;
  /** Problems of the arguments of one chunk, with suggestions; unknown functions included. */
  check(
    state: string,
    fun: string,
    args: PyMap,
    place: (argument: string) => SourceRange | undefined,
  ): Compiled<unknown>;
}

/** How one state ended, in Salt's terms. */
export interface StateReturn {
  readonly result: boolean | null;
  readonly changes: Value;
  readonly comment: string;
}

/** How a step is to be run, as `decide` found it. */
export type StepMode =
  /** As written. */
  | 'run'
  /** A watched state changed: run, and when it made no change itself, react. */
  | 'watch'
  /** A listened-to state changed and everything else has ended: only react. */
  | 'react'
  /** Look whether this state would change, for the state that has it as `prereq`. */
  | 'foresee';

/** What has happened in a run; the only input of `evolve`. Plain data: journaled as it is. */
export type RunFact =
  | { readonly type: 'step-started'; readonly step: StepKey; readonly mode: StepMode; readonly at: number }
  | {
      readonly type: 'step-ended';
      readonly step: StepKey;
      readonly mode: StepMode;
      readonly at: number;
      readonly answer: StateReturn;
      readonly durationMs: number;
    }
  | { readonly type: 'step-skipped'; readonly step: StepKey; readonly at: number; readonly answer: StateReturn };

/** What is to happen next. */
export type RunAction =
  | { readonly kind: 'start-step'; readonly step: StepKey; readonly mode: StepMode }
  | { readonly kind: 'skip-step'; readonly step: StepKey; readonly answer: StateReturn }
  | { readonly kind: 'end-run'; readonly succeeded: boolean };

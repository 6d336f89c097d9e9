import type { Compiled, SourceRange } from '../kernel/index.ts';
import type { StateVerb } from '../protocol/plain/index.ts';
import type { PyMap, Value } from '../values/index.ts';

/** Salt's key of a state in its return: `state_|-id_|-name_|-fun`. */
export type StepKey = string;

/** A requisite with its targets found; a state has at most one of each kind and quantifier. */
export interface Requisite {
  readonly kind: RequisiteKind;
  /** `all`: every target counts; `any`: one is enough (`require_any`, and `onfail`, which Salt reads so). */
  readonly quantifier: 'all' | 'any';
  /** In the order they are run in where they have not run yet. */
  readonly targets: readonly StepKey[];
}

/** How a state depends on another; the `_in` and `_any` forms are resolved into these. */
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
  /** What it says beside its arguments as a step of an orchestration (`CompileCatalog.stepWords`), as written. */
  readonly stepWords?: PyMap;
  /** The author's line. */
  readonly place?: SourceRange;
}

/** Conditions that keep a state from running; evaluated on the host, in this order. */
export interface Guards {
  readonly onlyif?: Value;
  readonly unless?: Value;
  readonly creates?: Value;
}

/** How often a state is tried again. */
export interface Retry {
  /** Tries in all, the first among them. */
  readonly attempts: number;
  readonly intervalSeconds: number;
  /** Up to so many seconds are added to the interval by chance. */
  readonly splaySeconds: number;
  /** The result that ends the tries. */
  readonly until: boolean;
}

/** The runner's words on a state. */
export interface ChunkOptions {
  /** Ends the run when this state fails. Absent: as the run's own option says. */
  readonly failhard?: boolean;
  readonly parallel: boolean;
  readonly retry?: Retry;
  /** True sends the return as an event under Salt's tag; a text is the end of the tag. */
  readonly fireEvent?: boolean | string;
  /** Commands that must succeed after the state ran; absent where the module takes `check_cmd` itself. */
  readonly checkCmd?: Value;
  /** User the guards run as. */
  readonly runAs?: string;
  /** `test: True` on the state: it is only looked at, whatever the run does. */
  readonly testing?: boolean;
  /** The state takes the arguments of waiting states of its module on. */
  readonly aggregate?: boolean;
  /** What is to be looked up anew after the state ran. */
  readonly reload?: readonly ('modules' | 'grains' | 'pillar')[];
}

/** A whole compiled tree. */
export interface Plan {
  readonly chunks: readonly Chunk[];
}

/** What compiling needs to know about modules: which exist and how they are declared. */
export interface CompileCatalog {
  /** True when the state module exists at all (`file`). */
  hasState(state: string): boolean;
  /** True when the function itself takes an argument of that name (`check_cmd` of `file.managed`). */
  declares(state: string, fun: string, argument: string): boolean;
  /** Words that are for whoever drives the run, unless the function declares them itself. */
  readonly stepWords?: ReadonlySet<string>;
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
  /** False for a state its requisites did not call for (`onchanges` of something unchanged). */
  readonly ran?: false;
  /** It did nothing itself: this is what it did because of what it watches or listens to. */
  readonly reacted?: true;
  /** What its changes do; absent where there are none. */
  readonly verb?: StateVerb;
  /** What it found out beside its changes, where it is a state that asks. */
  readonly data?: Value;
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

/**
 * What has happened in a run; the only input of `evolve`. Plain data but for `changes` and `data`: `encodeFact` gives its JSON.
 * Folding a fact a second time changes nothing.
 */
export type RunFact =
  /** `attempt` counts from 1; 1 where absent. A retry may be told by another `step-started` with a higher one. */
  | {
      readonly type: 'step-started';
      readonly step: StepKey;
      readonly mode: StepMode;
      readonly at: number;
      readonly attempt?: number;
    }
  | {
      readonly type: 'step-ended';
      readonly step: StepKey;
      readonly mode: StepMode;
      readonly at: number;
      readonly answer: StateReturn;
      readonly durationMs: number;
      /** How often the module was called (retries, a reaction); Salt counts each in `__run_num__`. Default 1. */
      readonly calls?: number;
    }
  | { readonly type: 'step-skipped'; readonly step: StepKey; readonly at: number; readonly answer: StateReturn }
  /** Whoever had started the step is gone and it has not ended: `decide` offers it again. */
  | { readonly type: 'step-lost'; readonly step: StepKey; readonly mode: StepMode; readonly at: number };

/** What is to happen next. */
export type RunAction =
  | { readonly kind: 'start-step'; readonly step: StepKey; readonly mode: StepMode }
  | { readonly kind: 'skip-step'; readonly step: StepKey; readonly answer: StateReturn }
  | { readonly kind: 'end-run'; readonly succeeded: boolean };

/** How a run is to go. */
export interface RunOptions {
  /** Nothing is changed: `test=True`. Failures do not end the run then, as in Salt. */
  readonly testing: boolean;
  /** The first failure ends the run, unless the state says otherwise. */
  readonly failhard: boolean;
}

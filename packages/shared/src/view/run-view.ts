import type { ErrorRecord, InstantMs, JsonValue } from '../kernel/index.ts';
import type {
  FailureChoice,
  HostResult,
  MovedInput,
  MovedTarget,
  RunJournalEvent,
  RunOptions,
  StepOutcome,
} from '../protocol/index.ts';

/** How a run is: what its last events say, and `unknown` until its plan has been seen. */
export type RunStatus =
  | 'unknown'
  | 'queued'
  | 'awaiting-approval'
  | 'running'
  | 'paused'
  | 'asking'
  | 'rolling-back'
  | RunOutcome;

/** How a run ended. */
export type RunOutcome = Extract<RunJournalEvent, { type: 'run-ended' }>['outcome'];

/** What a run looks like now; plain data, made only by `foldRun`. */
export interface RunView {
  readonly run: string;
  readonly name: string;
  readonly by: string;
  readonly inputs: Readonly<Record<string, JsonValue>>;
  readonly status: RunStatus;
  readonly steps: readonly StepView[];
  /** Position of the step that changed last. */
  readonly lastChanged: number;
  /** Keys of the steps that run now. */
  readonly running: readonly string[];
  /** Keys of the steps that failed and wait for a person's word. */
  readonly asking: readonly string[];
  /** When its first step began: locks and approvals are waited for before that. */
  readonly begunAt?: InstantMs;
  /** When its plan was journaled. */
  readonly startedAt?: InstantMs;
  readonly endedAt?: InstantMs;
  /** There once it has ended. */
  readonly outcome?: RunOutcome;
  readonly exitCode?: number;
  readonly error?: ErrorRecord;
  /** The master that drives the run, and since when. */
  readonly master?: { readonly id: string; readonly since: InstantMs };
  readonly options?: RunOptions;
  /** `sha256:<hex>` of the plan. */
  readonly digest?: string;
  /** Digests of what the plan was made of: `states`, `pillar`. */
  readonly sources?: Readonly<Record<string, string>>;
  /** The run this one takes up again. */
  readonly retryOf?: string;
  /** The run whose steps this one undoes. */
  readonly rollbackOf?: string;
  /** The run on whose behalf this one runs. */
  readonly root?: string;
  readonly lock?: LockView;
  /** Who agreed, oldest first; those to another plan than the run's do not count. */
  readonly approvals?: readonly ApprovalView[];
  readonly rejection?: ApprovalView;
  readonly pause?: PauseView;
  readonly abort?: AbortView;
  /** What is no longer what the plan was made of. */
  readonly moved?: MovedView;
  /** Host → the step it failed in; later steps leave it out. */
  readonly dropped?: Readonly<Record<string, string>>;
  readonly rollback?: RollbackView;
}

/** What had moved when the run was last taken up. */
export interface MovedView {
  readonly at: InstantMs;
  readonly inputs: readonly MovedInput[];
  /** Targets that select other hosts than when the run was planned. */
  readonly fleet?: readonly MovedTarget[];
}

/** How a run stands with its locks. */
export interface LockView {
  readonly state: 'queued' | 'held';
  readonly locks: readonly string[];
  /** When it came to this state. */
  readonly since: InstantMs;
  /** When this was last said. */
  readonly at: InstantMs;
  /** Counts from 1: the next to get them. There while it is queued, as are the holders. */
  readonly position?: number;
  readonly holders?: readonly LockHolder[];
}

/** Who has a lock that others wait for. */
export interface LockHolder {
  readonly lock: string;
  readonly run: string;
  readonly name: string;
  readonly by: string;
}

/** Somebody's word on a plan, or on one of its steps. */
export interface ApprovalView {
  readonly by: string;
  readonly at: InstantMs;
  readonly digest?: string;
  readonly step?: string;
  readonly comment?: string;
}

/** The last word on pausing. */
export interface PauseView {
  readonly isPaused: boolean;
  readonly by: string;
  readonly at: InstantMs;
  readonly reason?: string;
}

/** Somebody wants the run to end. */
export interface AbortView {
  readonly by: string;
  readonly at: InstantMs;
  readonly reason: string;
}

/** How steps of a run are undone. */
export interface RollbackView {
  /** The run that undoes them. */
  readonly run: string;
  readonly reason: string;
  /** Keys of the steps that are to be undone; once it has ended, of those that are. */
  readonly steps: readonly string[];
  readonly startedAt: InstantMs;
  readonly endedAt?: InstantMs;
  readonly outcome?: 'succeeded' | 'failed';
}

/** What is shown of one step of a run. */
export interface StepView {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly sls: string;
  readonly place?: { readonly file: string; readonly line: number };
  readonly target?: string;
  readonly status: 'waiting' | 'running' | StepOutcome;
  /** 0 before it was started. */
  readonly attempt: number;
  /** Modes this attempt was started in, in order. */
  readonly modes: readonly string[];
  readonly startedAt?: InstantMs;
  readonly endedAt?: InstantMs;
  readonly durationMs?: number;
  readonly result?: boolean | null;
  readonly changes?: JsonValue;
  readonly comment?: string;
  /** Progress of the step as a whole. */
  readonly progress?: PhaseView;
  /** Id → how that host fares, in order of appearance. */
  readonly hosts: Readonly<Record<string, HostView>>;
  /** An earlier run has done it: it does not run again. */
  readonly kept?: true;
  /** The only hosts it runs on; on the others an earlier run has done it. */
  readonly onlyHosts?: readonly string[];
  /** It failed, and a person is to say what becomes of it; what is known of it is shown meanwhile. */
  readonly asked?: { readonly at: InstantMs };
  /** What a person said to that, the last time. */
  readonly answered?: { readonly choice: FailureChoice; readonly by: string; readonly at: InstantMs };
  /** When it was undone. */
  readonly undoneAt?: InstantMs;
}

/** What a step or one of its hosts is doing. */
export interface PhaseView {
  readonly phase: string;
  readonly detail?: string;
  readonly at: InstantMs;
}

/** What is shown of one host of a step. */
export interface HostView {
  readonly phase?: PhaseView;
  /** When the first sign of this host came. */
  readonly since?: InstantMs;
  readonly outcome?: HostResult['outcome'];
  readonly evidence?: string;
}

/** A run of which nothing is known but its id. */
export function unknownRun(run: string): RunView {
  return { run, name: '', by: '', inputs: {}, status: 'unknown', steps: [], lastChanged: 0, running: [], asking: [] };
}

/** Position of a step, or -1. Quick for the one that changed last and the one behind it, however many there are. */
export function positionOf({ steps, lastChanged }: RunView, key: string): number {
  for (const near of [lastChanged, lastChanged + 1]) if (steps[near]?.key === key) return near;
  return steps.findIndex((step) => step.key === key);
}

/** A step of which nothing is known but its key. */
export function waitingStep(key: string): StepView {
  return { key, id: key, name: key, kind: '', sls: '', status: 'waiting', attempt: 0, modes: [], hosts: {} };
}

import type { InstantMs } from '@edge-run/shared/kernel';
import type { EdgeEvent, ForeseenStep, ForeseenWorld } from '@edge-run/shared/protocol';
import type { Value } from '@edge-run/shared/values';

/** Functions of the master that steps, reactors and schedules call: `state.orchestrate`, `cloud.provision`. */
export interface RunnerCalls {
  has(name: string): boolean;
  names(): Iterable<string>;
  /**
   * Calls a runner and waits. `result` is false when the answer means failure.
   * @throws EdgeError `EDGE_UNKNOWN_FUNCTION`, or what the arguments or the runner have to complain of
   */
  call(request: RunnerRequest): Promise<{ readonly answer: Value; readonly result: boolean }>;
}

/** Functions of the master of which a plan knows what they would do. */
export interface PlannableCalls extends RunnerCalls {
  /** True for one that only looks; false where nobody knows it. */
  onlyLooks(name: string): boolean;
  /** What `call` would do; changes nothing. @throws as `call` */
  plan(request: RunnerRequest & { readonly world: ForeseenWorld }): Promise<ForeseenCall>;
}

/** What is known of the functions of the master that templates call. */
export type KnownCalls = Readonly<Record<'runner' | 'wheel', Pick<PlannableCalls, 'onlyLooks'>>>;

/** What a call of a runner would do. */
export interface ForeseenCall {
  readonly foreseen: ForeseenStep;
  /** False: it would fail. */
  readonly result: boolean | null;
  /** What it would change, as far as that is known. */
  readonly changes: Value;
  readonly comment: string;
}

/** Functions about the master itself, called in the same way: `key.accept`. */
export type WheelCalls = PlannableCalls;

/** One call of a runner. */
export interface RunnerRequest {
  readonly name: string;
  readonly args: readonly Value[];
  readonly kwargs: ReadonlyMap<string, Value>;
  /** Who asked, for the history: `run:<id>`. */
  readonly by: string;
  /** What makes a repetition the same call: a nested orchestration is not started twice. */
  readonly key: string;
  /** Id of the event that led here. */
  readonly causedBy?: string;
  readonly signal: AbortSignal;
  report(phase: string, detail?: string, host?: string): void;
}

/** Events as they pass. */
export interface EventWaiter {
  /**
   * Every event whose tag the glob matches, from `since` on where that is given and from now on otherwise, until `signal`
   * aborts. The subscription stands when the promise resolves.
   */
  listen(
    signal: AbortSignal,
    wanted: { readonly glob: string; readonly since?: InstantMs | undefined },
  ): Promise<AsyncIterable<EdgeEvent>>;
  send(tag: string, data: Value, causedBy?: string): Promise<void>;
}

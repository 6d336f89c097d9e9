import type { InstantMs } from '@edge-run/shared/kernel';
import type { TargetOutcome } from '@edge-run/shared/modules/contract';

/** How a job goes through its targets a few at a time. */
export interface BatchSettings {
  /** Targets that may be in flight at a time. At least 1. */
  readonly size: number;
  /** How long a target's place stays taken after its end (Salt 3006 `cli/batch.py`, `bwait`). */
  readonly waitMs: number;
  /** Start nobody else once a target did not succeed. */
  readonly failhard: boolean;
}

/** Where a batch is; plain data, made by `beginBatch` and `evolveBatch`. */
export interface BatchState extends BatchSettings {
  /** Not started yet, in order. */
  readonly waiting: readonly string[];
  readonly inFlight: ReadonlySet<string>;
  /** When the places of targets that have ended become free. */
  readonly resting: readonly InstantMs[];
  /** Why nobody else is started; undefined while that is not so. */
  readonly stopped: string | undefined;
}

/** What happens to a batch. */
export type BatchEvent =
  | { readonly type: 'started'; readonly ids: readonly string[] }
  | { readonly type: 'ended'; readonly id: string; readonly outcome: TargetOutcome; readonly at: InstantMs }
  /** A target proves never to have got the job: it waits again, first in line. */
  | { readonly type: 'put-back'; readonly ids: readonly string[] }
  | { readonly type: 'stopped'; readonly because: string }
  /** Targets that will not be started any more have their end. */
  | { readonly type: 'skipped'; readonly ids: readonly string[] };

/** What is to be done about a batch now. */
export interface BatchDecision {
  readonly start: readonly string[];
  /** Targets that are never to be started. */
  readonly skip: readonly string[];
  /** When to decide again although nothing happens. */
  readonly wakeAt: InstantMs | undefined;
  /** True once every target was started or skipped, and all that were started have ended. */
  readonly isOver: boolean;
}

/** A batch of which nobody was started. */
export function beginBatch(ids: readonly string[], settings: BatchSettings): BatchState {
  const { size, waitMs, failhard } = settings;
  return { size, waitMs, failhard, waiting: ids, inFlight: new Set(), resting: [], stopped: undefined };
}

/** Decides what is next: as many as there are free places, in order; a place is free `waitMs` after its target's end. */
export function decideBatch(state: BatchState, now: InstantMs): BatchDecision {
  const { size, waiting, inFlight, resting, stopped } = state;
  const isOver = waiting.length === 0 && inFlight.size === 0;
  if (stopped !== undefined) return { start: [], skip: waiting, wakeAt: undefined, isOver };
  const taken = resting.filter((until) => until > now);
  const start = waiting.slice(0, Math.max(0, size - inFlight.size - taken.length));
  const isHeldUp = taken.length > 0 && start.length < waiting.length;
  return { start, skip: [], wakeAt: isHeldUp ? Math.min(...taken) : undefined, isOver };
}

/** The batch after `event`. */
export function evolveBatch(state: BatchState, event: BatchEvent): BatchState {
  switch (event.type) {
    case 'started': {
      const inFlight = new Set([...state.inFlight, ...event.ids]);
      return { ...state, waiting: without(state.waiting, event.ids), inFlight };
    }
    case 'ended':
      return ended(state, event);
    case 'put-back': {
      const inFlight = new Set(state.inFlight);
      for (const id of event.ids) inFlight.delete(id);
      return { ...state, inFlight, waiting: [...event.ids, ...without(state.waiting, event.ids)] };
    }
    case 'stopped':
      return state.stopped === undefined ? { ...state, stopped: event.because } : state;
    case 'skipped':
      return { ...state, waiting: without(state.waiting, event.ids) };
  }
}

function ended(state: BatchState, { id, outcome, at }: Extract<BatchEvent, { type: 'ended' }>): BatchState {
  const inFlight = new Set(state.inFlight);
  inFlight.delete(id);
  const resting =
    state.waitMs === 0 ? state.resting : [...state.resting.filter((until) => until > at), at + state.waitMs];
  const stopped = state.failhard && outcome !== 'succeeded' ? `${id} ended ${outcome}` : undefined;
  return { ...state, inFlight, resting, stopped: state.stopped ?? stopped };
}

function without(ids: readonly string[], gone: readonly string[]): readonly string[] {
  // Targets are started in order: mostly it is the first ones that go.
  if (gone.every((id, index) => ids[index] === id)) return ids.slice(gone.length);
  const set = new Set(gone);
  return ids.filter((id) => !set.has(id));
}

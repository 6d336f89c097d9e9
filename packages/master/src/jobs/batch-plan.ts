import type { InstantMs } from '@edge-run/shared/kernel';
import type { TargetOutcome } from '@edge-run/shared/modules/contract';

/** How a job goes through its targets a few at a time. */
export interface BatchSettings {
  /** Targets that may be in flight at a time; where `sizes` are given, the first of them. At least 1. */
  readonly size: number;
  /**
   * Sizes of batches one after the other, each at least 1; the last counts for all that follow. The next batch begins
   * when the one before has ended as a whole. Absent: a place is given on as soon as it is free (Salt's window).
   */
  readonly sizes?: readonly number[] | undefined;
  /** How long a target's place stays taken after its end (Salt 3006 `cli/batch.py`, `bwait`). */
  readonly waitMs: number;
  /** Start nobody else once a target did not succeed. */
  readonly failhard: boolean;
  /** How many targets may fail; one more, and nobody else is started. Without limit when absent. */
  readonly maxFailures?: number | undefined;
  /** How many may be unreachable: they are counted apart from those that failed. */
  readonly maxUnreachable?: number | undefined;
  /** Targets that may fail without being counted. */
  readonly excused?: readonly string[] | undefined;
  /** After each of the `sizes`, a gate has to pass before the next begins. */
  readonly gated?: boolean | undefined;
}

/** Where a batch is; plain data, made by `beginBatch` and `evolveBatch`. */
export interface BatchState {
  readonly settings: BatchSettings;
  /** How many targets there are in all. */
  readonly total: number;
  /** Not started yet, in order. */
  readonly waiting: readonly string[];
  readonly inFlight: ReadonlySet<string>;
  /** When the places of targets that have ended become free. */
  readonly resting: readonly InstantMs[];
  /** The last batch of `sizes` that was begun. */
  readonly current: CurrentBatch;
  /** Who failed, in order, the excused left out. */
  readonly failed: readonly string[];
  readonly unreachable: readonly string[];
  /** Why nobody else is started; undefined while that is not so. */
  readonly stopped: string | undefined;
}

/** One batch of several. */
export interface CurrentBatch {
  /** Counted from 0; -1 before the first. */
  readonly index: number;
  /** Who was started in it, in order. */
  readonly members: ReadonlySet<string>;
  /** Those of them that did not succeed. */
  readonly unwell: readonly string[];
  readonly gatePassed: boolean;
}

/** What happens to a batch. */
export type BatchEvent =
  /** `batch`: which of the `sizes`. */
  | { readonly type: 'started'; readonly ids: readonly string[]; readonly batch?: number | undefined }
  | { readonly type: 'ended'; readonly id: string; readonly outcome: TargetOutcome; readonly at: InstantMs }
  /** A target proves never to have got the job: it waits again, first in line. */
  | { readonly type: 'put-back'; readonly ids: readonly string[] }
  | { readonly type: 'gate-passed'; readonly batch: number }
  | { readonly type: 'stopped'; readonly because: string }
  /** Targets that will not be started any more have their end. */
  | { readonly type: 'skipped'; readonly ids: readonly string[] };

/** What is to be done about a batch now. */
export interface BatchDecision {
  readonly start: readonly string[];
  /** Which of the `sizes` those belong to. */
  readonly batch: number | undefined;
  /** Targets that are never to be started. */
  readonly skip: readonly string[];
  /** The gate that has to be asked now, with the targets of its batch that succeeded. */
  readonly gate: { readonly batch: number; readonly ids: readonly string[] } | undefined;
  /** When to decide again although nothing happens. */
  readonly wakeAt: InstantMs | undefined;
  /** True once every target was started or skipped, all that were started have ended, and no gate is left to ask. */
  readonly isOver: boolean;
}

const NAMED_AT_MOST = 5;
const NOTHING: BatchDecision = {
  start: [],
  batch: undefined,
  skip: [],
  gate: undefined,
  wakeAt: undefined,
  isOver: false,
};

/** A batch of which nobody was started. */
export function beginBatch(ids: readonly string[], settings: BatchSettings): BatchState {
  return {
    ...{ settings, total: ids.length, waiting: ids, inFlight: new Set(), resting: [] },
    current: { index: -1, members: new Set(), unwell: [], gatePassed: false },
    ...{ failed: [], unreachable: [], stopped: undefined },
  };
}

/**
 * Decides what is next. With `sizes`, the next batch when the one before has ended, rested and passed its gate;
 * otherwise as many as there are free places, in order, a place being free `waitMs` after its target's end.
 */
export function decideBatch(state: BatchState, now: InstantMs): BatchDecision {
  const { waiting, inFlight, stopped, settings } = state;
  const isDone = waiting.length === 0 && inFlight.size === 0;
  if (stopped !== undefined) return { ...NOTHING, skip: waiting, isOver: isDone };
  if (isDone && !isGateDue(state)) return { ...NOTHING, isOver: true };
  const taken = state.resting.filter((until) => until > now);
  if (settings.sizes !== undefined) return decideNext(state, settings.sizes, taken);
  const start = waiting.slice(0, Math.max(0, settings.size - inFlight.size - taken.length));
  const isHeldUp = taken.length > 0 && start.length < waiting.length;
  return { ...NOTHING, start, wakeAt: isHeldUp ? Math.min(...taken) : undefined };
}

/** The batch after `event`. */
export function evolveBatch(state: BatchState, event: BatchEvent): BatchState {
  switch (event.type) {
    case 'started': {
      const inFlight = new Set([...state.inFlight, ...event.ids]);
      return { ...state, waiting: without(state.waiting, event.ids), inFlight, current: joined(state.current, event) };
    }
    case 'ended':
      return ended(state, event);
    case 'put-back': {
      const inFlight = new Set(state.inFlight);
      const members = new Set(state.current.members);
      for (const id of event.ids) {
        inFlight.delete(id);
        members.delete(id);
      }
      const waiting = [...event.ids, ...without(state.waiting, event.ids)];
      return { ...state, inFlight, waiting, current: { ...state.current, members } };
    }
    case 'gate-passed':
      return event.batch === state.current.index
        ? { ...state, current: { ...state.current, gatePassed: true } }
        : state;
    case 'stopped':
      return state.stopped === undefined ? { ...state, stopped: event.because } : state;
    case 'skipped':
      return { ...state, waiting: without(state.waiting, event.ids) };
  }
}

function decideNext(state: BatchState, sizes: readonly number[], taken: readonly InstantMs[]): BatchDecision {
  const { waiting, inFlight, current, settings } = state;
  const sizeOf = (index: number): number => sizes[Math.min(index, sizes.length - 1)] ?? settings.size;
  // Who was put back belongs to the batch that is under way.
  const room = current.index < 0 || current.gatePassed ? 0 : sizeOf(current.index) - current.members.size;
  if (room > 0 && waiting.length > 0) return { ...NOTHING, start: waiting.slice(0, room), batch: current.index };
  if (inFlight.size > 0) return NOTHING;
  if (taken.length > 0) return { ...NOTHING, wakeAt: Math.max(...taken) };
  if (isGateDue(state)) {
    const ids = without([...current.members], current.unwell);
    return { ...NOTHING, gate: { batch: current.index, ids } };
  }
  const batch = current.index + 1;
  return { ...NOTHING, start: waiting.slice(0, sizeOf(batch)), batch };
}

/** True while the gate of the current batch has not passed. */
function isGateDue({ settings, current }: BatchState): boolean {
  return settings.gated === true && current.members.size > 0 && !current.gatePassed;
}

function joined(current: CurrentBatch, { ids, batch }: Extract<BatchEvent, { type: 'started' }>): CurrentBatch {
  if (batch === undefined || batch < current.index) return current;
  if (batch === current.index) return { ...current, members: new Set([...current.members, ...ids]) };
  return { index: batch, members: new Set(ids), unwell: [], gatePassed: false };
}

function ended(state: BatchState, { id, outcome, at }: Extract<BatchEvent, { type: 'ended' }>): BatchState {
  const { settings, current } = state;
  const inFlight = new Set(state.inFlight);
  inFlight.delete(id);
  const resting =
    settings.waitMs === 0 ? state.resting : [...state.resting.filter((until) => until > at), at + settings.waitMs];
  if (outcome === 'succeeded') return { ...state, inFlight, resting };
  const unwell = current.members.has(id) ? [...current.unwell, id] : current.unwell;
  const counted = { ...state, inFlight, resting, current: { ...current, unwell } };
  if (settings.excused?.includes(id) === true) return counted;
  const failed = outcome === 'unreachable' ? state.failed : [...state.failed, id];
  const unreachable = outcome === 'unreachable' ? [...state.unreachable, id] : state.unreachable;
  const stopped = state.stopped ?? (settings.failhard ? `${id} ended ${outcome}` : undefined);
  const spent = { ...counted, failed, unreachable };
  return { ...spent, stopped: stopped ?? overspent(spent) };
}

/** Which limit is exceeded, in words with numbers and names. */
function overspent({ settings, total, failed, unreachable }: BatchState): string | undefined {
  const { maxFailures = total, maxUnreachable = total } = settings;
  if (failed.length > maxFailures) {
    const apart = unreachable.length === 0 ? '' : `; unreachable besides: ${named(unreachable)}`;
    return `${failed.length} of ${total} hosts failed, at most ${maxFailures} may: ${named(failed)}${apart}`;
  }
  if (unreachable.length > maxUnreachable)
    return `${unreachable.length} of ${total} hosts are unreachable, at most ${maxUnreachable} may be: ${named(unreachable)}`;
  return undefined;
}

function named(ids: readonly string[]): string {
  const more = ids.length - NAMED_AT_MOST;
  return `${[...ids].sort().slice(0, NAMED_AT_MOST).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function without(ids: readonly string[], gone: readonly string[]): readonly string[] {
  // Targets are started in order: mostly it is the first ones that go.
  if (gone.every((id, index) => ids[index] === id)) return ids.slice(gone.length);
  const set = new Set(gone);
  return ids.filter((id) => !set.has(id));
}

import {
  type BatchSettings,
  type BatchState,
  beginBatch,
  decideBatch,
  evolveBatch,
} from '@edge-run/master/jobs/internal';
import { array, assert, boolean, constantFrom, integer, property, record, string, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';

const OUTCOMES = ['succeeded', 'failed', 'unreachable', 'no-return', 'timed-out', 'cancelled'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** What a made-up fleet did with a batch. */
interface Played {
  readonly started: readonly string[];
  readonly ends: ReadonlyMap<string, Outcome | 'skipped'>;
  readonly mostTaken: number;
  readonly startedAfterStop: readonly string[];
}

/** Plays a batch to its end: which of those in flight ends next, and how, is given; it never waits for long. */
function play(
  ids: readonly string[],
  settings: BatchSettings,
  turns: readonly { readonly pick: number; readonly outcome: Outcome; readonly putBack: boolean }[],
): Played {
  let state: BatchState = beginBatch(ids, settings);
  let now = 0;
  let turn = 0;
  let mostTaken = 0;
  const started: string[] = [];
  const ends = new Map<string, Outcome | 'skipped'>();
  const startedAfterStop: string[] = [];
  for (let guard = 0; guard < 10_000; guard += 1) {
    const { start, skip, wakeAt, isOver } = decideBatch(state, now);
    if (isOver) return { started, ends, mostTaken, startedAfterStop };
    if (state.stopped !== undefined) startedAfterStop.push(...start);
    if (start.length > 0) {
      started.push(...start);
      state = evolveBatch(state, { type: 'started', ids: start });
      mostTaken = Math.max(mostTaken, state.inFlight.size + state.resting.filter((until) => until > now).length);
    } else if (skip.length > 0) {
      for (const id of skip) ends.set(id, 'skipped');
      state = evolveBatch(state, { type: 'skipped', ids: skip });
    } else if (state.inFlight.size > 0) {
      const { pick, outcome, putBack } = turns[turn % turns.length]!;
      turn += 1;
      now += 1;
      const id = [...state.inFlight][pick % state.inFlight.size]!;
      if (putBack && turn < turns.length) {
        started.splice(started.indexOf(id), 1);
        state = evolveBatch(state, { type: 'put-back', ids: [id] });
        continue;
      }
      ends.set(id, outcome);
      state = evolveBatch(state, { type: 'ended', id, outcome, at: now });
    } else now = wakeAt!;
  }
  throw new Error('the batch does not end');
}

const ids = uniqueArray(string({ minLength: 1, maxLength: 4 }), { maxLength: 40 });
const settings = record({
  size: integer({ min: 1, max: 12 }),
  waitMs: integer({ min: 0, max: 5 }),
  failhard: boolean(),
});
const turns = array(
  record({
    pick: integer({ min: 0, max: 100 }),
    outcome: constantFrom(...OUTCOMES, 'succeeded', 'succeeded', 'succeeded'),
    putBack: constantFrom(false, false, false, true),
  }),
  { minLength: 1, maxLength: 60 },
);

describe('a batch, whatever its targets do', () => {
  test('every target has one end: it was started once, or never', () =>
    assert(
      property(ids, settings, turns, (targets, how, what) => {
        const { started, ends } = play(targets, how, what);
        expect([...ends.keys()].sort()).toEqual([...targets].sort());
        expect(new Set(started).size).toBe(started.length);
        expect(
          [...ends]
            .filter(([, end]) => end !== 'skipped')
            .map(([id]) => id)
            .sort(),
        ).toEqual([...started].sort());
      }),
    ));

  test('never more places are taken than there are', () =>
    assert(
      property(ids, settings, turns, (targets, how, what) => {
        expect(play(targets, how, what).mostTaken).toBeLessThanOrEqual(how.size);
      }),
    ));

  test('failhard starts nobody after one that did not succeed; without it all are started', () =>
    assert(
      property(ids, settings, turns, (targets, how, what) => {
        const { ends, started, startedAfterStop } = play(targets, how, what);
        expect(startedAfterStop).toEqual([]);
        if (!how.failhard) expect(started).toHaveLength(targets.length);
        const bad = [...ends.values()].filter((end) => end !== 'succeeded' && end !== 'skipped');
        if (bad.length === 0) expect(started).toHaveLength(targets.length);
        // At most those that were in flight beside the first bad one can end badly after it.
        if (how.failhard) expect(bad.length).toBeLessThanOrEqual(how.size);
      }),
    ));

  test('targets are started in their order', () =>
    assert(
      property(ids, settings, (targets, how) => {
        const { started } = play(targets, how, [{ pick: 0, outcome: 'succeeded', putBack: false }]);
        expect(started).toEqual(targets);
      }),
    ));
});

test('a place rests as long as it is told after its target has ended', () => {
  let state = evolveBatch(beginBatch(['a', 'b', 'c'], { size: 1, waitMs: 10, failhard: false }), {
    type: 'started',
    ids: ['a'],
  });
  state = evolveBatch(state, { type: 'ended', id: 'a', outcome: 'failed', at: 100 });
  expect(decideBatch(state, 109)).toMatchObject({ start: [], wakeAt: 110 });
  expect(decideBatch(state, 110)).toMatchObject({ start: ['b'], wakeAt: undefined });
});

test('nobody rests after the last target', () => {
  let state = evolveBatch(beginBatch(['a'], { size: 1, waitMs: 1_000, failhard: false }), {
    type: 'started',
    ids: ['a'],
  });
  state = evolveBatch(state, { type: 'ended', id: 'a', outcome: 'succeeded', at: 100 });
  expect(decideBatch(state, 100)).toMatchObject({ isOver: true });
});

import { batchSizes, limitAmong } from '@edge-run/master/jobs';
import {
  type BatchSettings,
  type BatchState,
  beginBatch,
  decideBatch,
  evolveBatch,
} from '@edge-run/master/jobs/internal';
import {
  array,
  assert,
  boolean,
  constantFrom,
  integer,
  option,
  property,
  record,
  string,
  uniqueArray,
} from 'fast-check';
import { describe, expect, test } from 'vitest';

const OUTCOMES = ['succeeded', 'failed', 'unreachable', 'no-return', 'timed-out', 'cancelled'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** What a made-up fleet did with a batch. */
interface Played {
  readonly started: readonly string[];
  readonly ends: ReadonlyMap<string, Outcome | 'skipped'>;
  readonly mostTaken: number;
  /** The batches of `sizes`, each with who was started in it. */
  readonly batches: readonly (readonly string[])[];
  /** Which batches were asked for, and with whom. */
  readonly gates: readonly { readonly batch: number; readonly ids: readonly string[] }[];
  readonly stopped: string | undefined;
  readonly startedAfterStop: readonly string[];
}

interface Turn {
  readonly pick: number;
  readonly outcome: Outcome;
  readonly putBack: boolean;
  readonly gatePasses: boolean;
}

/** Plays a batch to its end: which of those in flight ends next, and how, is given; it never waits for long. */
function play(ids: readonly string[], settings: BatchSettings, turns: readonly Turn[]): Played {
  let state: BatchState = beginBatch(ids, settings);
  let now = 0;
  let turn = 0;
  let mostTaken = 0;
  const started: string[] = [];
  const ends = new Map<string, Outcome | 'skipped'>();
  const startedAfterStop: string[] = [];
  const batches: string[][] = [];
  const gates: { batch: number; ids: readonly string[] }[] = [];
  for (let guard = 0; guard < 10_000; guard += 1) {
    const { start, batch, skip, gate, wakeAt, isOver } = decideBatch(state, now);
    if (isOver) return { started, ends, mostTaken, batches, gates, stopped: state.stopped, startedAfterStop };
    if (state.stopped !== undefined) startedAfterStop.push(...start);
    if (start.length > 0) {
      started.push(...start);
      if (batch !== undefined) batches[batch] = [...(batches[batch] ?? []), ...start];
      state = evolveBatch(state, { type: 'started', ids: start, batch });
      mostTaken = Math.max(mostTaken, state.inFlight.size + state.resting.filter((until) => until > now).length);
    } else if (skip.length > 0) {
      for (const id of skip) ends.set(id, 'skipped');
      state = evolveBatch(state, { type: 'skipped', ids: skip });
    } else if (gate !== undefined) {
      expect(state.inFlight.size).toBe(0);
      gates.push(gate);
      const { gatePasses } = turns[turn % turns.length]!;
      turn += 1;
      state = gatePasses
        ? evolveBatch(state, { type: 'gate-passed', batch: gate.batch })
        : evolveBatch(state, { type: 'stopped', because: 'the gate' });
    } else if (state.inFlight.size > 0) {
      const { pick, outcome, putBack } = turns[turn % turns.length]!;
      turn += 1;
      now += 1;
      const id = [...state.inFlight][pick % state.inFlight.size]!;
      if (putBack && turn < turns.length) {
        started.splice(started.indexOf(id), 1);
        for (const one of batches) if (one.includes(id)) one.splice(one.indexOf(id), 1);
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
    gatePasses: constantFrom(true, true, true, false),
  }),
  { minLength: 1, maxLength: 60 },
);

const well: Turn = { pick: 0, outcome: 'succeeded', putBack: false, gatePasses: true };
const limits = {
  maxFailures: option(integer({ min: 0, max: 4 }), { nil: undefined }),
  maxUnreachable: option(integer({ min: 0, max: 4 }), { nil: undefined }),
};
const anySettings = record({
  ...{ size: integer({ min: 1, max: 12 }), waitMs: integer({ min: 0, max: 5 }), failhard: boolean(), ...limits },
  sizes: option(array(integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }), { nil: undefined }),
  gated: boolean(),
});
const seriesSettings = record({
  ...{ size: integer({ min: 1, max: 12 }), waitMs: integer({ min: 0, max: 5 }), failhard: boolean(), ...limits },
  sizes: array(integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
  gated: boolean(),
});

describe('a batch, whatever its targets do', () => {
  test('every target has one end: it was started once, or never', () =>
    assert(
      property(ids, anySettings, turns, (targets, how, what) => {
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

  test('batches of `sizes` are no larger than told, the last size repeats, and none is empty', () =>
    assert(
      property(ids, seriesSettings, turns, (targets, how, what) => {
        const { batches, mostTaken } = play(targets, how, what);
        expect(mostTaken).toBeLessThanOrEqual(Math.max(...how.sizes));
        for (const [index, batch] of batches.entries()) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(how.sizes[Math.min(index, how.sizes.length - 1)]!);
        }
      }),
    ));

  test('nobody is started once more failed, or were unreachable, than may; with fewer all are started', () =>
    assert(
      property(ids, anySettings, turns, (targets, how, what) => {
        const { started, ends, startedAfterStop, stopped } = play(targets, how, what);
        expect(startedAfterStop).toEqual([]);
        const count = (...outcomes: readonly string[]): number =>
          [...ends.values()].filter((end) => outcomes.includes(end)).length;
        const failed = count('failed', 'no-return', 'timed-out', 'cancelled');
        const isOver =
          failed > (how.maxFailures ?? Infinity) || count('unreachable') > (how.maxUnreachable ?? Infinity);
        if (isOver) expect(stopped).toBeDefined();
        if (!isOver && !how.failhard && stopped === undefined) expect(started).toHaveLength(targets.length);
        // Beside the one too many only those that were in flight with it can end badly.
        const most = Math.max(how.size, ...(how.sizes ?? []));
        if (how.maxFailures !== undefined) expect(failed).toBeLessThanOrEqual(how.maxFailures + most);
      }),
    ));

  test('the gate is asked once behind each batch, with those who succeeded, and a batch only follows one that passed', () =>
    assert(
      property(ids, seriesSettings, turns, (targets, how, what) => {
        const { batches, gates, ends, stopped } = play(targets, { ...how, gated: true }, what);
        expect(gates.map(({ batch }) => batch)).toEqual(gates.map((_, index) => index));
        for (const { batch, ids: asked } of gates)
          expect([...asked].sort()).toEqual(batches[batch]!.filter((id) => ends.get(id) === 'succeeded').sort());
        if (stopped === undefined) expect(gates).toHaveLength(batches.length);
        else expect(batches.length - gates.length).toBeLessThanOrEqual(1);
        expect(play(targets, { ...how, gated: false }, what).gates).toEqual([]);
      }),
    ));

  test('targets are started in their order', () =>
    assert(
      property(ids, anySettings, (targets, how) => {
        const { started } = play(targets, how, [well]);
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

describe('a budget', () => {
  const end = (state: BatchState, id: string, outcome: Outcome): BatchState =>
    evolveBatch(state, { type: 'ended', id, outcome, at: 0 });
  const ten = Array.from({ length: 10 }, (_, index) => `h${index}`);
  const begin = (change: Partial<BatchSettings>): BatchState =>
    evolveBatch(beginBatch(ten, { size: 10, waitMs: 0, failhard: false, ...change }), {
      type: 'started',
      ids: ten.slice(0, 9),
    });
  const failing = (state: BatchState, ...failed: readonly string[]): BatchState =>
    failed.reduce((now, id) => end(now, id, 'failed'), state);

  test('is spent by the one too many, and says so with numbers and names', () => {
    const state = begin({ maxFailures: 2 });
    expect(failing(state, 'h1', 'h2').stopped).toBeUndefined();
    expect(failing(state, 'h1', 'h2', 'h5').stopped).toBe('3 of 10 hosts failed, at most 2 may: h1, h2, h5');
  });

  test('does not count the unreachable as failed: they have a limit of their own, and are named', () => {
    let state = begin({ maxFailures: 1, maxUnreachable: 1 });
    state = end(state, 'h0', 'unreachable');
    state = failing(state, 'h1');
    expect(state.stopped).toBeUndefined();
    expect(failing(state, 'h2').stopped).toBe('2 of 10 hosts failed, at most 1 may: h1, h2; unreachable besides: h0');
    expect(end(state, 'h3', 'unreachable').stopped).toBe('2 of 10 hosts are unreachable, at most 1 may be: h0, h3');
  });

  test('of nothing is spent by the first, and the excused spend none', () => {
    expect(failing(begin({ maxFailures: 0 }), 'h4').stopped).toBe('1 of 10 hosts failed, at most 0 may: h4');
    const excused = begin({ maxFailures: 0, failhard: true, excused: ['h4'] });
    expect(failing(excused, 'h4').stopped).toBeUndefined();
  });

  test('names five and counts the others', () => {
    const state = failing(begin({ maxFailures: 6 }), ...ten.slice(0, 7));
    expect(state.stopped).toBe('7 of 10 hosts failed, at most 6 may: h0, h1, h2, h3, h4 and 2 more');
  });
});

test('a batch of several rests as a whole, then its gate is asked, then the next begins', () => {
  const settings = { size: 2, sizes: [2], waitMs: 10, failhard: false, gated: true };
  let state = evolveBatch(beginBatch(['a', 'b', 'c'], settings), { type: 'started', ids: ['a', 'b'], batch: 0 });
  state = evolveBatch(state, { type: 'ended', id: 'a', outcome: 'succeeded', at: 100 });
  expect(decideBatch(state, 150)).toMatchObject({ start: [], gate: undefined, wakeAt: undefined });
  state = evolveBatch(state, { type: 'ended', id: 'b', outcome: 'failed', at: 200 });
  expect(decideBatch(state, 209)).toMatchObject({ start: [], gate: undefined, wakeAt: 210 });
  expect(decideBatch(state, 210)).toMatchObject({ start: [], gate: { batch: 0, ids: ['a'] } });
  state = evolveBatch(state, { type: 'gate-passed', batch: 0 });
  expect(decideBatch(state, 210)).toMatchObject({ start: ['c'], batch: 1 });
});

test.each([
  ['1,25%,100%', 9, [1, 2, 9]],
  [' 1 , 5% ', 9, [1, 1]],
  ['10%', 0, [1]],
  ['12.5%', 16, [2]],
])('%s of %i hosts are batches of %j', (text, total, sizes) => {
  expect(batchSizes(text, total)).toEqual(sizes);
});

test.each(['', '0', '0%', 'x', '1,', '-1', '10 %%'])('`%s` is no batch', (text) => {
  expect(() => batchSizes(text, 10)).toThrow(/no number and no share/);
});

test.each([
  ['3', 9, 3],
  ['10%', 9, 0],
  ['10%', 10, 1],
  ['0', 10, 0],
])('at most %s of %i is %i', (text, total, limit) => {
  expect(limitAmong(text, total)).toBe(limit);
});

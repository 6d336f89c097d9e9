import { type Patience, pauseAfter, waitUntil } from '@edge-run/master/orchestration/internal';
import { describe, expect, it } from 'vitest';
import { MovingClock } from '../../../support/moving-clock.ts';

const patience: Patience = { deadline: 10, interval: 1, backoff: 1, max_interval: 30, passes: 1, delay: 0 };
const never = new AbortController().signal;

describe('the pause between two looks', () => {
  it.each([
    [{ interval: 2 }, [2000, 2000, 2000]],
    [{ interval: 1, backoff: 2 }, [1000, 2000, 4000]],
    [{ interval: 1, backoff: 3, max_interval: 5 }, [1000, 3000, 5000]],
    [{ interval: 60, backoff: 2 }, [60_000, 60_000, 60_000]],
  ])('%j', (change, pauses) => {
    expect([1, 2, 3].map((looks) => pauseAfter({ ...patience, ...change }, looks))).toEqual(pauses);
  });
});

describe('a wait', () => {
  const wait = async (
    change: Partial<Patience>,
    looks: string,
    startedBefore?: number,
  ): Promise<{ result: unknown; comment: string; looked: number; seconds: number }> => {
    const clock = new MovingClock();
    const from = clock.now();
    let looked = 0;
    const look = async (): Promise<{ isGood: boolean; seen: string }> => {
      const isGood = looks[Math.min(looked, looks.length - 1)] === '+';
      looked += 1;
      return { isGood, seen: isGood ? 'good' : 'bad' };
    };
    const startedAt = startedBefore === undefined ? undefined : from - startedBefore * 1000;
    const context = { ports: { clock }, signal: never, startedAt, report: () => {} };
    const { answer } = await waitUntil({ ...patience, ...change }, 'it', look, context as never);
    return { ...answer, looked, seconds: (clock.now() - from) / 1000 } as never;
  };

  it.each([
    ['--+', {}, true, 3, 2],
    ['+-++', { passes: 2 }, true, 4, 3],
    ['-', {}, false, 11, 10],
    ['+', { delay: 4 }, true, 1, 4],
    ['-', { deadline: 0.5 }, false, 1, 0],
    ['-', { interval: 3 }, false, 4, 9],
  ])('looks that are %s with %j: %s after %i', async (looks, change, result, looked, seconds) => {
    expect(await wait(change, looks)).toMatchObject({ result, looked, seconds });
  });
  it('counts its time from the first start, and looks at least once', async () => {
    expect(await wait({}, '-', 7)).toMatchObject({ result: false, looked: 4, seconds: 3 });
    expect(await wait({}, '+', 600)).toMatchObject({ result: true, looked: 1 });
    expect(await wait({ delay: 4 }, '+', 1)).toMatchObject({ seconds: 3 });
  });
});

import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';

describe('ManualClock', () => {
  it('wakes sleepers in order, each at its own instant', async () => {
    const clock = new ManualClock(1_000);
    const woken: [string, number][] = [];
    const sleep = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms);
      woken.push([name, clock.now()]);
    };
    const all = [sleep('late', 300), sleep('early', 100), sleep('never', 1_000)];
    await clock.advance(500);
    expect(woken).toEqual([
      ['early', 1_100],
      ['late', 1_300],
    ]);
    expect(clock.now()).toBe(1_500);
    expect(clock.sleeping).toBe(1);
    await clock.advance(1_000);
    await Promise.all(all);
    expect(woken).toHaveLength(3);
  });

  it('wakes a sleeper again that sleeps again', async () => {
    const clock = new ManualClock(0);
    const at: number[] = [];
    const stop = new AbortController();
    const loop = (async () => {
      while (!stop.signal.aborted) {
        await clock.sleep(10, stop.signal).catch(() => undefined);
        at.push(clock.now());
      }
    })();
    await clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
    stop.abort();
    await loop;
  });

  it('ends a sleep when its signal aborts, before or while sleeping', async () => {
    const clock = new ManualClock();
    const stop = new AbortController();
    const sleep = clock.sleep(10, stop.signal);
    stop.abort();
    await expect(sleep).rejects.toMatchObject({ code: 'EDGE_CANCELLED' });
    await expect(clock.sleep(10, stop.signal)).rejects.toMatchObject({ code: 'EDGE_CANCELLED' });
    expect(clock.sleeping).toBe(0);
  });
});

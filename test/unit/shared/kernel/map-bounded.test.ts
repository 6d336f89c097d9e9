import { mapBounded } from '@edge-run/shared/kernel';
import { describe, expect, it } from 'vitest';

describe('mapBounded', () => {
  it('keeps the order of the items, and never more than the limit at once', async () => {
    let running = 0;
    let most = 0;
    const work = async (item: number): Promise<number> => {
      running += 1;
      most = Math.max(most, running);
      // Later items end first.
      for (let turn = item; turn < 10; turn += 1) await Promise.resolve();
      running -= 1;
      return item * 2;
    };
    expect(await mapBounded([1, 2, 3, 4, 5, 6, 7], 3, work)).toEqual([2, 4, 6, 8, 10, 12, 14]);
    expect(most).toBe(3);
  });
  it('ends with the first failure, once those under way have ended, and starts no other', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      await Promise.resolve();
      if (item === 1) throw new Error('no');
      await Promise.resolve();
      ended.push(item);
    };
    await expect(mapBounded([1, 2, 3, 4, 5], 2, work)).rejects.toThrow('no');
    expect(ended).toEqual(begun.filter((item) => item !== 1));
    expect(begun).not.toContain(5);
  });
  it('nothing for nobody', async () => {
    expect(await mapBounded([], 4, async () => 1)).toEqual([]);
  });
});

import { GrowingMap } from '@edge-run/master/orchestration/internal';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test('every version is what copying a Map would have made, whichever one is gone on from', () => {
  const change = fc.record({ from: fc.nat(), key: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const grown = [GrowingMap.empty<string, number>()];
      const copied: ReadonlyMap<string, number>[] = [new Map()];
      for (const { from, key, value } of changes) {
        const base = from % grown.length;
        grown.push(grown[base]!.with(key, value));
        copied.push(new Map(copied[base]).set(key, value));
      }
      for (const [index, map] of grown.entries()) {
        expect([...map]).toEqual([...copied[index]!]);
        expect(map.size).toBe(copied[index]!.size);
        for (const key of ['a', 'b', 'c', 'd', 'x']) {
          expect(map.get(key)).toBe(copied[index]!.get(key));
          expect(map.has(key)).toBe(copied[index]!.has(key));
        }
      }
    }),
  );
});

import { KeptFacts } from '@edge-run/shared/modules/facts';
import { fromPlain, type PyMap } from '@edge-run/shared/values';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../support/manual-clock.ts';

function kept(values: readonly (number | Error)[]): { facts: KeptFacts; clock: ManualClock; told: unknown[] } {
  const clock = new ManualClock();
  const waiting = [...values];
  const told: unknown[] = [];
  const facts = new KeptFacts({
    gather: async () => {
      const next = waiting.shift();
      if (next === undefined || next instanceof Error) throw next ?? new Error('asked too often');
      return fromPlain({ n: next }) as PyMap;
    },
    keepMs: 1_000,
    clock,
    onChange: async (changed) => void told.push(changed.get('n')),
  });
  return { facts, clock, told };
}

test('facts are gathered once, and anew when they are old', async () => {
  const { facts, clock, told } = kept([1, 2]);
  expect([(await facts.current()).get('n'), (await facts.current()).get('n')]).toEqual([1, 1]);
  await clock.advance(1_001);
  expect((await facts.current()).get('n')).toBe(2);
  expect(told).toEqual([2]);
});

test('refresh gathers at once and tells only of a change', async () => {
  const { facts, told } = kept([1, 1, 3]);
  await facts.current();
  await facts.refresh();
  expect(told).toEqual([]);
  expect((await facts.refresh()).get('n')).toBe(3);
  expect(told).toEqual([3]);
});

test('a refresh that fails leaves what was known; a first look that fails is repeated', async () => {
  const { facts } = kept([1, new Error('gone')]);
  await facts.current();
  await expect(facts.refresh()).rejects.toThrow('gone');
  expect((await facts.current()).get('n')).toBe(1);
  const other = kept([new Error('not yet'), 2]);
  await expect(other.facts.current()).rejects.toThrow('not yet');
  expect((await other.facts.current()).get('n')).toBe(2);
});

import { compressHosts, groupByAnswer } from '@edge-run/shared/view';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

/** The ids a list of parts stands for: the inverse the short form must have. */
function expand(parts: readonly string[]): string[] {
  return parts.flatMap((part) => {
    const match = /^(.*)\[(\d+)-(\d+)\](.*)$/s.exec(part);
    if (match === null) return [part];
    const [, prefix, from, to, suffix] = match as unknown as [string, string, string, string, string];
    const count = Number(to) - Number(from) + 1;
    return Array.from(
      { length: count },
      (_, index) => prefix + String(Number(from) + index).padStart(from.length, '0') + suffix,
    );
  });
}

const hostId = fc.oneof(
  fc.tuple(fc.constantFrom('web', 'db-', 'w1x'), fc.nat(120)).map(([name, number]) => `${name}${number}`),
  fc
    .tuple(fc.constantFrom('web', 'lb'), fc.nat(120))
    .map(([name, number]) => `${name}${String(number).padStart(3, '0')}`),
  fc.nat(30).map((number) => `web${number}.prod.example.com`),
  fc.constantFrom('laptop', 'a.b2', '10', 'x20261121083000000000'),
);

describe('compressHosts', () => {
  it('writes neighbours as a range and leaves the others', () => {
    expect(compressHosts(['web03', 'web01', 'db1', 'web02', 'web10'])).toEqual(['db1', 'web[01-03]', 'web10']);
    expect(compressHosts(['web9', 'web10', 'web11.eu1'])).toEqual(['web[9-10]', 'web11.eu1']);
    expect(compressHosts(['db-1.eu1', 'db-2.eu1'])).toEqual(['db-[1-2].eu1']);
  });

  it('stands for exactly the ids it was given, each once', () => {
    fc.assert(
      fc.property(fc.array(hostId, { maxLength: 40 }), (ids) => {
        const expanded = expand(compressHosts(ids));
        expect([...expanded].sort()).toEqual([...new Set(ids)].sort());
      }),
    );
  });
});

describe('groupByAnswer', () => {
  it('puts every host in exactly one group, with its own answer', () => {
    const answers = fc.dictionary(hostId, fc.constantFrom<string | { a: number }>('up', 'down', { a: 1 }, { a: 2 }));
    fc.assert(
      fc.property(answers, (byId) => {
        const groups = groupByAnswer(Object.entries(byId));
        const ids = groups.flatMap((group) => group.ids);
        expect([...ids].sort()).toEqual(Object.keys(byId).sort());
        for (const group of groups) for (const id of group.ids) expect(byId[id]).toEqual(group.answer);
        expect(new Set(groups.map((group) => JSON.stringify(group.answer))).size).toBe(groups.length);
      }),
    );
  });

  it('takes mappings whose keys stand in another order for equal', () => {
    const groups = groupByAnswer([
      ['web1', { a: 1, b: 2 }],
      ['web2', { b: 2, a: 1 }],
    ]);
    expect(groups.map((group) => group.label)).toEqual(['web[1-2]']);
  });
});

import { decideFires, type FireDecision, nextFire, parseSchedule, type Schedule } from '@edge-run/shared/schedule';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

function schedule(definition: object): Schedule {
  const { value, diagnostics } = parseSchedule('backup', definition);
  if (value === undefined) throw new Error(diagnostics.map(({ summary }) => summary).join('; '));
  return value;
}

/** The next `count` instants, as `HH:MMZ` of their days. */
function upcoming(definition: object, after: string, count: number): readonly string[] {
  const found: string[] = [];
  const plan = schedule(definition);
  for (let at = nextFire(plan, Date.parse(after)); at !== undefined && found.length < count; at = nextFire(plan, at)) {
    found.push(new Date(at).toISOString().slice(5, 16));
  }
  return found;
}

describe('clock changes in Europe/Berlin', () => {
  const timezone = 'Europe/Berlin';

  it('runs a fixed time once in the night clocks go back, at its first coming', () => {
    expect(upcoming({ cron: '30 2 * * *', timezone }, '2027-10-30T12:00:00Z', 2)).toEqual([
      '10-31T00:30',
      '11-01T01:30',
    ]);
  });

  it('runs a fixed time that does not exist when clocks have gone forward', () => {
    expect(upcoming({ cron: '30 2 * * *', timezone }, '2027-03-27T12:00:00Z', 2)).toEqual([
      '03-28T01:00',
      '03-29T00:30',
    ]);
  });

  it('runs every half hour in the long night', () => {
    const found = upcoming({ cron: '*/30 * * * *', timezone }, '2027-10-30T23:40:00Z', 5);
    expect(found).toEqual(['10-31T00:00', '10-31T00:30', '10-31T01:00', '10-31T01:30', '10-31T02:00']);
  });

  it('runs every half hour in the short night', () => {
    const found = upcoming({ cron: '*/30 * * * *', timezone }, '2027-03-28T00:10:00Z', 4);
    expect(found).toEqual(['03-28T00:30', '03-28T01:00', '03-28T01:30', '03-28T02:00']);
  });
});

describe('parseSchedule', () => {
  it.each([
    [{ cron: '0 0 * * Monday' }, '2026-11-21T00:00:00Z', ['11-23T00:00']],
    [{ cron: '0 0 1 January *' }, '2026-11-21T00:00:00Z', ['01-01T00:00']],
    [
      { cron: '0 22-1 * * *' },
      '2026-11-21T12:00:00Z',
      ['11-21T22:00', '11-21T23:00', '11-22T00:00', '11-22T01:00', '11-22T22:00'],
    ],
    [{ cron: '0 0 13 * 5' }, '2026-11-21T12:00:00Z', ['11-27T00:00', '12-04T00:00', '12-11T00:00', '12-13T00:00']],
    [{ cron: '*/20 * * * * *' }, '2026-11-21T12:00:30Z', ['11-21T12:00', '11-21T12:01']],
    [{ cron: '@daily' }, '2026-11-21T12:00:00Z', ['11-22T00:00']],
    [{ cron: '0 0 L * *' }, '2026-11-21T12:00:00Z', ['11-30T00:00']],
    [{ hours: 1, minutes: 30 }, '2026-11-21T12:00:00Z', ['11-21T13:30', '11-21T15:00']],
    [{ once: '2027-03-01T10:00:00', timezone: 'Europe/Berlin' }, '2026-11-21T12:00:00Z', ['03-01T09:00']],
    [{ once: '2027-03-01T10:00:00+05:00' }, '2026-11-21T12:00:00Z', ['03-01T05:00']],
    [{ once: '2027-03-28T02:30:00', timezone: 'Europe/Berlin' }, '2026-11-21T12:00:00Z', ['03-28T01:30']],
  ])('%j', (definition, after, expected) => {
    expect(upcoming(definition, after, expected.length)).toEqual(expected);
  });

  it.each([
    [{ cron: '61 * * * *' }, '`cron`: `61 * * * *`: 61 is'],
    [{ cron: '* * * *' }, 'expected 5 or 6 fields'],
    [{ cron: '0 0 31 2 *' }, '`cron`'],
    [{ cron: '@reboot' }, '`cron`'],
    [{}, 'says no time'],
    [{ cron: '@daily', seconds: 5 }, 'cron and seconds, which exclude'],
    [{ seconds: 0.5 }, 'at least one second'],
    [{ seconds: 0 }, '`seconds`'],
    [{ seconds: '5' }, '`seconds`'],
    [{ days: 1e9 }, '`days`'],
    [{ cron: '@daily', timezone: 'Europe/Berlim' }, 'no time zone `Europe/Berlim`'],
    [{ seconds: 5, timezone: 'UTC' }, 'an interval has no time zone'],
    [{ once: 'tomorrow' }, 'not a date'],
    [{ once: '2027-02-30' }, 'not a date'],
    [{ seconds: 5, overlap: 'kill' }, '`overlap`'],
    ['daily', 'schedule `backup`'],
  ])('refuses %j', (definition, summary) => {
    const { value, diagnostics } = parseSchedule('backup', definition);
    expect(value).toBeUndefined();
    expect(diagnostics[0]!.code).toBe('EDGE_SCHEDULE_INVALID');
    expect(diagnostics[0]!.summary).toContain(summary);
  });

  it('reports all problems, with suggestions', () => {
    const { diagnostics } = parseSchedule('backup', { corn: 'x', second: 5, splay: -1 });
    expect(diagnostics).toHaveLength(3);
    expect(diagnostics.map(({ detail }) => detail)).toContain('did you mean `seconds`?');
    expect(parseSchedule('b', { cron: '@daily', timezone: 'Europe/Berlim' }).diagnostics[0]!.detail).toContain(
      'Europe/Berlin',
    );
  });
});

describe('decideFires', () => {
  const minute = 60_000;
  const hour = 60 * minute;
  const start = Date.parse('2026-11-21T12:00:00Z');
  const fires = ({ fires: found }: FireDecision): readonly unknown[] =>
    found.map(({ dueAt, action }) => [(dueAt - start) / hour, action]);
  const hourly = (more: object = {}): Schedule => schedule({ hours: 1, ...more });
  const at = (hours: number, running = false) => ({ last: start, now: start + hours * hour, running });

  it('is first due after it was first seen', () => {
    const decision = decideFires(hourly(), { last: undefined, now: start, running: false });
    expect(decision).toEqual({ fires: [], decided: start, next: start + hour });
  });

  it('starts what is due, and goes on from there', () => {
    const decision = decideFires(hourly(), at(1.01));
    expect(fires(decision)).toEqual([[1, 'start']]);
    expect(decision).toMatchObject({ decided: start + hour, next: start + 2 * hour });
  });

  it('misfire skip: leaves out what nobody could start', () => {
    expect(fires(decideFires(hourly(), at(5.5)))).toEqual([]);
    expect(fires(decideFires(hourly(), at(5)))).toEqual([[5, 'start']]);
    expect(decideFires(hourly(), at(5.5))).toMatchObject({ decided: start + 5 * hour, next: start + 6 * hour });
  });

  it('misfire once: makes up for all with one', () => {
    expect(fires(decideFires(hourly({ misfire: 'once' }), at(5.5)))).toEqual([[5, 'start']]);
    expect(fires(decideFires(hourly({ misfire: 'once' }), at(5)))).toEqual([[5, 'start']]);
    expect(decideFires(hourly({ misfire: 'once' }), at(5.5)).fires[0]!.missed).toBe(true);
  });

  it('misfire all: starts every one, the first at once and the others behind it', () => {
    expect(fires(decideFires(hourly({ misfire: 'all' }), at(3.5)))).toEqual([
      [1, 'start'],
      [2, 'queue'],
      [3, 'queue'],
    ]);
  });

  it.each([
    ['skip', [[1, 'skip']]],
    ['queue', [[1, 'queue']]],
    ['replace', [[1, 'replace']]],
  ])('overlap %s while its run goes on', (overlap, expected) => {
    expect(fires(decideFires(hourly({ overlap }), at(1, true)))).toEqual(expected);
  });

  it('replaces by the last of several only', () => {
    const plan = hourly({ overlap: 'replace', misfire: 'all' });
    expect(fires(decideFires(plan, at(3, true)))).toEqual([
      [1, 'skip'],
      [2, 'skip'],
      [3, 'replace'],
    ]);
  });

  it('runs a single instant once, also when first seen too late', () => {
    const plan = schedule({ once: '2026-11-21T12:00:00Z', misfire: 'once' });
    const late = decideFires(plan, { last: undefined, now: start + hour, running: false });
    expect(fires(late)).toEqual([[0, 'start']]);
    expect(late.next).toBeUndefined();
    expect(fires(decideFires(plan, { last: late.decided, now: start + 2 * hour, running: false }))).toEqual([]);
    const strict = schedule({ once: '2026-11-21T12:00:00Z' });
    expect(fires(decideFires(strict, { last: undefined, now: start + hour, running: false }))).toEqual([]);
  });

  it('does not catch up on the time it was switched off', () => {
    const off = decideFires(hourly({ enabled: false, misfire: 'all' }), at(10));
    expect(off).toEqual({ fires: [], decided: start + 10 * hour, next: undefined });
  });

  it('spreads hosts over the splay, each always at the same delay', () => {
    const plan = hourly({ splay: 600 });
    const delays = Array.from({ length: 50 }, (_, n) => {
      const { next } = decideFires(plan, { last: start, now: start, running: false, host: `web${n}` });
      return next! - start - hour;
    });
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delays)).toBeLessThanOrEqual(600_000);
    expect(new Set(delays).size).toBeGreaterThan(40);
    const again = decideFires(plan, { last: start, now: start + 1, running: false, host: 'web3' });
    expect(again.next).toBe(start + hour + delays[3]!);
    expect(fires(decideFires(plan, { last: start, now: again.next!, running: false, host: 'web3' }))).toEqual([
      [1, 'start'],
    ]);
    expect(fires(decideFires(plan, { last: start, now: again.next! - 1, running: false, host: 'web3' }))).toEqual([]);
  });

  it('is quick after years of silence', () => {
    const began = performance.now();
    for (const misfire of ['skip', 'once']) {
      for (const definition of [
        { seconds: 1, misfire },
        { cron: '* * * * * *', misfire },
      ]) {
        decideFires(schedule(definition), { last: 0, now: start, running: false });
      }
    }
    expect(performance.now() - began).toBeLessThan(1000);
  });

  const definitions = fc.oneof(
    fc
      .constantFrom('*/5 * * * *', '30 2 * * *', '0 */3 * * 1-5', '15,45 1-4 * * *')
      .map((cron) => ({ cron, timezone: 'Europe/Berlin' })),
    fc.integer({ min: 60, max: 20_000 }).map((seconds) => ({ seconds })),
  );
  const instants = fc.integer({ min: Date.parse('2027-03-27T00:00:00Z'), max: Date.parse('2027-11-02T00:00:00Z') });

  it('goes only forward', () => {
    fc.assert(
      fc.property(definitions, instants, (definition, after) => {
        const plan = schedule(definition);
        const first = nextFire(plan, after)!;
        expect(first).toBeGreaterThan(after);
        expect(nextFire(plan, first)!).toBeGreaterThan(first);
      }),
    );
  });

  it('starts the same runs whenever it is asked, none lost and none twice', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 4 * hour }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(definitions, instants, gaps, fc.nat(120), (definition, from, steps, splay) => {
        const plan = schedule({ ...definition, splay, misfire: 'all' });
        const seen: number[] = [];
        let last = from;
        let now = from;
        for (const step of steps) {
          now += step;
          const decision = decideFires(plan, { last, now, running: false });
          seen.push(...decision.fires.map(({ dueAt }) => dueAt));
          last = decision.decided;
        }
        const expected: number[] = [];
        for (let due = nextFire(plan, from)!; due <= last; due = nextFire(plan, due)!) expected.push(due);
        expect(seen).toEqual(expected);
        expect(last).toBeLessThanOrEqual(now);
      }),
      { numRuns: 50 },
    );
  });
});

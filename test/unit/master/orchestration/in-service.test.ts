import { floorOf, floorProblem } from '@edge-run/master/orchestration/internal';
import { describe, expect, it } from 'vitest';

type Members = Parameters<typeof floorProblem>[0];

/** `app1 up, app2 down, app3 draining`. */
function pool(text: string): Members {
  return text.split(', ').map((member) => {
    const [id = '', state = ''] = member.split(' ');
    const isAdmin = state === 'draining' || state === 'disabled';
    const admin = isAdmin ? state : 'enabled';
    return { id, address: '', admin, health: isAdmin ? 'up' : (state as 'up'), sessions: 0 };
  });
}

describe('how many members have to stay in service', () => {
  it.each([
    ['70%', 3, 3, '70% of 3 have to be, which is 2.1, so 3'],
    ['70%', 10, 7, '70% of 10 have to be, which is 7'],
    ['30%', 10, 3, '30% of 10 have to be, which is 3'],
    ['1%', 5, 1, '1% of 5 have to be, which is 0.05, so 1'],
    ['100%', 4, 4, '100% of 4 have to be, which is 4'],
    ['2', 5, 2, 'at least 2 of 5 have to be'],
    [0, 5, 0, 'at least 0 of 5 have to be'],
  ])('%s of %i is %i', (floor, total, count, words) => {
    expect(floorOf(floor, total)).toEqual({ count, words });
  });
  it.each(['most', '-1', '70 percent'])('%s is refused', (floor) => {
    expect(() => floorOf(floor, 5)).toThrow(/no number of members and no share/);
  });
});

describe('whether a member may be taken out', () => {
  it.each([
    ['app1 up, app2 up, app3 up', '60%', undefined],
    ['app1 up, app2 up, app3 up', '70%', /^3 of 3 members are in service, without app1 2 would be; 70% of 3/],
    ['app1 up, app2 down, app3 up', 2, /^2 of 3 .* without app1 1 would be; .*; out already: app2 \(down\)$/],
    ['app1 up, app2 checking, app3 draining', 1, /out already: app2 \(checking\), app3 \(draining\)$/],
    ['app1 up, app2 unknown, app3 unknown', 2, undefined],
    ['app1 disabled, app2 up, app3 up', '100%', undefined],
    ['app1 down, app2 up, app3 up', '100%', undefined],
    ['app1 up', 0, undefined],
    ['app1 up', 1, /without app1 0 would be/],
  ])('%s with at least %s', (members, floor, problem) => {
    const found = floorProblem(pool(members), 'app1', floor);
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });
});

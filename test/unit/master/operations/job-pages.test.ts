import { pageOf, type ReturnsPage } from '@edge-run/master/operations/internal';
import { expect, test } from 'vitest';

const returned = (id: string, size = 100): ReturnsPage['returns'][number] => ({
  ...{ id, outcome: 'succeeded', retcode: 0, ret: 'x'.repeat(size) },
});

test('what fits is one page in order of arrival', () => {
  const returns = ['b', 'a'].map((id) => returned(id));
  expect(pageOf(returns, { after: undefined, mostBytes: 1_000 })).toEqual({ returns });
});

test('pages hold every return once, though others come in between, and at least one each', () => {
  const returns = ['d', 'b', 'a', 'c'].map((id) => returned(id));
  returns.push(returned('big', 5_000));
  const seen: string[] = [];
  let after: string | undefined;
  do {
    const page = pageOf(returns, { after, mostBytes: 400 });
    expect(page.returns.length).toBeGreaterThan(0);
    seen.push(...page.returns.map(({ id }) => id));
    after = page.next;
    if (seen.length === 2) returns.unshift(returned('e'));
  } while (after !== undefined);
  expect(seen).toEqual(['a', 'b', 'big', 'c', 'd', 'e']);
});

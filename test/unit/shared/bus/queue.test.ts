import { BoundedQueue, subjectMatches } from '@edge-run/shared/bus';
import { expect, test } from 'vitest';

const drain = async (queue: BoundedQueue<number>): Promise<number[]> => {
  const got: number[] = [];
  for await (const item of queue) got.push(item);
  return got;
};

test('a queue refuses what does not fit, and takes again once there is room', async () => {
  const queue = new BoundedQueue<number>({ items: 2, bytes: 100 });
  expect([queue.push(1, 10), queue.push(2, 10), queue.push(3, 10)]).toEqual([true, true, false]);
  const reader = queue[Symbol.asyncIterator]();
  expect((await reader.next()).value).toBe(1);
  expect(queue.push(4, 95)).toBe(false);
  expect(queue.push(5, 90)).toBe(true);
  queue.end();
  expect(queue.push(6)).toBe(false);
  expect([(await reader.next()).value, (await reader.next()).value, (await reader.next()).done]).toEqual([2, 5, true]);
});

test('one item larger than the bound still passes alone', async () => {
  const queue = new BoundedQueue<number>({ items: 10, bytes: 1 });
  expect(queue.push(1, 500)).toBe(true);
  queue.end();
  expect(await drain(queue)).toEqual([1]);
});

test('order is kept over many items', async () => {
  const queue = new BoundedQueue<number>();
  for (let n = 0; n < 5_000; n += 1) queue.push(n);
  queue.end();
  expect(await drain(queue)).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
});

test.each([
  ['a.b', 'a.b', true],
  ['a.*', 'a.b', true],
  ['a.*', 'a', false],
  ['a.*', 'a.b.c', false],
  ['a.>', 'a', false],
  ['a.>', 'a.b.c', true],
  ['>', 'a', true],
  ['a.b', 'a.c', false],
])('subject %s against %s: %s', (pattern, subject, expected) => {
  expect(subjectMatches(pattern, subject)).toBe(expected);
});

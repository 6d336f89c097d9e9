import { batchSettings } from '@edge-run/master/jobs';
import { beginBatch, decideBatch, evolveBatch } from '@edge-run/master/jobs/internal';
import { plannedBatches } from '@edge-run/master/orchestration/internal';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** Who is started together by the job itself, when nobody fails. */
function waves(batch: string, hosts: readonly string[]): string[][] {
  let state = beginBatch(hosts, batchSettings({ target: '*', fun: 'f', batch }, hosts.length)!);
  const started: string[][] = [];
  for (;;) {
    const { start, batch: index, isOver } = decideBatch(state, 0);
    if (isOver) return started;
    started.push([...start]);
    state = evolveBatch(state, { type: 'started', ids: start, batch: index });
    for (const id of start) state = evolveBatch(state, { type: 'ended', id, outcome: 'succeeded', at: 0 });
  }
}

test('the batches of a plan are those that the job will start', () => {
  const amount = fc.oneof(
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 100 }).map((share) => `${share}%`),
  );
  fc.assert(
    fc.property(fc.array(amount, { minLength: 1, maxLength: 4 }), fc.nat(30), (batch, count) => {
      const hosts = Array.from({ length: count }, (_, index) => `h${index}`);
      const started = waves(batch.join(','), hosts);
      expect(plannedBatches({ batch }, hosts).batches ?? []).toEqual(started.length > 1 ? started : []);
    }),
  );
});

test('sizes that come with an earlier step are not guessed', () => {
  expect(plannedBatches({ batch: '{{ steps.count.only }}' }, ['a', 'b'])).toEqual({
    budget: 'at most {{ steps.count.only }} at a time',
  });
});

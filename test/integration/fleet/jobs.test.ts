import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFleet, type TestFleet, type TestMaster, testExecutor } from '../../support/fleet.ts';

let fleet: TestFleet;
let master: TestMaster;
const never = new AbortController().signal;

beforeAll(async () => {
  fleet = await startFleet();
  master = await fleet.startMaster();
  await Promise.all(['web1', 'web2', 'db.example.org'].map((id) => fleet.startMinion(id)));
});
afterAll(() => fleet.stop());

const outcomes = (answer: { targets: ReadonlyMap<string, { outcome: string }> }): Record<string, string> =>
  Object.fromEntries([...answer.targets].map(([id, { outcome }]) => [id, outcome]).sort());

test('test.ping: every minion answers', async () => {
  const answer = await master.jobs.run({ target: '*', fun: 'test.ping' }, never);
  expect(outcomes(answer)).toEqual({ 'db.example.org': 'succeeded', web1: 'succeeded', web2: 'succeeded' });
  expect([...answer.targets.values()].every(({ ret }) => ret === true)).toBe(true);
});

import { openJetStreamJournal } from '@edge-run/master/journal';
import { systemClock } from '@edge-run/shared/kernel';
import { SUBJECTS } from '@edge-run/shared/protocol';
import { jetstream } from '@nats-io/jetstream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNats, type TestNats } from '../../support/nats.ts';

let nats: TestNats;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats.stop());

test.each([
  ['no JSON', '{"events": [', 'is no JSON'],
  ['an object that is gone', '{"object": "sha256:00"}', 'is gone'],
])('a run with an entry that is %s keeps nobody from following the others', async (name, text, why) => {
  const { connection } = await nats.connect(name.replaceAll(' ', '-'));
  const journal = await openJetStreamJournal<{ readonly n: number }>({ connection, clock: systemClock });
  const [bad, good] = [`bad-${name.length}`, `good-${name.length}`];
  await jetstream(connection).publish(SUBJECTS.run(bad), text);
  await journal.append(good, 0, [{ n: 1 }]);
  await expect(journal.read(bad)).rejects.toMatchObject({
    code: 'EDGE_JOURNAL_DAMAGED',
    message: expect.stringContaining(why),
  });
  const latest = new Map((await journal.latest()).map(({ run, events }) => [run, events]));
  expect([latest.get(bad), latest.get(good)]).toEqual([[], [{ n: 1 }]]);
  const stop = new AbortController();
  for await (const { run, events } of journal.tail(stop.signal)) {
    if (run === bad) expect(events).toEqual([]);
    if (run !== good) continue;
    expect(events).toEqual([{ n: 1 }]);
    stop.abort();
  }
});

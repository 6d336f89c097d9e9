import { type MinionPresence, tellOfPresence } from '@edge-run/master/jobs';
import { type JsonValue, silentLogger } from '@edge-run/shared/kernel';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../support/manual-clock.ts';

function watched(master: string, masters: readonly string[]) {
  const clock = new ManualClock();
  const hosts = new Map<string, MinionPresence>();
  const sent: [string, JsonValue][] = [];
  const stop = new AbortController();
  const ended = tellOfPresence({
    ...{ master, clock, log: silentLogger, signal: stop.signal },
    presence: { list: () => [...hosts.values()] },
    alive: async () => new Set(masters),
    send: async (tag, data) => void sent.push([tag, data]),
  });
  const set = (id: string, connected: boolean): void => {
    hosts.set(id, { id, connected, changedAt: clock.now(), seenAt: clock.now() });
  };
  return { clock, sent, set, end: () => stop.abort(), ended };
}

test('connections that come and go are told together; a restart and the start of the master are not', async () => {
  const { clock, sent, set, end, ended } = watched('m1', ['m2', 'm1']);
  set('web1', true);
  set('web2', true);
  await clock.advance(6_000);
  expect(sent).toEqual([]);
  set('web1', false);
  await clock.advance(2_000);
  set('web1', true);
  await clock.advance(5_000);
  expect(sent).toEqual([]);
  set('web1', false);
  set('web2', false);
  set('db1', true);
  await clock.advance(1_000);
  expect(sent.splice(0)).toEqual([['salt/presence/change', { new: ['db1'], lost: [] }]]);
  await clock.advance(3_000);
  expect(sent.splice(0)).toEqual([['salt/presence/change', { new: [], lost: ['web1', 'web2'] }]]);
  set('web2', true);
  await clock.advance(1_000);
  expect(sent.splice(0)).toEqual([['salt/presence/change', { new: ['web2'], lost: [] }]]);
  end();
  await ended;
});

test('of several masters one tells', async () => {
  const { clock, sent, set, end, ended } = watched('m2', ['m2', 'm1']);
  await clock.advance(6_000);
  set('web1', true);
  await clock.advance(2_000);
  expect(sent).toEqual([]);
  end();
  await ended;
});
